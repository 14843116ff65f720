//! A home directory in which plans are run, step by step, with the hardened environment and nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use gitledger_events::operation::Effect;
use gitledger_events::sandbox::WorkspaceOpened;
use gitledger_events::{Actor, Fact};
use gitledger_operations::declaration::Answered;
use gitledger_operations::record::{Found, OperationRecord, State, Wants};
use gitledger_operations::{Context, Decision, Done, Exits, Failure, Plan, PushPolicy, Remotes, table};
use gitledger_sandboxes::envd::End;
use gitledger_sandboxes::runner::{Decoder, encode};
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use crate::truth::{self, Refs};

const NONCE: &str = "0123456789abcdef0123456789abcdef";

/// A sandbox and what the ledger would know of it.
pub struct Sandbox {
    pub home: tempfile::TempDir,
    pub workspace: Option<WorkspaceOpened>,
    pub remotes: Remotes,
    pub token: Option<String>,
    /// Every plan that was run by the last operation.
    pub plans: Vec<Plan>,
    /// What the ledger would tell of the operations so far, the newest last.
    pub records: Vec<OperationRecord>,
    /// Every fact of the last operation, announced or with its end.
    pub facts: Vec<Fact>,
}

impl Sandbox {
    pub fn new() -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
            workspace: None,
            remotes: Remotes::default(),
            token: None,
            plans: Vec::new(),
            records: Vec::new(),
            facts: Vec::new(),
        }
    }

    /// Where the working copy is.
    pub fn dir(&self) -> PathBuf {
        self.home.path().join("workspace")
    }

    /// A file of the working copy, as text.
    pub fn read(&self, path: &str) -> String {
        fs::read_to_string(self.dir().join(path)).unwrap()
    }

    /// Writes a file as an agent's own program would.
    pub fn write(&self, path: &str, text: &str) {
        fs::write(self.dir().join(path), text).unwrap();
    }

    /// git as an agent's own program would run it.
    pub fn git(&self, arguments: &[&str]) -> String {
        git(&self.dir(), arguments)
    }

    /// Asks for an operation that must succeed.
    pub fn good(&mut self, name: &str, input: Value) -> Value {
        match self.ask(name, input) {
            Ok(output) => output,
            Err(failure) => panic!("{name}: {failure:?}"),
        }
    }

    /// Asks for an operation that must fail.
    pub fn bad(&mut self, name: &str, input: Value) -> Failure {
        match self.ask(name, input) {
            Ok(output) => panic!("{name} succeeded: {output}"),
            Err(failure) => *failure,
        }
    }

    /// Runs an operation to its end, and checks what it says of HEAD and of references against the repository.
    pub fn ask(&mut self, name: &str, input: Value) -> Result<Value, Box<Failure>> {
        let before = Refs::of(&self.dir());
        let id = Uuid::now_v7();
        let result = self.decide(id, name, input);
        truth::check(name, &before, &Refs::of(&self.dir()), result.as_deref().map_err(AsRef::as_ref));
        if table::find(name).unwrap().effect != Effect::Reads {
            self.records.push(truth::record(id, name, result.as_deref().map_err(AsRef::as_ref)));
        }
        result.map(|done| done.output.output)
    }

    /// The same without that check, for who has a better one.
    #[allow(dead_code)] // only one test program has
    pub fn ask_unchecked(&mut self, name: &str, input: Value) -> Result<Value, Box<Failure>> {
        self.decide(Uuid::now_v7(), name, input).map(|done| done.output.output)
    }

    #[allow(dead_code)] // scenarios use it
    /// The last operation that changed something.
    pub fn last(&self) -> Uuid {
        self.records.last().unwrap().id
    }

    fn found(&self, wants: &Wants) -> Found {
        let one = |id: &Uuid| self.records.iter().find(|record| record.id == *id).cloned().map(Box::new);
        match wants {
            // Sandboxes are no workspaces' business.
            Wants::Nothing | Wants::Sandboxes | Wants::Sandbox(_) => Found::Nothing,
            Wants::Operation(id) => one(id).map_or(Found::Nothing, Found::Operation),
            Wants::Newest => Found::Newest(self.records.iter().rev().cloned().collect()),
            Wants::Stop(id) => one(id).map_or(Found::Nothing, |record| {
                let runs = record.state == State::Running;
                Found::Stopped(record, runs)
            }),
        }
    }

    fn decide(
        &mut self,
        operation_id: Uuid,
        name: &str,
        input: Value,
    ) -> Result<Box<Done<Answered>>, Box<Failure>> {
        let asked = table::find(name).unwrap().ask(input, &self.remotes).unwrap();
        let found = self.found(&asked.wants());
        let actor = Actor::new("a1", "t1");
        let opened = self.workspace.clone();
        let remotes = self.remotes.clone();
        let context = Context {
            operation_id,
            actor: &actor,
            sandbox_id: "s1",
            workspace: opened.as_ref(),
            remotes: &remotes,
            policy: &PushPolicy::default(),
            requested_at: Timestamp::from_second(1_700_000_000).unwrap(),
            found: &found,
            envelope: gitledger_operations::Envelope::NONE,
            jitter: 0.0,
        };
        let mut rounds: Vec<Exits> = Vec::new();
        self.plans.clear();
        self.facts.clear();
        loop {
            assert!(rounds.len() < 20, "{name} does not end");
            match asked.decide(&context, &rounds) {
                Decision::Run { announce, after, plan } => {
                    self.facts.extend(announce);
                    std::thread::sleep(after);
                    rounds.push(self.run(&plan));
                    self.plans.push(plan);
                }
                Decision::Done(done) => {
                    self.facts.extend(done.facts.clone());
                    self.workspace = done.opened.clone().or(self.workspace.take());
                    return Ok(done);
                }
                Decision::Failed(failure) => {
                    self.facts.extend(failure.facts.clone());
                    return Err(failure);
                }
            }
        }
    }

    /// Runs one plan as envd would run it, without a sandbox around it: the real script in a real bash.
    pub fn run(&self, plan: &Plan) -> Exits {
        let began = Instant::now();
        if let Some(scratch) = &plan.scratch {
            fs::create_dir_all(scratch).unwrap();
        }
        for upload in &plan.uploads {
            fs::write(self.home.path().join(&upload.path), &upload.bytes).unwrap();
        }
        if let (Some(path), Some(token)) = (&plan.credential, &self.token) {
            fs::write(path, format!("username=x\npassword={token}\n")).unwrap();
        }
        let start = encode(plan, NONCE, "test").unwrap();
        let mut command = Command::new(&start.cmd);
        command.args(&start.args).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
        let output =
            command.envs(start.envs).current_dir(self.home.path()).stdin(Stdio::null()).output().unwrap();
        let mut decoder = Decoder::new(NONCE, plan.steps.len(), plan.output_bytes);
        decoder.stdout(&output.stdout);
        decoder.stderr(&output.stderr);
        let end = output.status.code().map_or(End::Signalled, End::Exited);
        decoder.finish(end, began.elapsed()).unwrap()
    }
}

/// Plain git of a person at a desk, without any of our settings.
pub fn git(dir: &Path, arguments: &[&str]) -> String {
    let identity = [("GIT_AUTHOR_NAME", "p"), ("GIT_COMMITTER_NAME", "p")];
    let address = [("GIT_AUTHOR_EMAIL", "p@x"), ("GIT_COMMITTER_EMAIL", "p@x")];
    let output = Command::new("git")
        .args(arguments)
        .current_dir(dir)
        .envs(identity.into_iter().chain(address))
        .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1")])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "git {arguments:?}: {said}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}
