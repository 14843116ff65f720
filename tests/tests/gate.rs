//! Where sandboxes have no network but their host's gate, a token is never in a sandbox: the gate adds it outside,
//! for one repository, while one operation's plan runs.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use base64::Engine;
use gitledger::remote::{Access, Endpoint as Request, Fault, Seed};
use gitledger_sandboxes::envd::{Envd, ProcessEvent, ProcessStart};
use gitledger_sandboxes::{ControlPlane, Endpoint, Secret};
use gitledger_tests::origin::APP;
use gitledger_tests::{Agent, Origin, Process, Setup, System, tools, wait};
use serde_json::{Value, json};

/// Looks through the sandbox again and again until it is told to stop; says where the text was found. The
/// brackets keep the pattern from finding itself. Builtins and one grep a round: what it waits for is short.
const WATCH: &str = "touch /tmp/watching; until [ -e /tmp/stop ]; do \
    grep -rls --binary-files=text -e \"$1\" -e \"$2\" /dev/shm /home /proc/[0-9]*/environ /proc/[0-9]*/cmdline; \
    done 2>/dev/null | sort -u";
/// A repository of the same remote, with the same token.
const OTHER: &str = "acme/other";
/// As long as a credential would lie in the sandbox at least.
const SLOW: Duration = Duration::from_millis(1500);

/// The sandboxes behind the system's back, as an agent's own programs are in them.
struct Inside {
    envd: Envd,
    sandbox_id: String,
}

impl Inside {
    fn of(system: &System, sandbox_id: &str) -> Self {
        let text = std::fs::read(system.data().join("sandbox-host.json")).expect("word of the host");
        let host: Value = serde_json::from_slice(&text).expect("JSON");
        let field = |name: &str| host[name].as_str().expect("a text").to_owned();
        let endpoint = Endpoint::at(field("api_url"), Secret::new(field("api_key")));
        let envd = Envd::new(ControlPlane::new(endpoint).expect("a client"));
        Self { envd, sandbox_id: sandbox_id.to_owned() }
    }

    /// Runs a script to its end; what it printed.
    async fn run(&self, script: &str, arguments: &[&str]) -> String {
        let fixed = ["-c", script, "sh"].into_iter().chain(arguments.iter().copied());
        let start = ProcessStart {
            cmd: "/bin/bash".into(),
            args: fixed.map(str::to_owned).collect(),
            timeout: wait::PATIENCE,
            ..ProcessStart::default()
        };
        let mut stream = self.envd.start(&self.sandbox_id, &start).await.expect("a process");
        let mut said = Vec::new();
        while let Some(event) = stream.next().await.expect("the stream") {
            match event {
                ProcessEvent::Stdout(bytes) => said.extend(bytes),
                ProcessEvent::Ended(_) => break,
                _ => {}
            }
        }
        String::from_utf8_lossy(&said).trim().to_owned()
    }

    /// What a program in the sandbox is answered when it asks for the repository by itself.
    async fn asks(&self, url: &str, how: &str) -> String {
        self.run(&format!("curl -s -m 20 -o /dev/null -w '%{{http_code}}' {how} \"$1\""), &[url]).await
    }
}

fn refs(origin: &Origin) -> String {
    format!("http://{}/{APP}.git/info/refs?service=git-upload-pack", origin.authority())
}

async fn system(origin: &Origin, gated: bool) -> (Setup, System) {
    origin.remote.set_access(APP, Access::PRIVATE).expect("a repository");
    let setup = Setup::new().admitting(origin);
    let authority = origin.authority();
    let proxied = ["--sandbox-network", "proxied", "--admit-private", &authority];
    let system = setup.start_with(if gated { &proxied } else { &[] }).await;
    (setup, system)
}

