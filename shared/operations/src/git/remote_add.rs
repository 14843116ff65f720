//! `remote-add`: a name for another repository, in the workspace's own configuration.

use gitledger_events::operation::{Effect, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::script::Script;
use super::{remote_config, workspace};
use crate::failure::{classify_exit, codes};
use crate::{
    Budget, Context, Decision, Done, Exits, Failure, Operation, Place, Rejection, Remotes, Step, check,
};

/// Gives another repository a name in the workspace's git configuration, for programs that run in the
/// sandbox. Nothing is fetched. `fetch`, `pull`, `push` and `sync` talk to the repository that was cloned and
/// to no other, whatever the configuration says; `ls-remote` and `clone` take any URL that is admitted.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoteAdd {
    /// The sandbox to work in.
    pub sandbox_id: String,
    /// The remote's name; not `origin`.
    pub name: String,
    /// The repository's URL, `https://host/owner/name`, without user name or token.
    pub url: String,
}

/// The remote.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RemoteAddOutput {
    /// Its name.
    pub name: String,
    /// Its URL, as it is recorded.
    pub url: String,
    /// False when it was there already, with the same URL.
    pub changed: bool,
}

impl Operation for RemoteAdd {
    const NAME: &'static str = "remote-add";
    const EFFECT: Effect = Effect::Writes;
    const BUDGET: Budget = Budget::LOCAL;
    const EXAMPLE: &'static str =
        r#"{"sandbox_id": "i1", "name": "upstream", "url": "https://github.com/octocat/hello-world"}"#;
    type Output = RemoteAddOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, remotes: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        remote_config::check_name(&self.name)?;
        check::text::message("url", &self.url)?;
        remotes.admit("url", &self.url).map(drop)
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        if let Err(failure) = workspace::opened(context) {
            return failure.into();
        }
        let url = match context.remotes.admit("url", &self.url) {
            Ok(remote) => remote.url().to_owned(),
            Err(rejection) => return Failure::new(codes::TRANSPORT_FORBIDDEN, rejection.to_string()).into(),
        };
        let add = ["remote", "add", "--no-tags", "--end-of-options", &self.name, &url];
        let script = Script::default()
            .step("before", remote_config::url_step(&self.name))
            .step("add", Step::git(add).may_fail());
        let Some(exits) = rounds.first() else {
            return Decision::run(script.writing(context, Self::BUDGET, rounds));
        };
        if let Some(failure) = script.failure(exits, SideEffect::Unknown) {
            return failure.into();
        }
        let added = script.exit(exits, "add").cloned().unwrap_or_default();
        let before = script.line(exits, "before");
        let same = before.as_ref() == Some(&url);
        if !added.ok() && !same {
            if before.is_none() {
                return classify_exit(&added, SideEffect::None).into();
            }
            // Its URL is not told: the agent's own program may have put a token into it.
            let message = format!("The workspace has a remote {:?} already.", self.name);
            return Failure::new(codes::REMOTE_EXISTS, message).into();
        }
        Done::with(RemoteAddOutput { name: self.name.clone(), url, changed: added.ok() }).into()
    }
}
