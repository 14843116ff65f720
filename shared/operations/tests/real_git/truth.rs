//! What an operation says of HEAD and of references, held against the repository itself.

use std::collections::BTreeMap;
use std::path::Path;

use gitledger_events::operation::{Effect, SideEffect};
use gitledger_operations::declaration::Answered;
use gitledger_operations::record::{OperationRecord, State};
use gitledger_operations::{Done, Failure, table};
use jiff::Timestamp;
use uuid::Uuid;

/// HEAD, the branches, the tags and the stash.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Refs {
    head: Option<String>,
    all: BTreeMap<String, String>,
}

impl Refs {
    /// None where there is no repository.
    pub fn of(dir: &Path) -> Self {
        let git = |arguments: &[&str]| {
            let output = std::process::Command::new("git").args(arguments).current_dir(dir).output().ok()?;
            output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        };
        if !dir.join(".git").exists() {
            return Self::default();
        }
        let format = "--format=%(refname) %(objectname)";
        let lines =
            git(&["for-each-ref", format, "refs/heads", "refs/tags", "refs/stash"]).unwrap_or_default();
        let pair = |line: &str| line.split_once(' ').map(|(name, oid)| (name.to_owned(), oid.to_owned()));
        Self {
            head: git(&["rev-parse", "-q", "--verify", "HEAD"]),
            all: lines.lines().filter_map(pair).collect(),
        }
    }

    fn changes(&self, after: &Self) -> BTreeMap<String, (Option<String>, Option<String>)> {
        let names = self.all.keys().chain(after.all.keys());
        let change =
            |name: &String| (name.clone(), (self.all.get(name).cloned(), after.all.get(name).cloned()));
        names.map(change).filter(|(_, (old, new))| old != new).collect()
    }
}

/// A read moves nothing; a write tells every reference that it moved and no other; a failure that says it
/// changed nothing has moved nothing.
pub fn check(name: &str, before: &Refs, after: &Refs, result: Result<&Done<Answered>, &Failure>) {
    let declaration = table::find(name).unwrap();
    match result {
        Err(failure) if failure.side_effect == SideEffect::None => {
            assert_eq!(before, after, "{name}: {failure:?}");
        }
        Err(_) => {}
        Ok(_) if declaration.effect == Effect::Reads => assert_eq!(before, after, "{name} only reads"),
        // What a clone makes is not there before.
        Ok(done) if done.opened.is_some() => assert_eq!(done.head_after, after.head, "{name}"),
        Ok(done) => {
            let ours = |name: &String| {
                ["refs/heads/", "refs/tags/", "refs/stash"].iter().any(|own| name.starts_with(own))
            };
            let told = done
                .refs_changed
                .iter()
                .map(|change| (change.name.clone(), (change.old.clone(), change.new.clone())));
            let told: BTreeMap<_, _> = told.filter(|(name, _)| ours(name)).collect();
            // A push tells what it moved at the remote.
            if declaration.effect != Effect::Publishes {
                assert_eq!(told, before.changes(after), "{name}: refs_changed");
            }
            if before.head != after.head || done.head_after.is_some() {
                assert_eq!(
                    (&done.head_before, &done.head_after),
                    (&before.head, &after.head),
                    "{name}: head"
                );
            }
        }
    }
}

/// What the ledger would tell of an operation in the sandbox `s1`.
pub fn record(id: Uuid, name: &str, result: Result<&Done<Answered>, &Failure>) -> OperationRecord {
    let mut record = OperationRecord {
        id,
        operation: name.to_owned(),
        state: State::Failed,
        agent_id: Some("a1".to_owned()),
        task_id: Some("t1".to_owned()),
        repo: None,
        sandbox_id: Some("s1".to_owned()),
        requested_at: Timestamp::UNIX_EPOCH,
        ended_at: Some(Timestamp::UNIX_EPOCH),
        code: result.err().map(|failure| failure.code.name.to_owned()),
        side_effect: result.err().map(|failure| failure.side_effect),
        head_before: None,
        head_after: None,
        refs_changed: Vec::new(),
        input: None,
        output: None,
        events: Vec::new(),
    };
    if let Ok(done) = result {
        record.state = State::Succeeded;
        (record.head_before, record.head_after) = (done.head_before.clone(), done.head_after.clone());
        record.refs_changed.clone_from(&done.refs_changed);
    }
    record
}
