//! `remote-remove`: forgets the name of another repository.

use gitledger_events::operation::{Effect, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::script::Script;
use super::{remote_config, workspace};
use crate::failure::{classify_exit, codes};
use crate::{Budget, Context, Decision, Done, Exits, Failure, Operation, Place, Rejection, Remotes, Step};

/// Takes the name of another repository out of the workspace's git configuration, and what was fetched under
/// that name (`refs/remotes/<name>`). `origin` stays.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoteRemove {
    /// The sandbox to work in.
    pub sandbox_id: String,
    /// The remote's name; not `origin`.
    pub name: String,
}

/// What is gone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RemoteRemoveOutput {
    /// The remote's name.
    pub name: String,
}

impl Operation for RemoteRemove {
    const NAME: &'static str = "remote-remove";
    const EFFECT: Effect = Effect::Writes;
    const BUDGET: Budget = Budget::LOCAL;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1", "name": "upstream"}"#;
    type Output = RemoteRemoveOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        remote_config::check_name(&self.name)
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        if let Err(failure) = workspace::opened(context) {
            return failure.into();
        }
        // One that the agent's own program made, with a token in its URL, can be taken away too.
        let lenient = "transfer.credentialsInUrl=allow";
        let remove = ["-c", lenient, "remote", "remove", "--end-of-options", &self.name];
        let script = Script::default().step("remove", Step::git(remove).may_fail());
        let Some(exits) = rounds.first() else {
            return Decision::run(script.writing(context, Self::BUDGET, rounds));
        };
        if let Some(failure) = script.failure(exits, SideEffect::Unknown) {
            return failure.into();
        }
        let removed = script.exit(exits, "remove").cloned().unwrap_or_default();
        match removed.code {
            0 => Done::with(RemoteRemoveOutput { name: self.name.clone() }).into(),
            2 => {
                let message = format!("The workspace has no remote {:?}.", self.name);
                Failure::new(codes::REMOTE_NOT_FOUND, message).into()
            }
            _ => classify_exit(&removed, SideEffect::Unknown).into(),
        }
    }
}
