//! Hostile values in every text field of every operation: each is refused, or stays a value.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value)] // a panic is a test's report; `json!` makes values

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use gitledger_operations::table::OPERATIONS;
use gitledger_operations::{Declaration, Place, Remotes};
use serde_json::{Value, json};

#[path = "../real_git/sandbox.rs"]
#[allow(dead_code)] // only some of it is needed here
mod sandbox;
#[path = "../real_git/server.rs"]
#[allow(dead_code)]
mod server;
#[path = "../real_git/truth.rs"]
mod truth;

mod corpus;

use sandbox::Sandbox;
use server::Server;

/// What stands in the file that nobody may read.
const SECRET: &str = "not-for-callers-7f3a";
/// So many of the values that an operation accepts are really run, spread evenly.
const RUN_PER_FIELD: usize = 4;

/// The fields that take free text, one or several.
fn fields(operation: &Declaration) -> Vec<(String, bool)> {
    let schema = (operation.input_schema)().to_value();
    let of_text = |shape: &Value| {
        shape["type"] == "string"
            || shape["type"].as_array().is_some_and(|types| types.contains(&json!("string")))
    };
    let kind = |shape: &Value| match shape {
        shape if shape["enum"].is_array() || shape["format"] == "uuid" => None,
        shape if of_text(shape) => Some(false),
        shape if of_text(&shape["items"]) => Some(true),
        _ => None,
    };
    let properties = schema["properties"].as_object().unwrap().iter();
    properties.filter_map(|(name, shape)| Some((name.clone(), kind(shape)?))).collect()
}

struct Ground {
    outer: tempfile::TempDir,
    canary: PathBuf,
    secret: PathBuf,
}

impl Ground {
    fn new() -> Self {
        let outer = tempfile::tempdir().unwrap();
        let (canary, secret) = (outer.path().join("canary"), outer.path().join("secret"));
        fs::write(&secret, SECRET).unwrap();
        Self { outer, canary, secret }
    }

    fn values(&self) -> Vec<String> {
        corpus::values(self.canary.to_str().unwrap(), self.secret.to_str().unwrap())
    }

    fn fired(&self) -> bool {
        self.canary.exists() || fs::read_dir(self.outer.path()).unwrap().count() != 1
    }
}

fn with(mut input: Value, field: &str, several: bool, value: &str) -> Value {
    if input.get("sandbox_id").is_some() {
        input["sandbox_id"] = json!("s1");
    }
    input[field] = if several { json!([value]) } else { json!(value) };
    input
}

fn copied(from: &Sandbox) -> Sandbox {
    let mut copy = Sandbox::new();
    let status = Command::new("cp").arg("-a").arg(from.dir()).arg(copy.home.path()).status().unwrap();
    assert!(status.success());
    copy.workspace.clone_from(&from.workspace);
    copy.remotes = from.remotes.clone();
    copy
}

#[test]
fn no_value_of_any_field_is_ever_more_than_a_value() {
    let server = Server::with_repository(None);
    let original = server.cloned();
    let ground = Ground::new();
    let values = ground.values();
    assert!(values.len() >= 200, "{}", values.len());
    let (asked, ran) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(operation) = OPERATIONS.get(next.fetch_add(1, Ordering::SeqCst)) {
                    for (field, several) in fields(operation) {
                        one_field(operation, &field, several, &values, &original, &ground, [&asked, &ran]);
                    }
                }
            });
        }
    });
    println!(
        "{} inputs asked, {} of those accepted were run",
        asked.into_inner(),
        ran.load(Ordering::SeqCst)
    );
    assert!(ran.into_inner() >= 20);
}

fn one_field(
    operation: &Declaration,
    field: &str,
    several: bool,
    values: &[String],
    original: &Sandbox,
    ground: &Ground,
    [asked, ran]: [&AtomicUsize; 2],
) {
    let inputs: Vec<Value> =
        values.iter().map(|value| with(operation.example(), field, several, value)).collect();
    asked.fetch_add(inputs.len(), Ordering::SeqCst);
    let accepts = |input: &&Value| match operation.ask((*input).clone(), &original.remotes) {
        Ok(accepted) => accepted.place() != Place::Ledger,
        Err(rejection) => {
            assert!(!rejection.rule.is_empty());
            false
        }
    };
    let accepted: Vec<&Value> = inputs.iter().filter(accepts).collect();
    let stride = accepted.len().div_ceil(RUN_PER_FIELD).max(1);
    for input in accepted.into_iter().step_by(stride) {
        ran.fetch_add(1, Ordering::SeqCst);
        let mut sandbox = copied(original);
        let result = sandbox.ask(operation.name, input.clone());
        let said = format!("{result:?}");
        let what = format!("{} {input}", operation.name);
        assert!(!ground.fired(), "{what}: the canary");
        assert!(!said.contains(SECRET) && !said.contains("root:x:"), "{what}: {said}");
        let beside = fs::read_dir(sandbox.home.path()).unwrap().map(|entry| entry.unwrap().file_name());
        // Other working copies have a place of their own.
        let beside: Vec<_> = beside.filter(|name| name != "workspace" && name != "worktrees").collect();
        assert!(beside.is_empty(), "{what}: written beside the workspace: {beside:?}");
    }
}

/// A value and a URL, put into a command as text.
type Naive = fn(&str, &str) -> String;

/// What shell strings make of the same values: the traps do work.
#[test]
fn the_same_values_do_fire_in_shell_strings() {
    let server = Server::with_repository(None);
    let original = server.cloned();
    let url = server.repo_url();
    let mut fired: BTreeMap<&str, usize> = BTreeMap::new();
    let commands: &[(&str, Naive)] = &[
        ("diff", |value, _| format!("git diff {value}")),
        ("log", |value, _| format!("git log {value}")),
        ("add", |value, _| format!("git add {value}")),
        ("commit", |value, _| format!("git commit --allow-empty -m {value}")),
        ("clone", |value, url| format!("git clone {value} {url} elsewhere")),
        ("fetch", |value, url| format!("git fetch {value} {url}")),
        ("grep", |value, _| format!("git grep {value} x")),
        ("ls-remote", |value, url| format!("git ls-remote {value} {url}")),
    ];
    let ground = Ground::new();
    for value in ground.values().iter().take(130).step_by(3) {
        for (name, command) in commands {
            let home = copied(&original);
            let _ = run_in_shell(&home.dir(), &command(value, &url));
            if ground.fired() {
                *fired.entry(name).or_default() += 1;
                for entry in fs::read_dir(ground.outer.path()).unwrap().flatten() {
                    if entry.path() != ground.secret {
                        let _ = fs::remove_file(entry.path()).or_else(|_| fs::remove_dir_all(entry.path()));
                    }
                }
            }
        }
    }
    println!("fired: {fired:?}");
    assert!(fired.values().sum::<usize>() >= 25, "{fired:?}");
    assert!(!OPERATIONS.is_empty() && Remotes::default().admit("repo_url", "ext::sh -c x").is_err());
}

fn run_in_shell(dir: &Path, command: &str) -> std::io::Result<std::process::Output> {
    let limited = ["5", "sh", "-c", command];
    Command::new("timeout").args(limited).current_dir(dir).stdin(Stdio::null()).output()
}
