//! `operation-undo`: puts back what an operation has changed in its workspace.

use gitledger_events::operation::{Effect, RefChange, SideEffect};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::script::Script;
use super::workspace;
use crate::failure::{classify, codes};
use crate::plan::Input;
use crate::record::{self, OperationRecord, State, Wants};
use crate::{
    Budget, Context, Decision, Done, Exits, Failure, Operation, Place, Rejection, Remotes, Step, Undo,
    snapshot, table,
};

/// Undoes what an operation did to its workspace: the references that it moved go back, and with them the files where it changed those.
/// Refused when anything of it has moved since. What was at a remote stays there. An undo can be undone.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OperationUndo {
    /// The sandbox in which it ran.
    pub sandbox_id: String,
    /// The operation to undo.
    pub id: Uuid,
}

/// What was put back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OperationUndoOutput {
    /// The operation that was undone.
    pub undone: Uuid,
    /// Its name.
    pub name: String,
    /// References that went back; with `dry_run` those that would.
    pub refs_restored: Vec<RefChange>,
    /// True when files and what was staged came back from the snapshot that was kept before the operation.
    pub files_restored: bool,
    /// HEAD now.
    pub head: Option<String>,
}

impl Operation for OperationUndo {
    const NAME: &'static str = "operation-undo";
    const EFFECT: Effect = Effect::Writes;
    const BUDGET: Budget = Budget::LOCAL;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1", "id": "01920000-0000-7000-8000-000000000001"}"#;
    const DRY_RUN: bool = true;
    const UNDO: Undo = Undo::Snapshot;
    type Output = OperationUndoOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)
    }

    fn wants(&self) -> Wants {
        Wants::Operation(self.id)
    }

    fn endangers_files(&self) -> bool {
        true
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        if let Err(failure) = workspace::opened(context) {
            return failure.into();
        }
        let (record, undo) = match self.undoable(context) {
            Ok(undoable) => undoable,
            Err(failure) => return failure.into(),
        };
        let script = script(record, undo, context.envelope.dry_run);
        let Some(exits) = rounds.first() else {
            let budget = Self::BUDGET;
            let mut plan = script.writing(context, budget, rounds);
            plan.scratch = Some(super::script::scratch(context));
            return Decision::run(plan);
        };
        match script.stopped_at(exits) {
            None => {}
            Some("head-same" | "same") => return moved(&script, exits, record).into(),
            Some(step) => {
                // The checkout comes first where there is one.
                let untouched =
                    step == "checkout" || (["gone", "refs"].contains(&step) && undo != Undo::Checkout);
                let left = if untouched { SideEffect::None } else { SideEffect::Applied };
                return classify(exits, left).into();
            }
        }
        let head = workspace::head(&script, exits, "head").oid;
        let restored = back(record);
        let dry = context.envelope.dry_run;
        let output = OperationUndoOutput {
            undone: self.id,
            name: record.operation.clone(),
            refs_restored: restored.clone(),
            files_restored: undo == Undo::Snapshot,
            head: head.clone(),
        };
        let refs_changed = if dry { Vec::new() } else { restored };
        let head_before = workspace::head(&script, exits, "before").oid;
        Done { head_before, head_after: head, refs_changed, ..Done::with(output) }.into()
    }
}

impl OperationUndo {
    fn undoable<'a>(&self, context: &Context<'a>) -> Result<(&'a OperationRecord, Undo), Box<Failure>> {
        let record = record::found(context, self.id)?;
        let not = |why: &str| Err(Box::new(Failure::new(codes::NOT_UNDOABLE, why)));
        if record.sandbox_id.as_deref() != Some(&self.sandbox_id) {
            return not("The operation ran in another sandbox.");
        }
        if record.state != State::Succeeded {
            return not("Only an operation that succeeded can be undone.");
        }
        match table::find(&record.operation).map_or(Undo::Never, |declaration| declaration.undo) {
            Undo::Never => not("An operation of this kind has nothing in the workspace to undo."),
            _ if head_alone(record) => not("HEAD was not on a branch."),
            Undo::Snapshot if kept(record).is_none() => not("No snapshot was kept: nothing was in danger."),
            undo => Ok((record, undo)),
        }
    }
}

