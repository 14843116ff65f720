//! A workspace that can be armed, and what tells whether something fired.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::attacker::Attacker;
use crate::sandbox::{Sandbox, git};
use crate::server::Server;
use crate::vectors::{Vector, Way};

/// The token that must not get out.
pub const TOKEN: &str = "token-7c1f29";

/// A server whose branch `main` has moved on since the sandbox was cloned, and the sandbox with a commit of
/// its own to the same file.
pub struct Ground {
    pub server: Server,
    pub original: Sandbox,
}

/// A copy of the sandbox, armed.
pub struct Armed {
    pub sandbox: Sandbox,
    pub attacker: Attacker,
    outside: u64,
}

fn lines(first: &str, last: &str) -> String {
    format!("{first}\n2\n3\n4\n5\n6\n7\n8\n{last}\n")
}

impl Ground {
    pub fn new() -> Self {
        let server = Server::with_repository(Some(TOKEN));
        server.push_by_another("main", "f", &lines("1", "9"));
        let mut original = server.cloned();
        original.write("f", &lines("mine", "9"));
        original.write("new", "n\n");
        original.good("commit", serde_json::json!({"sandbox_id": "s1", "message": "mine", "all": true}));
        server.push_by_another("main", "f", &lines("1", "theirs"));
        Self { server, original }
    }

    pub fn armed(&self, vector: &Vector) -> Armed {
        let mut sandbox = Sandbox::new();
        let copied = Command::new("cp").arg("-a").arg(self.original.dir()).arg(sandbox.home.path()).status();
        assert!(copied.unwrap().success());
        sandbox.workspace.clone_from(&self.original.workspace);
        sandbox.remotes = self.original.remotes.clone();
        sandbox.token.clone_from(&self.original.token);
        let origin = self.server.url.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let port = origin.rsplit_once(':').unwrap().1.to_owned();
        // The same port at another address, for those who pin the name of the origin.
        let attacker = match vector.name {
            "http.curloptResolve" => Attacker::at(&format!("127.0.0.2:{port}")),
            _ => Attacker::listen(),
        };
        let home = sandbox.home.path().to_str().unwrap().to_owned();
        program(&sandbox.home.path().join("trap"), &home);
        let named = |text: &str| {
            text.replace("TRAP", &format!("{home}/trap"))
                .replace("ATTACKERIP", "127.0.0.2")
                .replace("ATTACKER", &attacker.url())
                .replace("ORIGINHOST", &origin)
                .replace("ORIGINIP", "127.0.0.1")
                .replace("ORIGIN", &self.server.url)
                .replace("HOME", &home)
        };
        for way in vector.ways {
            match way {
                Way::Config(text) => {
                    let file = sandbox.dir().join(".git/config");
                    fs::write(&file, fs::read_to_string(&file).unwrap() + &named(text)).unwrap();
                }
                Way::File(path, text) => {
                    let file = sandbox.home.path().join(path);
                    fs::create_dir_all(file.parent().unwrap()).unwrap();
                    fs::write(file, named(text)).unwrap();
                }
                Way::Hook(path) => program(&sandbox.home.path().join(path), &home),
                Way::Shell(command) => {
                    let mut shell = Command::new("sh");
                    shell.args(["-c", &named(command)]).current_dir(sandbox.dir()).stdin(Stdio::null());
                    shell.env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
                }
            }
        }
        // What the arming itself may have set off.
        let _ = fs::remove_file(sandbox.home.path().join("fired"));
        let outside = self.server.requests().len() as u64;
        Armed { sandbox, attacker, outside }
    }
}

/// A program that tells that it ran, and what it could have had.
fn program(path: &Path, home: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let text = format!(
        "#!/bin/sh\necho \"$0 $*\" >>{home}/fired\n{{ env; cat /proc/$PPID/environ; cat /dev/shm/gitledger-*/*; }} >>{home}/stolen 2>/dev/null\n\
         case $1 in get) ;; *) cat ;; esac\n"
    );
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

impl Armed {
    /// What ran, was called, was written elsewhere, or was sent in the attacker's name.
    pub fn fired(&self, server: &Server) -> Vec<String> {
        let home = self.sandbox.home.path();
        let mut all = Vec::new();
        all.extend(fs::read_to_string(home.join("fired")).ok().map(|text| format!("ran: {text}")));
        all.extend((!self.attacker.heard().is_empty()).then(|| "the attacker was called".to_owned()));
        let since = usize::try_from(self.outside).unwrap();
        let evil = |header: &Option<String>| {
            header.as_ref().is_some_and(|it| it.contains("ZXZpb")) // `evil` or `evil:evil`
        };
        let sent = server.requests().into_iter().skip(since).any(|(_, _, header)| evil(&header));
        all.extend(sent.then(|| "the attacker's name was sent".to_owned()));
        let stolen = home.join("workspace/.git/refs/heads/stolen").exists();
        all.extend(stolen.then(|| "references were written elsewhere".to_owned()));
        let moved = fs::read_to_string(home.join("elsewhere/f")).is_ok_and(|text| text.contains("theirs"));
        all.extend(moved.then(|| "files were written elsewhere".to_owned()));
        all
    }

    pub fn stolen(&self) -> String {
        let bytes = fs::read(self.sandbox.home.path().join("stolen")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// git as the original set it up: a token in the environment, and a helper that hands it to whoever asks.
pub fn plain(home: &Path, arguments: &[&str]) {
    let system = home.join("system");
    if !system.exists() {
        git(home, &["config", "--file", "system", "pull.rebase", "true"]);
        git(home, &["config", "--file", "system", "safe.directory", "*"]);
        let helper = "!f() { test $1 = get && echo username=x && echo password=$GITHUB_TOKEN; }; f";
        git(home, &["config", "--file", "system", "credential.helper", helper]);
    }
    let mut command = Command::new("timeout");
    command.args(["10", "git"]).args(arguments).current_dir(home.join("workspace")).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", home).env("GITHUB_TOKEN", TOKEN);
    command.env("GIT_CONFIG_SYSTEM", system).env("GIT_TERMINAL_PROMPT", "0");
    for name in ["GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"] {
        command.env(name, "x");
    }
    // Whether it succeeds is no matter: what it set off is.
    let _ = command.stdin(Stdio::null()).output();
}
