//! Leases on a real ledger, without a sandbox: a lease is a matter of the ledger alone.

#![allow(clippy::unwrap_used)] // a panic is the report of a test

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use gitledger_events::sandbox::{KillReason, Reuse, SandboxCreated, WorkspaceOpened};
use gitledger_events::{Actor, Elapsed, Fact, Stream};
use gitledger_ledger::sqlite::{Durability, SqliteLedger};
use gitledger_ledger::{Commit, Expected, Ledger};
use gitledger_sandboxes::{
    Endpoint, LeaseError, LeaseRequest, Origin, SandboxError, Sandboxes, Secret, World,
};
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;
use uuid::Uuid;

/// A clock that moves when told to.
#[derive(Default)]
struct Clock(AtomicI64);

impl World for Clock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + self.0.load(Ordering::SeqCst)).unwrap()
    }
    fn id(&self) -> Uuid {
        Uuid::now_v7()
    }
}

struct Fixture {
    ledger: Arc<SqliteLedger>,
    clock: Arc<Clock>,
    folder: TempDir,
}

impl Fixture {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        Self { ledger: Arc::new(open(folder.path())), clock: Arc::default(), folder }
    }

    /// One process's view. Each has its own memory of the streams.
    fn sandboxes(&self) -> Sandboxes {
        // Nothing listens there: whatever reaches for E2B fails.
        let endpoint = Endpoint::at("http://127.0.0.1:9", Secret::new("e2b_0"));
        Sandboxes::new(self.ledger.clone(), endpoint, self.clock.clone()).unwrap()
    }

    /// Another process on the same file.
    fn elsewhere(&self) -> Sandboxes {
        let endpoint = Endpoint::at("http://127.0.0.1:9", Secret::new("e2b_0"));
        Sandboxes::new(Arc::new(open(self.folder.path())), endpoint, self.clock.clone()).unwrap()
    }

    async fn sandbox(&self, id: &str) {
        let created = SandboxCreated {
            request_id: Uuid::now_v7(),
            template: "base".into(),
            vcpu: 2,
            memory_mb: 512,
            creation_ms: Elapsed::ZERO,
            expires_at: self.clock.now() + SignedDuration::from_hours(1),
        };
        let event = origin().event(&*self.clock, created);
        let stream = Stream::sandbox(id).unwrap();
        let commit = Commit { id: Uuid::now_v7(), stream, expected: Expected::Empty, events: vec![event] };
        self.ledger.append(commit).await.unwrap();
    }

    async fn facts(&self, id: &str) -> Vec<Fact> {
        let records = self.ledger.read_stream(&Stream::sandbox(id).unwrap(), 1).await.unwrap();
        records.iter().map(|record| record.fact().unwrap()).collect()
    }

    fn request(&self, id: &str) -> LeaseRequest {
        let until = self.clock.now() + SignedDuration::from_mins(1);
        LeaseRequest { sandbox_id: id.into(), operation_id: Uuid::now_v7(), until, reuse: Reuse::Ready }
    }
}

fn open(folder: &Path) -> SqliteLedger {
    SqliteLedger::open(&folder.join("ledger.db"), Durability::Relaxed).unwrap()
}

