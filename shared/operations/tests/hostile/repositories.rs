//! Hostile repositories: cloned, looked at with everything that looks, and worked in.

use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use gitledger_events::operation::Effect;
use gitledger_operations::table::OPERATIONS;
use gitledger_operations::{Failure, Place};
use serde_json::{Value, json};

use crate::sandbox::{Sandbox, git};
use crate::server::Server;
use crate::specimens::{SPECIMENS, TOOLS};

const SECRET: &str = "not-for-callers-2b9e";
/// So many files of each are read one by one.
const FILES: usize = 2;

struct Zoo {
    server: Server,
    outer: tempfile::TempDir,
}

impl Zoo {
    fn new() -> Self {
        let (server, outer) = (Server::with_repository(None), tempfile::tempdir().unwrap());
        fs::write(outer.path().join("secret"), SECRET).unwrap();
        Self { server, outer }
    }

    fn canary(&self) -> PathBuf {
        self.outer.path().join("canary")
    }

    /// Makes the repository of this number; its name on the server.
    fn make(&self, number: usize) -> String {
        let name = format!("zoo/{number}.git");
        let path = self.server.bare(&name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let copied = Command::new("cp").arg("-a").arg(self.server.bare("a/r.git")).arg(&path).status();
        assert!(copied.unwrap().success());
        let secret = self.outer.path().join("secret");
        let script = SPECIMENS[number]
            .1
            .replace("CANARY", self.canary().to_str().unwrap())
            .replace("SECRET", secret.to_str().unwrap());
        let output = Command::new("bash")
            .args(["-ec", &format!("{TOOLS}{script}")])
            .current_dir(&path)
            .envs(
                ["AUTHOR", "COMMITTER"]
                    .iter()
                    .flat_map(|who| [(format!("GIT_{who}_NAME"), "p"), (format!("GIT_{who}_EMAIL"), "p@x")]),
            )
            .envs([("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_NOSYSTEM", "1"), ("LC_ALL", "C.UTF-8")])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {said}", SPECIMENS[number].0);
        name
    }

    /// For every specimen, two at a time; what each complains of.
    fn each(&self, judge: impl Fn(&Self, usize) -> Vec<String> + Sync) -> Vec<String> {
        let (next, complaints) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::SeqCst);
                        let Some((name, _)) = SPECIMENS.get(number) else { break };
                        let told = judge(self, number);
                        complaints.lock().unwrap().extend(told.iter().map(|what| format!("{name}: {what}")));
                    }
                });
            }
        });
        complaints.into_inner().unwrap()
    }
}

/// What would move a terminal's cursor or hide text.
fn is_raw(text: &str) -> bool {
    let marks =
        |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().any(|c| (c.is_control() && c != '\n' && c != '\t') || marks(c))
}

/// The texts of an answer that are for people. Names and contents are data, escaped by JSON.
fn for_people(answer: &Value) -> Vec<String> {
    let named = ["output", "message", "advice", "damage", "remote_messages"];
    named.iter().map(|name| &answer[*name]).filter(|it| !it.is_null()).map(said).collect()
}

fn said(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(all) => all.iter().map(said).collect::<Vec<_>>().join("\n"),
        _ => String::new(),
    }
}

fn judge(what: &str, result: &Result<Value, Box<Failure>>) -> Vec<String> {
    let mut told = Vec::new();
    let texts = match result {
        Ok(answer) => for_people(answer),
        Err(failure) => vec![failure.message.clone()],
    };
    told.extend(
        texts.iter().filter(|text| is_raw(text)).map(|text| format!("{what}: raw bytes in {text:?}")),
    );
    if let Err(failure) = result
        && failure.code.name == "unknown-git-error"
    {
        told.push(format!("{what}: {failure:?}"));
    }
    told.extend(format!("{result:?}").contains(SECRET).then(|| format!("{what}: the secret was read")));
    told
}

fn ask(sandbox: &mut Sandbox, name: &str, input: Value, told: &mut Vec<String>) -> Option<Value> {
    let what = format!("{name} {input}");
    match catch_unwind(AssertUnwindSafe(|| sandbox.ask(name, input))) {
        Err(panic) => {
            let why = panic.downcast_ref::<String>().cloned().unwrap_or_default();
            told.push(format!("{what}: a panic: {why}"));
            None
        }
        Ok(result) => {
            told.extend(judge(&what, &result));
            result.ok()
        }
    }
}

/// Everything that looks, each with its example; what names a path is asked for several that are there.
fn look(sandbox: &mut Sandbox, paths: &[String], told: &mut Vec<String>) -> usize {
    let mut asked = 0;
    for operation in OPERATIONS.iter().filter(|operation| operation.effect == Effect::Reads) {
        let mut input = operation.example();
        if input.get("sandbox_id").is_none() {
            continue;
        }
        input["sandbox_id"] = json!("s1");
        input
            .as_object_mut()
            .unwrap()
            .retain(|name, _| !["lines", "paths", "files", "pattern"].contains(&name.as_str()));
        if operation.name == "grep" {
            input["pattern"] = json!("not-for");
        }
        let place =
            operation.ask(input.clone(), &sandbox.remotes).map(|asked| asked.place() != Place::Ledger);
        if !place.unwrap_or(false) {
            continue;
        }
        let inputs = match input.get("path") {
            Some(_) => paths
                .iter()
                .map(|path| {
                    let mut one = input.clone();
                    one["path"] = json!(path);
                    one
                })
                .collect(),
            None => vec![input],
        };
        for input in inputs {
            // A name that no caller may write is refused at the door.
            if operation.ask(input.clone(), &sandbox.remotes).is_ok() {
                asked += 1;
                ask(sandbox, operation.name, input, told);
            }
        }
    }
    asked
}

