//! What must be true after a system was killed, and after it was started again.

use std::collections::BTreeSet;
use std::time::Duration;

use gitledger_tests::origin::APP;
use gitledger_tests::{Origin, Setup, System, ledger, processes, wait};
use serde_json::{Value, json};

use super::Request;

/// Kills it; returns when nothing that it had started is left.
pub async fn kill(setup: &Setup, system: System) {
    let family: BTreeSet<processes::Id> = processes::descendants(system.pid());
    system.kill().await;
    let data = setup.data();
    let mark = data.to_string_lossy();
    wait::until("the end of everything that the killed system had started", async || {
        let left: Vec<String> =
            family.iter().filter(|id| processes::lives(**id)).map(|id| processes::shown(*id)).collect();
        (left.is_empty() && processes::mentioning(&mark).is_empty()).then_some(())
    })
    .await;
}

/// Starts it and kills it again after this time, most likely while it still puts right what the last one left.
pub async fn start_and_kill(setup: &Setup, time: Duration) {
    // Dropped in the middle, a start kills what it has started.
    drop(tokio::time::timeout(time, setup.start()).await);
    let data = setup.data();
    let mark = data.to_string_lossy();
    let gone = async || processes::mentioning(&mark).is_empty().then_some(());
    wait::until("the end of everything that the killed start had started", gone).await;
}

/// What is known of a request that was under way when its system was killed.
pub struct Killed {
    pub request: Request,
    /// What its caller was told, if anything.
    pub answer: Option<(u16, Value)>,
    /// Of a push: the commit and the branch.
    pub pushed: Option<(String, String)>,
}

impl Killed {
    /// Checks everything that can be told of it from outside; how it ended, `None` when it was never recorded.
    pub async fn check(&self, setup: &Setup, system: &System, origin: &Origin) -> Option<String> {
        let id = &self.request.id;
        let (status, found) = system.get(&format!("/operations/{id}")).await;
        let events = setup.events();
        if status == 404 {
            assert!(self.answer.is_none(), "{id} was answered and is not in the ledger: {:#?}", self.answer);
            assert!(!ledger::requested(&events).contains(&id.as_str()));
            self.is_not_there(origin);
            return None;
        }
        assert_eq!(status, 200, "{id} has no outcome: {found:#}\n{}", system.log());
        assert_eq!(found["operation_id"], id.as_str());
        assert_eq!(ledger::outcomes(&events, id).len(), 1, "{id}: {:?}", ledger::names(&events, id));
        if let Some((status, answer)) = &self.answer {
            assert_eq!((*status, answer), (200, &found), "{id} was answered otherwise");
        }
        self.agrees_with_remote(&found, origin);
        let (status, again) = Request::send(self.request.builder(system)).await.expect("an answer");
        let mut wanted = found.clone();
        wanted["replayed"] = json!(true);
        assert!(matches!(status, 200 | 202), "{status} {again:#}");
        assert_eq!(again, wanted, "the same key again");
        found["outcome"].as_str().map(str::to_owned)
    }

    /// A push that is recorded as succeeded is on the remote, one recorded as failed is not.
    fn agrees_with_remote(&self, found: &Value, origin: &Origin) {
        let Some((commit, branch)) = &self.pushed else { return };
        let outcome = found["outcome"].as_str().unwrap_or_default();
        match outcome {
            "succeeded" => {
                assert!(origin.has(commit, branch), "{commit} is not on {branch}: {found:#}");
                assert_eq!(commits(origin, branch), 1, "the commit is there more than once");
            }
            "failed" => self.is_not_there(origin),
            other => panic!("a push ended {other}: {found:#}"),
        }
    }

    fn is_not_there(&self, origin: &Origin) {
        if let Some((commit, branch)) = &self.pushed {
            assert!(
                !origin.has(commit, branch),
                "{commit} is on {branch}, {} is not recorded",
                self.request.id
            );
        }
    }
}

/// How many commits a branch has that `main` has not.
pub fn commits(origin: &Origin, branch: &str) -> usize {
    let dir = origin.remote.root().join(format!("{APP}.git"));
    let mut git = std::process::Command::new("git");
    git.arg("--git-dir").arg(dir).args([
        "rev-list",
        "--count",
        &format!("refs/heads/main..refs/heads/{branch}"),
    ]);
    let output = git.output().expect("git");
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number")
}

/// Nothing lives in a system that was started anew, once it has closed what its predecessor left, and its
/// ledger is whole.
pub async fn nothing_is_left(setup: &Setup, system: &System) {
    wait::until("the end of all that a predecessor left", async || {
        let events = setup.events();
        let closed = ledger::requested(&events).iter().all(|id| !ledger::outcomes(&events, id).is_empty());
        let empty = system.get("/sandboxes").await.1 == json!({"sandboxes": []});
        (closed && empty).then_some(())
    })
    .await;
    let dir = setup.data().join("sandboxes/s");
    let left: Vec<_> = std::fs::read_dir(&dir).expect("the host's directory").flatten().collect();
    assert!(left.is_empty(), "sandboxes are left: {left:?}");
    ledger::assert_each_has_one_outcome(&setup.events());
    assert_eq!(ledger::integrity(&setup.data()), "ok");
}
