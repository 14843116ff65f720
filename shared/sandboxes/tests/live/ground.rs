//! A host and a ledger of a test's own.

use std::sync::Arc;
use std::time::Duration;

use gitledger_events::{Actor, Fact, Stream};
use gitledger_ledger::Ledger;
use gitledger_ledger::sqlite::{Durability, SqliteLedger};
use gitledger_operations::plan::{Plan, Step};
use gitledger_sandbox_host::{Host, HostOptions};
use gitledger_sandboxes::{Endpoint, Lease, OpenRequest, Origin, Sandboxes, Secret, SystemWorld, World};
use jiff::SignedDuration;
use tempfile::TempDir;
use uuid::Uuid;

pub const KEY: &str = "e2b_0123";

pub struct Ground {
    pub host: Host,
    pub ledger: Arc<SqliteLedger>,
    pub sandboxes: Sandboxes,
    _folder: TempDir,
}

impl Ground {
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(change: impl FnOnce(&mut HostOptions)) -> Self {
        let folder = TempDir::with_prefix("gl").unwrap();
        let mut options = HostOptions::new(folder.path().join("h")).unwrap();
        options.api_key = Some(KEY.into());
        options.bwrap = gitledger_parts::bwrap();
        change(&mut options);
        let host = Host::start(options).await.unwrap();
        let path = folder.path().join("ledger.db");
        let ledger = Arc::new(SqliteLedger::open(&path, Durability::Relaxed).unwrap());
        let sandboxes = at(&ledger, &host.url(), KEY);
        Self { host, ledger, sandboxes, _folder: folder }
    }

    /// The same ledger, but the host by another address or key.
    pub fn by(&self, url: &str, key: &str) -> Sandboxes {
        at(&self.ledger, url, key)
    }

    pub async fn open(&self) -> Lease {
        self.sandboxes.open(&request(), &origin()).await.unwrap()
    }

    pub async fn facts(&self, sandbox_id: &str) -> Vec<Fact> {
        let records = self.ledger.read_stream(&Stream::sandbox(sandbox_id).unwrap(), 1).await.unwrap();
        records.iter().map(|record| record.fact().unwrap()).collect()
    }

    pub async fn names(&self, sandbox_id: &str) -> Vec<&'static str> {
        self.facts(sandbox_id).await.iter().map(Fact::name).collect()
    }
}

fn at(ledger: &Arc<SqliteLedger>, url: &str, key: &str) -> Sandboxes {
    Sandboxes::new(ledger.clone(), Endpoint::at(url, Secret::new(key)), Arc::new(SystemWorld)).unwrap()
}

pub fn request() -> OpenRequest {
    OpenRequest {
        request_id: Uuid::now_v7(),
        operation_id: Uuid::now_v7(),
        template: None,
        life: Duration::from_mins(5),
        until: SystemWorld.now() + SignedDuration::from_mins(1),
    }
}

pub fn origin() -> Origin {
    let actor = Actor::new("agent", "task");
    Origin { operation: Some("clone".into()), actor, repo: None, correlation_id: Uuid::now_v7() }
}

pub fn sh(script: &str) -> Step {
    Step::new(".", ["sh", "-c", script])
}

pub fn plan(steps: Vec<Step>) -> Plan {
    let timeout = Duration::from_secs(30);
    Plan { steps, writes: true, timeout, output_bytes: 1 << 20, ..Plan::default() }
}