/// HEAD moved, and no branch with it.
fn head_alone(record: &OperationRecord) -> bool {
    record.head_before != record.head_after
        && back(record).iter().all(|change| !change.name.starts_with("refs/heads/"))
}

/// The snapshot that was kept before the operation.
fn kept(record: &OperationRecord) -> Option<String> {
    let name = snapshot::files_reference(record.id);
    record.refs_changed.iter().find(|change| change.name == name).and_then(|change| change.new.clone())
}

/// The references that it moved, the other way round.
fn back(record: &OperationRecord) -> Vec<RefChange> {
    let own = |change: &&RefChange| {
        ["refs/heads/", "refs/tags/", "refs/stash"].iter().any(|own| change.name.starts_with(own))
    };
    let turned = |change: &RefChange| RefChange {
        name: change.name.clone(),
        old: change.new.clone(),
        new: change.old.clone(),
    };
    record.refs_changed.iter().filter(own).map(turned).collect()
}

/// First everything must be where the operation left it; then the references go back, all or none; then the
/// files.
fn script(record: &OperationRecord, undo: Undo, dry_run: bool) -> Script {
    let zero = |oid: &Option<String>| oid.clone().unwrap_or_else(|| "0".repeat(40));
    let back = back(record);
    let verify = lines(&back, |change| format!("verify {} {}", change.name, zero(&change.old)));
    // HEAD by itself: git takes it and the branch that it is on for the same reference twice.
    let head = record.head_after.as_deref().map(|head| format!("verify HEAD {head}\n"));
    let transaction = |text| Step::git(["update-ref", "--stdin"]).reading(Input::Text(text));
    let script = Script::default()
        .step("before", workspace::head_step())
        .maybe("head-same", head.map(transaction))
        .step("same", transaction(verify));
    if dry_run {
        return script.step("head", workspace::head_step());
    }
    let script = match undo {
        // HEAD's branch goes back with index and files, and only where nothing that is not committed is in
        // the way; this comes first, because it can fail.
        Undo::Checkout => {
            let target = record.head_before.clone().unwrap_or_default();
            script.step(
                "checkout",
                Step::git(["reset", "--quiet", "--keep", "--no-recurse-submodules", &target]),
            )
        }
        _ => script,
    };
    // git itself refuses to take away the branch that HEAD is on.
    let is_branch = |change: &&RefChange| change.new.is_none() && change.name.starts_with("refs/heads/");
    let gone: Vec<&str> =
        back.iter().filter(is_branch).map(|change| &change.name["refs/heads/".len()..]).collect();
    let delete = Step::git(["branch", "--delete", "--force", "--quiet", "--"]).with(gone.iter().copied());
    let script = script.maybe("gone", (!gone.is_empty()).then_some(delete));
    let others: Vec<RefChange> = back.iter().filter(|change| !is_branch(change)).cloned().collect();
    let moves = lines(&others, |change| match &change.new {
        Some(new) => format!("update {} {new}", change.name),
        // A tag or a stash.
        None => format!("delete {}", change.name),
    });
    let script = script.step(
        "refs",
        Step::git(["update-ref", "--stdin", "-m", "gitledger: undo"]).reading(Input::Text(moves)),
    );
    let script = match (undo, kept(record)) {
        (Undo::Snapshot, Some(files)) => {
            let index = snapshot::index_reference(record.id);
            script
                .step("files", Step::git(["read-tree", "--reset", "-u", "--no-recurse-submodules", &files]))
                .step("index", Step::git(["cat-file", "blob", &index]).writing(".git/index"))
        }
        _ => script,
    };
    script.step("head", workspace::head_step())
}

fn lines(changes: &[RefChange], line: impl Fn(&RefChange) -> String) -> String {
    changes.iter().map(|change| line(change) + "\n").collect()
}

fn moved(script: &Script, exits: &Exits, record: &OperationRecord) -> Failure {
    let now = workspace::head(script, exits, "before").oid;
    let message = format!("What {} {} left has moved since.", record.operation, record.id);
    let output = serde_json::json!({"expected_head": record.head_after, "head": now});
    Failure { output: Some(output), ..Failure::new(codes::HEAD_MOVED, message) }
}