/// A clone, a commit and a push, each request to the remote slow, in a sandbox that looks for the token all the
/// while. Where it was found, and the commit.
async fn watched_work(origin: &Origin, system: &System) -> (String, String) {
    let asked = json!({"agent_id": "a1", "task_id": "t1", "repo_url": origin.app()});
    let made = system.operate("sandbox-create", &asked).await;
    let id = made["output"]["sandbox_id"].as_str().expect("a sandbox");
    let inside = Inside::of(system, id);
    let token = origin.token();
    // As HTTP's Basic has it.
    let base64 = base64::engine::general_purpose::STANDARD.encode(format!("x-access-token:{token}"));
    let hidden = |text: &str| format!("[{}]{}", &text[..1], &text[1..]);
    let (plain, encoded) = (hidden(token), hidden(&base64));
    for request in [Request::UploadPackRefs, Request::ReceivePackRefs] {
        origin.remote.set_fault(APP, request, Fault::Delay(SLOW)).expect("a repository");
    }
    let arguments = [plain.as_str(), encoded.as_str()];
    let watch = inside.run(WATCH, &arguments);
    let work = async {
        inside.run("until [ -e /tmp/watching ]; do :; done", &[]).await;
        let agent = Agent::clone(system, &origin.app(), "a1", "t1").await;
        assert_eq!(agent.sandbox_id(), id);
        let commit = agent.commit("work.txt", "work\n").await;
        agent.push().await;
        assert_eq!(origin.tip(agent.branch()), Some(commit.clone()));
        inside.run("touch /tmp/stop", &[]).await;
        commit
    };
    let (found, commit) = tokio::join!(watch, work);
    (found, commit)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_never_in_a_sandbox_behind_a_gate() {
    let origin = Origin::start().await;
    let (_setup, system) = system(&origin, true).await;
    let (found, _) = watched_work(&origin, &system).await;
    assert_eq!(found, "", "the token was in the sandbox");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_gate_the_same_watch_finds_the_token_in_memory_and_nowhere_else() {
    let origin = Origin::start().await;
    let (_setup, system) = system(&origin, false).await;
    let (found, _) = watched_work(&origin, &system).await;
    assert!(found.lines().any(|line| line.starts_with("/dev/shm/gitledger-")), "{found:?}");
    assert!(found.lines().all(|line| line.starts_with("/dev/shm/gitledger-")), "{found:?}");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gate_is_open_for_what_an_operation_needs_and_only_while_it_runs() {
    let origin = Origin::start().await;
    let (_setup, system) = system(&origin, true).await;
    origin.create(OTHER, &Seed::generated());
    origin.remote.set_access(OTHER, Access::PRIVATE).expect("a repository");
    let agent = Agent::clone(&system, &origin.app(), "a1", "t1").await;
    let inside = Inside::of(&system, agent.sandbox_id());
    let (refs, receive) =
        (refs(&origin), format!("http://{}/{APP}.git/git-receive-pack", origin.authority()));
    assert_eq!(inside.asks(&refs, "").await, "401", "open after a clone");
    origin.remote.set_fault_times(APP, Request::UploadPackRefs, Fault::Delay(SLOW), 1).expect("a repository");
    let while_fetching = async {
        wait::until("the gate to open", async || (inside.asks(&refs, "").await == "200").then_some(())).await;
        // Somebody else's, and what a fetch does not need.
        let other = refs.replace(APP, OTHER);
        assert_eq!(inside.asks(&other, "").await, "401", "another repository");
        assert_eq!(inside.asks(&receive, "-X POST").await, "401", "a push while something is fetched");
    };
    tokio::join!(agent.operate("fetch", json!({})), while_fetching);
    assert_eq!(inside.asks(&refs, "").await, "401", "open after a fetch");

    // An operation that fails leaves nothing open either.
    agent.commit("work.txt", "work\n").await;
    origin.remote.set_access(APP, Access { read_only: true, ..Access::PRIVATE }).expect("a repository");
    let (_, refused) = agent.attempt("push", json!({})).await;
    assert_eq!(refused["outcome"], "failed", "{refused:#}");
    assert_eq!(inside.asks(&refs, "").await, "401", "open after a failure");
    let pushed = inside.run("git -C ~/workspace push -q origin HEAD 2>&1; echo $?", &[]).await;
    assert!(!pushed.ends_with('0'), "the agent's own push went through: {pushed}");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_with_tls_gets_tls_from_the_gate() {
    let origin = Origin::start().await;
    origin.remote.set_access(APP, Access::PRIVATE).expect("a repository");
    let dir = gitledger_tests::system::temporary();
    let authority_file = dir.path().join("authority.pem");
    let (mut front, port) = front(&origin, &authority_file).await;
    let authority = format!("127.0.0.1:{port}");
    let tokens = dir.path().join("tokens");
    std::fs::write(&tokens, format!("{authority} = {}\n", origin.token())).expect("a file");
    std::fs::set_permissions(&tokens, std::fs::Permissions::from_mode(0o600)).expect("a private file");
    let setup = Setup::new()
        .with("GITLEDGER_ALLOW_REMOTES", format!("https://{authority}/"))
        .with("GITLEDGER_GIT_TOKENS", &tokens)
        .with("SSL_CERT_FILE", &authority_file);
    let system = setup.start_with(&["--sandbox-network", "proxied", "--admit-private", &authority]).await;
    let agent = Agent::clone(&system, &format!("https://{authority}/{APP}.git"), "a1", "t1").await;
    let commit = agent.commit("work.txt", "work\n").await;
    agent.push().await;
    assert_eq!(origin.tip(agent.branch()), Some(commit));
    // The agent finds the repository where everybody does.
    let inside = Inside::of(&system, agent.sandbox_id());
    let known_as = inside.run("git -C ~/workspace remote get-url origin", &[]).await;
    assert_eq!(known_as, format!("https://{authority}/{APP}.git"));
    system.stop().await;
    assert!(front.runs());
    front.kill().await;
}

/// TLS in front of the origin; the port.
async fn front(origin: &Origin, authority_file: &Path) -> (Process, u16) {
    let upstream = origin.authority();
    let mut command = tools::trustme().command();
    let script = gitledger_tests::workspace::root().join("tests/python/tls_front.py");
    command.arg(script).arg(upstream.trim_start_matches("127.0.0.1:")).arg(authority_file);
    let mut front = Process::start("TLS in front", command);
    let port = front.line("its port", |line| line.strip_prefix("port ")?.parse().ok()).await;
    (front, port)
}
