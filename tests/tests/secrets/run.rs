//! A whole run with a secret, everything on record at its most talkative; then it is looked for everywhere.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use gitledger::remote::{Access, Protection};
use gitledger_tests::canary::Canary;
use gitledger_tests::origin::APP;
use gitledger_tests::processes::{self, Sampler};
use gitledger_tests::trap::{Trap, respond};
use gitledger_tests::{Agent, Origin, Setup, System, system};
use serde_json::{Value, json};

use super::{sandbox_dir, write_private};

/// Complains of every text in which the secret stands.
struct Search {
    canary: Canary,
    complaints: Vec<String>,
}

impl Search {
    fn text(&mut self, what: &str, text: &str) {
        assert!(!text.is_empty(), "{what}: there is nothing to look at");
        self.complaints.extend(self.canary.found_in(text.as_bytes()).map(|found| format!("{what}: {found}")));
    }

    fn answers(&mut self, answers: &[(String, Value)]) {
        for (what, answer) in answers {
            self.text(what, &answer.to_string());
        }
    }

    /// Files, and at least this many.
    fn below(&mut self, dir: &Path, least: usize) {
        let (complaints, looked_at) = self.canary.found_below(dir);
        assert!(looked_at >= least, "{}: only {looked_at} files", dir.display());
        self.complaints.extend(complaints);
    }

    /// What processes of this system have in their memory's file systems, where credentials lie meanwhile.
    fn shared_memory(&mut self, system: &System, events: &str) {
        let mut looked_at = 0;
        // Where sandboxes are no more than processes it is the whole machine's, and others have theirs there.
        let machines = std::fs::metadata("/dev/shm").map(|found| (found.dev(), found.ino())).ok();
        for id in processes::descendants(system.pid()) {
            let dir = format!("/proc/{}/root/dev/shm", id.pid());
            if let Ok(entries) = std::fs::read_dir(&dir) {
                looked_at += 1;
                let found = std::fs::metadata(&dir).map(|found| (found.dev(), found.ino())).ok();
                let private = found.is_some() && found != machines;
                let mut left: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
                // What runs have printed stays for a while, and is no place for a secret.
                let runs = Path::new(&dir).join("gitledger");
                if private && runs.exists() {
                    self.below(&runs, 2);
                }
                left.retain(|path| (private && *path != runs) || self.is_ours(path, events));
                self.complaints.extend((!left.is_empty()).then(|| format!("{dir} holds {left:?}")));
            }
        }
        assert!(looked_at > 0, "no sandbox's memory could be looked into");
    }

    /// A directory of one of this system's operations, or one in which the secret stands, whoever made it.
    fn is_ours(&self, path: &Path, events: &str) -> bool {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let Some(id) = name.strip_prefix("gitledger-") else { return false };
        events.contains(id) || !self.canary.found_below(path).0.is_empty()
    }
}

/// Everything that an agent does with a private repository, also what fails; all answers.
async fn work(system: &System, origin: &Origin) -> Vec<(String, Value)> {
    let agent = Agent::clone(system, &origin.app(), "a1", "t1").await;
    let mut answers = vec![("clone".to_owned(), agent.cloned.clone())];
    agent.commit("NOTES.md", "hello\n").await;
    let write = json!({"path": "README.md", "content": "# Other\n"});
    let steps = [
        ("file-write", write.clone()),
        ("status", json!({})),
        ("diff", json!({})),
        ("add", json!({"files": ["README.md"]})),
        ("commit", json!({"message": "Write README.md"})),
        ("push", json!({})),
        ("fetch", json!({})),
        ("pull", json!({})),
        ("log", json!({})),
        ("branch-list", json!({})),
    ];
    for (operation, input) in steps {
        answers.push((operation.to_owned(), agent.operate(operation, input).await));
    }
    // A push that the remote declines, one that it does not let in, and repositories that are not there.
    agent.commit("NOTES.md", "more\n").await;
    origin.remote.protect(APP, &Protection::Everything("not today".to_owned())).expect("a repository");
    answers.push(("push, declined".to_owned(), failing(&agent, "push").await));
    let locked = Access { read_only: true, ..Access::PRIVATE };
    origin.remote.set_access(APP, locked).expect("a repository");
    answers.push(("push, forbidden".to_owned(), failing(&agent, "push").await));
    let missing = origin.remote.repository_url("acme/missing");
    answers.push(("clone, missing".to_owned(), failing_clone(system, &missing).await));
    answers
}

async fn failing(agent: &Agent<'_>, operation: &str) -> Value {
    let (_, answer) = agent.attempt(operation, json!({})).await;
    assert_eq!(answer["outcome"], "failed", "{answer:#}");
    answer
}

async fn failing_clone(system: &System, url: &str) -> Value {
    let input = json!({"repo_url": url, "agent_id": "a2", "task_id": "t1"});
    let (_, answer) = system.post("/git/clone", &input).await;
    assert_eq!(answer["outcome"], "failed", "{answer:#}");
    answer
}

