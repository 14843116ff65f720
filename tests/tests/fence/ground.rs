//! A sandbox host as a program of its own, and functions that come and go beside it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use gitledger_events::Actor;
use gitledger_functions::{Settings, World};
use gitledger_ledger::sqlite::{Durability, SqliteLedger};
use gitledger_operations::plan::{Plan, Step};
use gitledger_sandboxes::{Endpoint, OpenRequest, Origin, Sandboxes, Secret, World as ClockAndIds};
use gitledger_tests::{Process, Setup};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

const KEY: &str = "e2b_0123456789";

/// A clock that is wrong by some milliseconds, or is set forward when nobody wants to wait.
#[derive(Debug, Default)]
pub struct Clock(AtomicI64);

impl Clock {
    /// Wrong by so much.
    pub fn off_by(milliseconds: i64) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(milliseconds)))
    }

    /// Sets it forward.
    pub fn forward(&self, by: SignedDuration) {
        self.0.fetch_add(i64::try_from(by.as_millis()).expect("a short time"), Ordering::SeqCst);
    }
}

impl ClockAndIds for Clock {
    fn now(&self) -> Timestamp {
        Timestamp::now() + SignedDuration::from_millis(self.0.load(Ordering::SeqCst))
    }

    fn id(&self) -> Uuid {
        Uuid::now_v7()
    }
}

/// A host, and a folder with a ledger.
pub struct Ground {
    setup: Setup,
    url: String,
    host: Process,
}

impl Ground {
    pub async fn new() -> Self {
        let setup = Setup::new();
        std::fs::create_dir_all(setup.data()).expect("a folder");
        let mut command = setup.command(&["sandbox-host", "--port", "0"]);
        command.arg("--data").arg(setup.data().join("host"));
        let mut host = Process::start("the sandbox host", command);
        let address = |line: &str| line.strip_prefix("sandbox host on ")?.split(' ').next().map(str::to_owned);
        let url = host.line("its address", address).await;
        Self { setup, url, host }
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The host's process.
    pub fn pid(&self) -> u32 {
        self.host.pid()
    }

    /// A sandbox's home, seen from this machine.
    pub fn home(&self, sandbox_id: &str) -> PathBuf {
        self.setup.data().join("host/s").join(sandbox_id).join("home/user")
    }

    /// The ledger, opened anew: what another process has.
    pub fn ledger(&self) -> Arc<SqliteLedger> {
        let file = self.setup.data().join("ledger.db");
        Arc::new(SqliteLedger::open(&file, Durability::Relaxed).expect("a ledger"))
    }

    /// The sandboxes as another process has them, by its own clock.
    pub fn sandboxes(&self, clock: Arc<Clock>) -> Sandboxes {
        let endpoint = Endpoint::at(&self.url, Secret::new(KEY));
        Sandboxes::new(self.ledger(), endpoint, clock).expect("sandboxes")
    }

    /// A function's whole world.
    pub async fn world(&self, clock: Arc<Clock>) -> World {
        world(&self.url, self.ledger(), clock).await
    }

    /// Ends the host and its sandboxes.
    pub async fn end(self) {
        self.host.interrupt().await;
    }
}

/// A function's world against any host.
pub async fn world(url: &str, ledger: Arc<SqliteLedger>, clock: Arc<Clock>) -> World {
    let settings = Settings::read(&|name| match name {
        "GITLEDGER_DATA" => Some("/nonexistent".to_owned()),
        _ => None,
    })
    .expect("settings");
    let endpoint = Endpoint::at(url, Secret::new(KEY));
    let sandboxes = Sandboxes::new(ledger.clone(), endpoint, clock.clone()).expect("sandboxes");
    World::new(ledger, Arc::new(sandboxes), clock, settings, None).await.expect("a world")
}

/// What is asked of a new sandbox.
pub fn open(clock: &Clock) -> OpenRequest {
    OpenRequest {
        request_id: Uuid::now_v7(),
        operation_id: Uuid::now_v7(),
        template: None,
        life: Duration::from_hours(1),
        until: clock.now(),
    }
}

pub fn origin() -> Origin {
    let actor = Actor::new("agent", "task");
    Origin { operation: Some("commit".into()), actor, repo: None, correlation_id: Uuid::now_v7() }
}

/// A plan that writes.
pub fn plan(script: &str, arguments: &[&str]) -> Plan {
    let argv = [&["sh", "-c", script, "sh"], arguments].concat();
    let steps = vec![Step::new(".", argv)];
    Plan { steps, writes: true, timeout: Duration::from_secs(30), output_bytes: 4 << 20, ..Plan::default() }
}