fn origin() -> Origin {
    let actor = Actor::new("agent", "task");
    Origin { operation: Some("commit".into()), actor, repo: None, correlation_id: Uuid::now_v7() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_exclusive_until_it_is_released() {
    let fixture = Fixture::new();
    fixture.sandbox("i1").await;
    let (one, other) = (fixture.sandboxes(), fixture.elsewhere());
    let first = one.lease(&fixture.request("i1"), &origin()).await.unwrap();
    let busy = other.lease(&fixture.request("i1"), &origin()).await.unwrap_err();
    assert!(matches!(busy, LeaseError::Busy { by, .. } if by == first.operation_id));
    one.release(&first, vec![]).await.unwrap();
    let second = other.lease(&fixture.request("i1"), &origin()).await.unwrap();
    assert_eq!((first.epoch, second.epoch), (1, 2));
    // What the first process remembers is out of date now; it must find out.
    let busy = one.lease(&fixture.request("i1"), &origin()).await.unwrap_err();
    assert!(matches!(busy, LeaseError::Busy { by, .. } if by == second.operation_id));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_race_one_has_it_at_a_time_and_all_get_it_in_turn() {
    let fixture = Fixture::new();
    fixture.sandbox("i1").await;
    let processes = [fixture.sandboxes(), fixture.elsewhere(), fixture.sandboxes()];
    let inside = Arc::new(AtomicI64::new(0));
    let tasks: Vec<_> = (0..24)
        .map(|n| {
            let (sandboxes, inside, request) =
                (processes[n % 3].clone(), inside.clone(), fixture.request("i1"));
            tokio::spawn(async move {
                let wait = Duration::from_mins(1);
                let lease = sandboxes.lease_waiting(&request, &origin(), wait).await.unwrap();
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two at a time");
                tokio::task::yield_now().await;
                inside.fetch_sub(1, Ordering::SeqCst);
                sandboxes.release(&lease, vec![]).await.unwrap();
                lease.epoch
            })
        })
        .collect();
    let mut epochs = Vec::new();
    for task in tasks {
        epochs.push(task.await.unwrap());
    }
    epochs.sort_unstable();
    assert_eq!(epochs, (1..=24).collect::<Vec<_>>());
    assert_eq!(fixture.facts("i1").await.len(), 1 + 2 * 24);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lapsed_lease_is_taken_over_and_its_holder_records_nothing_more() {
    let fixture = Fixture::new();
    fixture.sandbox("i1").await;
    let sandboxes = fixture.sandboxes();
    let late = sandboxes.lease(&fixture.request("i1"), &origin()).await.unwrap();
    fixture.clock.0.store(65, Ordering::SeqCst); // past its end, within what clocks may differ
    let busy = sandboxes.lease(&fixture.request("i1"), &origin()).await.unwrap_err();
    assert!(matches!(busy, LeaseError::Busy { .. }));
    fixture.clock.0.store(71, Ordering::SeqCst);
    let next = fixture.elsewhere().lease(&fixture.request("i1"), &origin()).await.unwrap();
    assert_eq!(next.epoch, 2);
    let opened = WorkspaceOpened {
        path: "/home/user/workspace".into(),
        repo_url: "https://example.com/a/b".into(),
        base_branch: "main".into(),
        branch: "agent".into(),
    };
    let refused = sandboxes.release(&late, vec![opened.clone().into()]).await.unwrap_err();
    assert!(matches!(refused, LeaseError::TakenOver));
    assert_eq!(fixture.facts("i1").await.len(), 3);
    sandboxes.release(&next, vec![opened.clone().into()]).await.unwrap();
    let state = sandboxes.state("i1").await.unwrap();
    assert_eq!((state.workspace, state.held, state.version), (Some(opened), None, 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_that_asks_twice_has_one_lease() {
    let fixture = Fixture::new();
    fixture.sandbox("i1").await;
    let request = fixture.request("i1");
    let first = fixture.sandboxes().lease(&request, &origin()).await.unwrap();
    let again = fixture.elsewhere().lease(&request, &origin()).await.unwrap();
    assert_eq!(first.epoch, again.epoch);
    assert_eq!(fixture.facts("i1").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_cannot_be_leased() {
    let fixture = Fixture::new();
    let sandboxes = fixture.sandboxes();
    let unknown = sandboxes.lease(&fixture.request("i9"), &origin()).await.unwrap_err();
    assert!(matches!(unknown, LeaseError::NotFound));
    let no_id = sandboxes.lease(&fixture.request("../x"), &origin()).await.unwrap_err();
    assert!(matches!(no_id, LeaseError::NotFound));
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_ends_when_the_time_is_over() {
    let fixture = Fixture::new();
    fixture.sandbox("i1").await;
    let sandboxes = fixture.sandboxes();
    sandboxes.lease(&fixture.request("i1"), &origin()).await.unwrap();
    let wait = Duration::from_millis(50);
    let busy = sandboxes.lease_waiting(&fixture.request("i1"), &origin(), wait).await.unwrap_err();
    assert!(matches!(busy, LeaseError::Busy { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_sandbox_is_not_killed_under_its_user_and_a_killed_one_is_not_leased() {
    let fixture = Fixture::new();
    fixture.sandbox("i1").await;
    let sandboxes = fixture.sandboxes();
    let lease = sandboxes.lease(&fixture.request("i1"), &origin()).await.unwrap();
    let busy = sandboxes.kill("i1", KillReason::Idle, &origin()).await.unwrap_err();
    assert!(matches!(busy, LeaseError::Busy { .. }));
    sandboxes.release(&lease, vec![]).await.unwrap();
    // E2B cannot be reached here: the end is recorded all the same, and the reaper does the rest.
    let unreachable = sandboxes.kill("i1", KillReason::Idle, &origin()).await.unwrap_err();
    assert!(matches!(unreachable, LeaseError::Sandbox(SandboxError::Unavailable(_))));
    let gone = fixture.elsewhere().lease(&fixture.request("i1"), &origin()).await.unwrap_err();
    assert!(matches!(gone, LeaseError::Gone));
    assert!(!sandboxes.kill("i1", KillReason::Requested, &origin()).await.unwrap(), "only once");
}
