//! The local host alone, as any E2B client sees it: creation, and what starting a process costs.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use gitledger_sandboxes::control::{ControlPlane, NewSandbox};
use gitledger_sandboxes::envd::{End, Envd, ProcessEvent, ProcessStart};
use gitledger_sandboxes::{Endpoint, Secret};
use gitledger_tests::{Process, Setup};

use crate::table::{Table, Times};

/// Those that warm up.
const WARM: usize = 10;
const LIFE: Duration = Duration::from_mins(10);

/// `gitledger sandbox-host`, and clients for it.
pub struct Place {
    process: Process,
    pub control: ControlPlane,
    pub envd: Envd,
    _setup: Setup,
}

impl Place {
    pub async fn start(arguments: &[&str]) -> Self {
        let setup = Setup::new();
        let all = [&["sandbox-host", "--port", "0"], arguments].concat();
        let mut process = Process::start("gitledger sandbox-host", setup.command(&all));
        let address = |line: &str| {
            let rest = line.strip_prefix("sandbox host on ")?;
            rest.split_whitespace().next().map(str::to_owned)
        };
        let url = process.line("its address", address).await;
        let control = ControlPlane::new(Endpoint::at(url, Secret::new("e2b_00".to_owned()))).expect("client");
        Self { process, envd: Envd::new(control.clone()), control, _setup: setup }
    }

    pub async fn create(&self) -> String {
        let new = NewSandbox { life: LIFE, ..NewSandbox::default() };
        let created = self.control.create(&new).await.expect("a sandbox");
        self.envd.remember(&created);
        created.sandbox_id
    }

    pub async fn kill(&self, sandbox_id: &str) {
        assert!(self.control.kill(sandbox_id).await.expect("an answer"));
        self.envd.forget(sandbox_id);
    }

    /// Runs a program to its end; how it ended.
    pub async fn run(&self, sandbox_id: &str, program: &[&str]) -> End {
        self.try_run(sandbox_id, program).await.expect("a process that runs to its end")
    }

    /// The same where the sandbox may have no room for it.
    pub async fn try_run(&self, sandbox_id: &str, program: &[&str]) -> Option<End> {
        let start = ProcessStart {
            cmd: program[0].to_owned(),
            args: program[1..].iter().map(|&argument| argument.to_owned()).collect(),
            timeout: LIFE,
            ..ProcessStart::default()
        };
        let mut stream = self.envd.start(sandbox_id, &start).await.ok()?;
        loop {
            if let ProcessEvent::Ended(end) = stream.next().await.ok()?? {
                return Some(end);
            }
        }
    }

    pub async fn end(self) {
        self.process.interrupt().await;
    }
}

/// From asking for a sandbox to the end of its first command.
pub async fn create(place: &Place, pairs: usize, table: &mut Table) {
    let (mut created, mut answered, mut killed) = (Times::default(), Times::default(), Times::default());
    for round in 0..WARM + pairs {
        let began = Instant::now();
        let id = place.create().await;
        let there = began.elapsed();
        assert_eq!(place.run(&id, &["true"]).await, End::Exited(0));
        let first = began.elapsed();
        let ending = Instant::now();
        place.kill(&id).await;
        if round >= WARM {
            created.add(there);
            answered.add(first);
            killed.add(ending.elapsed());
        }
    }
    table.part("A local sandbox, one after the other");
    table.row("created", &created);
    table.row("created and its first command answered", &answered);
    table.row("killed", &killed);
    let p50 = answered.median_ms();
    table.verdict("created and answered, p50", p50, "ms", "at most 25 ms", p50 <= 25.0);
}

/// `commands.run("true")` as the official SDKs send it, in turns with the same thing spawned by this program.
/// Plainly it needs no login shell: there is no profile to be read in a sandbox, and there may be one here.
pub async fn spawn(place: &Place, pairs: usize, table: &mut Table) {
    let id = place.create().await;
    table.part("A command through the host and a plain spawn, in turns");
    let kinds: [(&str, &[&str], &[&str]); 2] = [
        ("commands.run(\"true\")", &["/bin/bash", "-l", "-c", "true"], &["/bin/bash", "-c", "true"]),
        ("the program `true`", &["true"], &["true"]),
    ];
    for (name, within, plainly) in kinds {
        let (mut through, mut plain, mut over) = (Times::default(), Times::default(), Times::default());
        for round in 0..WARM + pairs {
            let own = plain_spawn(plainly);
            let began = Instant::now();
            assert_eq!(place.run(&id, within).await, End::Exited(0));
            let whole = began.elapsed();
            if round >= WARM {
                plain.add(own);
                through.add(whole);
                over.add(whole.saturating_sub(own));
            }
        }
        table.row(&format!("{name}, plain"), &plain);
        table.row(&format!("{name}, through the host"), &through);
        let (p50, ratio) = (over.median_ms(), through.median_ms() / plain.median_ms());
        table.verdict(
            &format!("over a plain one, pair by pair, p50 ({ratio:.1} times)"),
            p50,
            "ms",
            "at most 3 ms",
            p50 <= 3.0,
        );
    }
    place.kill(&id).await;
}

fn plain_spawn(program: &[&str]) -> Duration {
    let began = Instant::now();
    let mut command = Command::new(program[0]);
    command.args(&program[1..]).env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
    let ended = command.output().expect("a process");
    assert!(ended.status.success(), "{program:?} ended with {}", ended.status);
    began.elapsed()
}