fn visit(zoo: &Zoo, number: usize, counts: &[AtomicUsize; 2]) -> Vec<String> {
    let mut told = Vec::new();
    let url = format!("{}{}", zoo.server.url, zoo.make(number));
    let mut sandbox = zoo.server.sandbox();
    let clone = json!({"repo_url": url, "agent_id": "a1", "task_id": "t1", "branch": "main"});
    // Once as it is asked for mostly, without a branch; then by name, where that could not be.
    let mut first = clone.clone();
    first.as_object_mut().unwrap().remove("branch");
    let mut cloned = ask(&mut sandbox, "clone", first, &mut told);
    if SPECIMENS[number].0.starts_with("HEAD") {
        sandbox = zoo.server.sandbox();
        cloned = ask(&mut sandbox, "clone", clone, &mut told);
    }
    if cloned.is_some() {
        counts[0].fetch_add(1, Ordering::SeqCst);
        let list = json!({"sandbox_id": "s1", "recursive": true});
        let tree = ask(&mut sandbox, "tree-list", list, &mut told).unwrap_or_default();
        let entries = tree["entries"].as_array().cloned().unwrap_or_default();
        let mut paths: Vec<String> =
            entries.iter().filter_map(|entry| Some(entry["path"].as_str()?.to_owned())).collect();
        // The newest names are the hostile ones.
        paths.retain(|path| path != "g");
        paths.truncate(FILES);
        let mut asked = look(&mut sandbox, &paths, &mut told);
        for (name, mut input) in [
            ("file-write", json!({"path": "note.txt", "content": "n\n"})),
            ("file-write", json!({"path": "inner/note.txt", "content": "n\n"})),
            ("add", json!({"files": ["note.txt"]})),
            ("commit", json!({"message": "note", "all": true})),
            ("switch", json!({"branch": "side", "create": true})),
            ("switch", json!({"branch": "agent-a1-t1"})),
            ("push", json!({})),
            ("fetch", json!({})),
            ("pull", json!({})),
        ] {
            input["sandbox_id"] = json!("s1");
            asked += 1;
            ask(&mut sandbox, name, input, &mut told);
        }
        counts[1].fetch_add(asked, Ordering::SeqCst);
    }
    let fired = zoo.canary().exists() || sandbox.dir().join("canary").exists();
    told.extend(fired.then(|| "the canary".to_owned()));
    let beside = fs::read_dir(sandbox.home.path()).unwrap().count();
    told.extend((beside > 1).then(|| "written beside the workspace".to_owned()));
    told
}

#[test]
fn a_hostile_repository_runs_nothing_shows_nothing_from_outside_and_moves_no_cursor() {
    let zoo = Zoo::new();
    let counts = [AtomicUsize::new(0), AtomicUsize::new(0)];
    let complaints = zoo.each(|zoo, number| visit(zoo, number, &counts));
    println!("{} repositories, {counts:?} of them cloned and operations asked", SPECIMENS.len());
    assert!(SPECIMENS.len() >= 40 && counts[0].load(Ordering::SeqCst) >= 20);
    assert!(complaints.is_empty(), "{complaints:#?}");
}

/// What somebody does with plain git and a shell: clones with submodules, goes into folders, reads files,
/// looks at the log and pushes.
const NAIVE: &str = "git -c protocol.ext.allow=always clone -q --recurse-submodules \"$1\" w; cd w || exit\n\
    git log --format='%an %s %b'; git branch -r; git tag -n; ls -a --quoting-style=literal\n\
    for entry in * .[a-z]*; do test \"$entry\" = .git && continue; cat -- \"$entry\"; (cd -- \"$entry\" && git status && ls -a --quoting-style=literal); done\n\
    git add . && git commit -q --allow-empty -m x && git push -q origin HEAD:refs/heads/naive\n";

#[test]
fn plain_git_and_a_shell_are_led_astray_by_them() {
    let zoo = Zoo::new();
    let seen = Mutex::new(BTreeMap::<&str, Vec<&str>>::new());
    zoo.each(|zoo, number| {
        let path = zoo.server.bare(&zoo.make(number));
        let home = tempfile::tempdir().unwrap();
        git(home.path(), &["config", "--file", ".gitconfig", "user.name", "x"]);
        git(home.path(), &["config", "--file", ".gitconfig", "user.email", "x@x"]);
        let mut naive = Command::new("timeout");
        naive.args(["20", "sh", "-c", NAIVE, "sh"]).arg(path).current_dir(home.path()).stdin(Stdio::null());
        let output = naive.env("HOME", home.path()).output().unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        let mut seen = seen.lock().unwrap();
        let name = SPECIMENS[number].0;
        let mut note = |what| seen.entry(what).or_default().push(name);
        if zoo.canary().exists() {
            let _ = fs::remove_file(zoo.canary());
            note("ran a command");
        }
        if text.contains(SECRET) {
            note("read the secret");
        }
        if is_raw(&text.replace('\r', "")) {
            note("raw bytes");
        }
        Vec::new()
    });
    let seen = seen.into_inner().unwrap();
    println!("{seen:#?}");
    for what in ["ran a command", "read the secret", "raw bytes"] {
        assert!(seen.get(what).is_some_and(|names| names.len() >= 2), "{what}: {seen:#?}");
    }
}