/// Everything else that a caller can read, as text.
async fn shown(system: &System) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for path in ["/metrics", "/events?limit=1000", "/sandboxes", "/healthz", "/"] {
        let response =
            system::client().get(format!("{}{path}", system.url())).send().await.expect("an answer");
        all.push((path.to_owned(), response.text().await.expect("a body")));
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_found_nowhere_after_a_whole_run() {
    let canary = Canary::new();
    let origin = Origin::with_token(canary.secret()).await;
    origin.remote.set_access(APP, Access::PRIVATE).expect("a repository");
    // Has the token, and sends everybody on to a host that has none.
    let stranger = Trap::asking();
    let location = format!("WWW-Authenticate: Basic realm=\"x\"\r\nLocation: {}acme/app\r\n", stranger.url());
    let redirecting = Trap::listen(move |request| {
        let known = request.to_ascii_lowercase().contains("authorization:");
        respond(if known { "302 Found" } else { "401 Unauthorized" }, &location)
    });
    let tokens = system::temporary();
    let file = tokens.path().join("tokens");
    let line = |authority: &str| format!("{authority} = {}\n", canary.secret());
    write_private(&file, &(line(&origin.authority()) + &line(&redirecting.authority())));
    let admitted = [origin.remote.url(), stranger.url(), redirecting.url()].join(",");
    let setup = Setup::new()
        .with("GITLEDGER_ALLOW_REMOTES", admitted)
        .with("GITLEDGER_GIT_TOKENS", &file)
        .with("RUST_LOG", "trace");

    let judge = canary.clone();
    let sampler = Sampler::start(move |bytes| judge.found_in(bytes));
    let running = setup.start().await;
    let mut search = Search { canary: canary.clone(), complaints: Vec::new() };
    let mut answers = work(&running, &origin).await;
    answers.push((
        "clone, redirected".into(),
        failing_clone(&running, &format!("{}acme/app", redirecting.url())).await,
    ));
    answers.push((
        "clone, stranger".into(),
        failing_clone(&running, &format!("{}acme/app", stranger.url())).await,
    ));
    search.answers(&answers);
    shown(&running).await.iter().for_each(|(what, text)| search.text(what, text));
    search.shared_memory(&running, &json!(setup.events()).to_string());
    let workspace = sandbox_dir(&running, answers[0].1["output"]["sandbox_id"].as_str().expect("a sandbox"));
    let config =
        std::fs::read_to_string(workspace.join("home/user/workspace/.git/config")).expect("a workspace");
    search.text(".git/config", &config);
    // With every workspace, while there still are some; and again when all is at rest.
    let dir = setup.data();
    search.below(dir.parent().expect("a directory"), 250);
    search.text("events", &json!(setup.events()).to_string());
    search.text("log", &running.stop().await);
    search.below(dir.parent().expect("a directory"), 3);

    let seen = sampler.end();
    search.complaints.extend(seen.complaints);
    assert_eq!(search.complaints, Vec::<String>::new());
    assert!(seen.looks > 20, "only {} looks at the processes", seen.looks);
    let ran = |part: &str| seen.commands.iter().any(|command| command.contains(part));
    assert!(
        ran("remote-http") && ran("push --porcelain"),
        "the sampler did not see git: {:?}",
        seen.commands
    );
    // The token was used, where it belongs and nowhere else.
    let heard = |trap: &Trap| trap.heard().iter().any(|bytes| canary.found_in(bytes).is_some());
    assert!(heard(&redirecting), "the token's own host was never given it");
    assert!(!heard(&stranger), "a host without a token heard one");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_planted_is_found() {
    let canary = Canary::new();
    let dir = system::temporary();
    for (number, (_, spelling)) in canary.spellings().iter().enumerate() {
        let planted = [b"[remote]\n\turl = http://x:".as_slice(), spelling, b"@y\n\xff\0"].concat();
        let file = dir.path().join(format!("workspace/{number}/.git/config"));
        std::fs::create_dir_all(file.parent().expect("a directory")).expect("a directory");
        std::fs::write(file, planted).expect("a file");
    }
    std::fs::write(dir.path().join("innocent"), canary.secret().as_bytes()[..9].repeat(100)).expect("a file");
    let (complaints, looked_at) = canary.found_below(dir.path());
    assert_eq!(looked_at, canary.spellings().len() + 1);
    assert_eq!(complaints.len(), canary.spellings().len(), "{complaints:#?}");
    // As git sends it, whatever the user's name is.
    for user in ["", "x", "xy", "x-access-token"] {
        let output = std::process::Command::new("sh")
            .args(["-c", "printf %s \"$1\" | base64 -w 0", "sh", &format!("{user}:{}", canary.secret())])
            .output()
            .expect("base64");
        assert!(output.stdout.len() > 40 && canary.found_in(&output.stdout).is_some(), "{user:?}");
    }
    let judge = canary.clone();
    let sampler = Sampler::start(move |bytes| judge.found_in(bytes));
    for (argument, value) in [(canary.secret(), "x"), ("x", canary.secret())] {
        let mut leaking = std::process::Command::new("sh");
        leaking.args(["-c", "sleep 0.5; :", argument]).env("PLANTED", value);
        assert!(leaking.status().expect("sh").success());
    }
    let complaints = sampler.end().complaints;
    for what in ["cmdline", "environ"] {
        assert!(complaints.iter().any(|complaint| complaint.starts_with(what)), "{what}: {complaints:?}");
    }
    assert!(!format!("{canary:?}").contains("canary+"));
}
