//! `ref-resolve`: what a name stands for.

use gitledger_events::operation::{Effect, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::script::Script;
use super::workspace;
use crate::failure::codes;
use crate::plan::Input;
use crate::{
    Budget, Context, Decision, Done, Exits, Failure, Operation, Place, Rejection, Remotes, Step, check,
};

/// Tells what a name stands for now: the object's id and type, the commit it leads to, and the reference's
/// full name. Also makes a short object id whole.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RefResolve {
    /// The sandbox to look into.
    pub sandbox_id: String,
    /// HEAD, a branch (`origin/main` for the remote's), a tag, a full reference, or an object id, whole or
    /// its first digits.
    pub revision: String,
}

/// What it stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RefResolveOutput {
    /// The object's id.
    pub oid: String,
    /// `commit`, `tag` (an annotated one), `tree` or `blob`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The commit it leads to; `None` for a tree or a file.
    pub commit: Option<String>,
    /// The reference's full name, for example `refs/heads/main`; for HEAD the branch it is on. `None` for an
    /// object id.
    pub reference: Option<String>,
}

impl Operation for RefResolve {
    const NAME: &'static str = "ref-resolve";
    const EFFECT: Effect = Effect::Reads;
    const BUDGET: Budget = Budget::LOCAL;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1", "revision": "HEAD"}"#;
    type Output = RefResolveOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        check::reference::revision("revision", &self.revision)
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        if let Err(failure) = workspace::opened(context) {
            return failure.into();
        }
        let script = self.script();
        let Some(exits) = rounds.first() else {
            return Decision::run(script.reading(context, Self::BUDGET, rounds));
        };
        if let Some(failure) = script.failure(exits, SideEffect::None) {
            return failure.into();
        }
        let objects = script.exit(exits, "objects").map(crate::Exit::text).unwrap_or_default();
        let mut lines = objects.lines();
        let Some((oid, kind)) = lines.next().and_then(object) else {
            return self.nothing(&objects).into();
        };
        let reference = script.line(exits, "reference").filter(|name| name.starts_with("refs/"));
        Done::with(RefResolveOutput {
            commit: lines.next().and_then(object).map(|(oid, _)| oid),
            oid,
            kind,
            reference,
        })
        .into()
    }
}

impl RefResolve {
    fn script(&self) -> Script {
        let name = &self.revision;
        let objects = Step::git(["cat-file", "--batch-check"])
            .reading(Input::Text(format!("{name}\n{name}^{{commit}}\n")));
        let reference = ["rev-parse", "--verify", "--quiet", "--symbolic-full-name", "--end-of-options"];
        Script::default()
            .step("objects", objects)
            .step("reference", Step::git(reference).with([name]).may_fail())
    }

    fn nothing(&self, said: &str) -> Failure {
        let name = &self.revision;
        if said.starts_with(&format!("{name} ambiguous")) {
            return Failure::new(
                codes::REF_AMBIGUOUS,
                format!("More than one object's id starts with {name}."),
            );
        }
        match name.as_str() {
            "HEAD" => Failure::new(codes::EMPTY_REPOSITORY, "There is no commit yet."),
            name => Failure::new(codes::REF_NOT_FOUND, format!("There is no object {name}.")),
        }
    }
}

/// `<oid> <type> <size>`; anything else is not there.
fn object(line: &str) -> Option<(String, String)> {
    let mut words = line.split(' ');
    let oid = words.next().filter(|oid| workspace::is_oid(oid))?;
    let kind = words.next().filter(|kind| ["commit", "tag", "tree", "blob"].contains(kind))?;
    Some((oid.to_owned(), kind.to_owned()))
}
