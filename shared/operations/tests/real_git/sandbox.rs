//! A home directory in which plans are run, step by step, with the hardened environment and nothing else.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use gitledger_events::sandbox::WorkspaceOpened;
use gitledger_events::{Actor, Fact};
use gitledger_operations::plan::{Ended, Input, Sink};
use gitledger_operations::{
    Context, Decision, Exit, Exits, Failure, Plan, PushPolicy, Remotes, Step, hardening, table,
};
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

/// A sandbox and what the ledger would know of it.
pub struct Sandbox {
    pub home: tempfile::TempDir,
    pub workspace: Option<WorkspaceOpened>,
    pub remotes: Remotes,
    pub token: Option<String>,
    /// Every plan that was run by the last operation.
    pub plans: Vec<Plan>,
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

    /// Runs an operation to its end.
    pub fn ask(&mut self, name: &str, input: Value) -> Result<Value, Box<Failure>> {
        let asked = table::find(name).unwrap().ask(input, &self.remotes).unwrap();
        let actor = Actor::new("a1", "t1");
        let opened = self.workspace.clone();
        let remotes = self.remotes.clone();
        let context = Context {
            operation_id: Uuid::now_v7(),
            actor: &actor,
            sandbox_id: "s1",
            workspace: opened.as_ref(),
            remotes: &remotes,
            policy: &PushPolicy::default(),
            requested_at: Timestamp::from_second(1_700_000_000).unwrap(),
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
                    self.facts.extend(done.facts);
                    self.workspace = done.opened.or(self.workspace.take());
                    return Ok(done.output.output);
                }
                Decision::Failed(failure) => {
                    self.facts.extend(failure.facts.clone());
                    return Err(failure);
                }
            }
        }
    }

    /// Runs one plan.
    pub fn run(&self, plan: &Plan) -> Exits {
        let started = Instant::now();
        if let Some(scratch) = &plan.scratch {
            fs::create_dir_all(scratch).unwrap();
        }
        for upload in &plan.uploads {
            fs::write(self.home.path().join(&upload.path), &upload.bytes).unwrap();
        }
        if let (Some(path), Some(token)) = (&plan.credential, &self.token) {
            fs::write(path, format!("username=x\npassword={token}\n")).unwrap();
        }
        if plan.writes {
            let _ = fs::remove_file(self.dir().join(".git/index.lock"));
        }
        let mut exits = Exits { steps: Vec::new(), ended: Ended::Normally, elapsed: Duration::ZERO };
        for step in &plan.steps {
            let exit = self.step(plan, step, started);
            let ends = exit.as_ref().is_none_or(|exit| !exit.ok() && !step.may_fail);
            match exit {
                Some(exit) => exits.steps.push(exit),
                None => exits.ended = Ended::TimedOut,
            }
            if ends {
                break;
            }
        }
        if let Some(scratch) = &plan.scratch {
            fs::remove_dir_all(scratch).unwrap();
        }
        exits.elapsed = started.elapsed();
        exits
    }

    /// `None` when time ran out.
    fn step(&self, plan: &Plan, step: &Step, started: Instant) -> Option<Exit> {
        let mut command = Command::new(&step.argv[0]);
        command.args(&step.argv[1..]).current_dir(self.home.path().join(&step.dir));
        command.env_clear().env("PATH", std::env::var("PATH").unwrap());
        command.envs(hardening::environment(plan.remote.as_ref(), plan.writes));
        command.envs(plan.env.iter().map(|(name, value)| (name, value)));
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let fields =
            |fields: &Vec<String>| fields.iter().flat_map(|f| [f.as_bytes(), b"\0"].concat()).collect();
        let (stdin, text) = match &step.stdin {
            Input::Nothing => (Stdio::null(), Vec::new()),
            Input::Text(text) => (Stdio::piped(), text.clone().into_bytes()),
            Input::Fields(all) => (Stdio::piped(), fields(all)),
            Input::File(path) => match File::open(path) {
                Ok(file) => (file.into(), Vec::new()),
                Err(error) => {
                    let stderr = error.to_string().into_bytes();
                    return Some(Exit { code: 1, stderr, ..Exit::default() });
                }
            },
        };
        if let Sink::File(path) = &step.stdout {
            command.stdout(File::create(path).unwrap());
        }
        let mut child = command.stdin(stdin).spawn().unwrap();
        if let Some(mut pipe) = child.stdin.take() {
            let _ = pipe.write_all(&text);
        }
        let limit = plan.output_bytes;
        let out = child.stdout.take().map(|pipe| collect(pipe, limit));
        let err = child.stderr.take().map(|pipe| collect(pipe, limit));
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if started.elapsed() > plan.timeout {
                child.kill().unwrap();
                child.wait().unwrap();
                return None;
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        let (stdout, cut) = out.map_or_else(Default::default, |thread| thread.join().unwrap());
        let (stderr, _) = err.map_or_else(Default::default, |thread| thread.join().unwrap());
        Some(Exit { code: status.code().unwrap_or(137), stdout, stderr, omitted_bytes: cut })
    }
}

fn collect(mut pipe: impl Read + Send + 'static, limit: usize) -> std::thread::JoinHandle<(Vec<u8>, u64)> {
    std::thread::spawn(move || {
        let mut all = Vec::new();
        pipe.read_to_end(&mut all).unwrap();
        let cut = all.len().saturating_sub(limit);
        all.truncate(limit);
        (all, cut as u64)
    })
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
