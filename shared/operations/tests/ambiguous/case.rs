//! One ambiguous push.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::check::{self, Told, Truth};
use crate::sandbox::{Sandbox, git};
use crate::server::{Accident, Cut, Server};

/// What is pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Forward,
    New,
    Deletion,
    Tag,
    Forced,
}

/// What somebody else does meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Other {
    Nobody,
    OnTop,
    Overwrites,
}

/// What becomes of the push whose answer is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The server takes it in, and then others act.
    First,
    /// It never reaches the server.
    Lost,
    /// Others act, and then the server looks at it.
    Second,
    /// Others act after we looked, and before git begins to push.
    Raced,
}

/// One example; all of it follows from its number.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    pub number: usize,
    pub kind: Kind,
    pub other: Other,
    /// What becomes of the push whose answer is lost.
    pub fate: Fate,
    /// How much of the answer arrives.
    pub reply_bytes: usize,
    /// Whether the next answer is lost too.
    pub twice: bool,
    /// Whether it is asked as a sync.
    pub sync: bool,
}

/// A server and a workspace, used for many cases.
pub struct Stage {
    pub server: Server,
    pub sandbox: Sandbox,
    /// The commits of `main`, the last one first.
    main: [String; 2],
    tree: String,
}

impl Stage {
    pub fn new() -> Self {
        let server = Server::with_repository(None);
        let bare = server.bare("a/r.git");
        // Whatever the server takes in is written down by itself.
        let hook = bare.join("hooks/post-receive");
        std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
        std::fs::write(&hook, "#!/bin/sh\nexec cat >>accepted\n").unwrap();
        std::fs::set_permissions(&hook, PermissionsExt::from_mode(0o755)).unwrap();
        std::fs::write(bare.join("accepted"), "").unwrap();
        let sandbox = server.cloned();
        let main = ["main", "main~1"].map(|name| git(&bare, &["rev-parse", name]));
        let tree = git(&bare, &["rev-parse", "main^{tree}"]);
        Self { server, sandbox, main, tree }
    }

    /// A new commit in the repository of this directory.
    fn commit(&self, dir: &Path, parent: &str, message: &str) -> String {
        commit(dir, &self.tree, parent, message)
    }
}

/// Writes a reference; a process for each would take most of the test's time.
fn write(git_dir: &Path, reference: &str, oid: &str) {
    std::fs::create_dir_all(git_dir.join("refs/tags")).unwrap();
    std::fs::write(git_dir.join(reference), format!("{oid}\n")).unwrap();
}

fn commit(dir: &Path, tree: &str, parent: &str, message: &str) -> String {
    git(dir, &["commit-tree", tree, "-p", parent, "-m", message])
}

impl Case {
    pub fn of(number: usize) -> Self {
        let point = number / 15;
        Self {
            number,
            kind: [Kind::Forward, Kind::New, Kind::Deletion, Kind::Tag, Kind::Forced][number % 5],
            other: [Other::Nobody, Other::OnTop, Other::Overwrites][number / 5 % 3],
            fate: [Fate::First, Fate::Raced, Fate::Lost, Fate::Second][point % 4],
            // Headers and report are some 400 bytes: the cut wanders through them. Sometimes it is all.
            reply_bytes: if point % 8 == 7 { usize::MAX } else { point * 71 % 400 },
            twice: point % 5 == 3,
            sync: point % 3 == 2,
        }
    }

    fn reference(&self) -> String {
        let kind = if self.kind == Kind::Tag { "tags" } else { "heads" };
        format!("refs/{kind}/case-{}", self.number)
    }

    pub fn run(&self, stage: &mut Stage) -> Told {
        let bare = stage.server.bare("a/r.git");
        let (name, input) = self.prepare(stage, &bare);
        let foreign = Arc::new(Mutex::new(None));
        let act = self.other_acts(stage, &bare, Arc::clone(&foreign));
        let nothing = || -> Box<dyn FnOnce() + Send> { Box::new(|| {}) };
        let act = if self.fate == Fate::Raced {
            stage.server.before_push(act);
            nothing()
        } else {
            act
        };
        let cut = |act| Cut {
            served: self.fate != Fate::Lost,
            reply_bytes: self.reply_bytes,
            act,
            acts_first: self.fate == Fate::Second,
        };
        stage.server.accident(Accident::Cut(cut(act)));
        if self.twice {
            stage.server.accident(Accident::Cut(cut(nothing())));
        }
        let result = stage.sandbox.ask_unchecked(name, input);
        stage.server.no_more_accidents();
        let foreign = foreign.lock().unwrap().clone();
        let truth = Truth::of(&bare, &self.reference(), foreign);
        let told = check::told(self.kind, &result, &truth);
        if told == Told::Wrong {
            println!("{self:?}: {result:?}, {truth:?}");
        }
        told
    }

    /// Puts the reference where the case begins, and makes what is to be pushed.
    fn prepare(&self, stage: &Stage, bare: &Path) -> (&'static str, Value) {
        let (reference, number) = (self.reference(), self.number);
        let [last, first] = &stage.main;
        let branch = format!("case-{number}");
        let here = |parent: &str| stage.commit(&stage.sandbox.dir(), parent, &format!("ours {number}"));
        let there = |oid: &str| write(bare, &reference, oid);
        let git_dir = stage.sandbox.dir().join(".git");
        let head = |oid: &str| write(&git_dir, "refs/heads/agent-a1-t1", oid);
        let push = if self.sync { "sync" } else { "push" };
        match self.kind {
            Kind::Forward => {
                there(last);
                write(&git_dir, &format!("refs/remotes/origin/{branch}"), last);
                head(&here(last));
                (push, json!({"sandbox_id": "s1", "branch": branch}))
            }
            Kind::New => {
                head(&here(last));
                (push, json!({"sandbox_id": "s1", "branch": branch}))
            }
            Kind::Deletion => {
                there(last);
                ("push-delete", json!({"sandbox_id": "s1", "branch": branch, "expected_old": last}))
            }
            Kind::Tag => {
                write(&git_dir, &reference, &here(last));
                ("push", json!({"sandbox_id": "s1", "tag": branch}))
            }
            Kind::Forced => {
                let old = stage.commit(bare, first, &format!("old {number}"));
                there(&old);
                let new = here(first);
                let input = json!({
                    "sandbox_id": "s1", "branch": branch, "source": new, "force": true, "expected_old": old,
                });
                ("push", input)
            }
        }
    }

    /// What somebody else does meanwhile; and what they made.
    fn other_acts(
        &self,
        stage: &Stage,
        bare: &Path,
        made: Arc<Mutex<Option<String>>>,
    ) -> Box<dyn FnOnce() + Send> {
        let (bare, tree, reference) = (bare.to_owned(), stage.tree.clone(), self.reference());
        let [last, first] = stage.main.clone();
        let (other, message) = (self.other, format!("theirs {}", self.number));
        Box::new(move || {
            let tip = std::fs::read_to_string(bare.join(&reference)).unwrap_or_default();
            let parent = match (other, tip.trim()) {
                (Other::Nobody, _) => return,
                (Other::OnTop, "") => last,
                (Other::OnTop, tip) => tip.to_owned(),
                (Other::Overwrites, _) => first,
            };
            let theirs = commit(&bare, &tree, &parent, &message);
            write(&bare, &reference, &theirs);
            *made.lock().unwrap() = Some(theirs);
        })
    }
}
