//! The remote, asked by the real git client.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use gitledger::remote::{
    Access, Endpoint, Fault, Protection, Remote, RemoteOptions, Seed, Token, create_bare,
};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;

const TOKEN: &str = "s3cret-of-the-test";
const APP: &str = "acme/app";
/// Nothing here takes this long unless it hangs.
const PATIENCE: Duration = Duration::from_mins(1);

/// A remote with one generated repository, and a place for clones.
struct World {
    remote: Remote,
    dir: TempDir,
}

/// How a git client ended.
struct Ended {
    ok: bool,
    stdout: String,
    stderr: String,
}

impl World {
    async fn new() -> Self {
        Self::with(&Seed::generated()).await
    }

    async fn with(seed: &Seed) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let options = RemoteOptions::new(dir.path().join("remote")).with_token(Token::new(TOKEN));
        let remote = Remote::start(options).await.expect("a remote");
        remote.create(APP, seed).expect("a repository");
        Self { remote, dir }
    }

    fn url(&self) -> String {
        self.remote.repository_url(APP)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn client(&self, dir: &Path, token: Option<&str>, args: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.dir.path()).env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_TERMINAL_PROMPT", "0");
        for role in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{role}_NAME"), "Tess").env(format!("GIT_{role}_EMAIL"), "t@example.com");
        }
        if let Some(token) = token {
            let helper = "!f() { echo username=anyone; echo password=$REMOTE_TOKEN; }; f";
            command.env("REMOTE_TOKEN", token).args(["-c", &format!("credential.helper={helper}")]);
        }
        command.args(["-c", "protocol.version=2"]).args(args).current_dir(dir).kill_on_drop(true);
        command
    }

    async fn git_as(&self, token: Option<&str>, dir: &Path, args: &[&str]) -> Ended {
        let run = self.client(dir, token, args).stdin(Stdio::null()).output();
        let output = tokio::time::timeout(PATIENCE, run).await.expect("git hangs").expect("git");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ended { ok: output.status.success(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// With the token; must succeed.
    async fn git(&self, dir: &Path, args: &[&str]) -> String {
        let ended = self.git_as(Some(TOKEN), dir, args).await;
        assert!(ended.ok, "git {args:?}: {}", ended.stderr);
        ended.stdout.trim().to_owned()
    }

    async fn clone(&self, name: &str) -> PathBuf {
        self.git(self.dir.path(), &["clone", "-q", &self.url(), name]).await;
        self.path(name)
    }

    /// Commits `content` as file `name`; gives the commit's id.
    async fn commit(&self, dir: &Path, name: &str, content: &[u8]) -> String {
        std::fs::write(dir.join(name), content).expect("a file");
        self.git(dir, &["add", name]).await;
        self.git(dir, &["commit", "-q", "-m", name]).await;
        self.git(dir, &["rev-parse", "HEAD"]).await
    }

    fn tip(&self, branch: &str) -> Option<String> {
        self.remote.refs(APP).expect("references").remove(&format!("refs/heads/{branch}"))
    }
}

/// Bytes that do not compress, the same ones every time.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 7_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..bytes / 8).flat_map(|_| next().to_le_bytes()).collect()
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("never: {what}"));
}

/// Sends a request as it stands and gives the status line and everything after it.
async fn raw(remote: &Remote, request: &str) -> String {
    let address = remote.url().replace("http://", "").replace('/', "");
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    let request = format!("{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.expect("an answer");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_public_repository_is_cloned_whole_without_a_credential() {
    let world = World::new().await;
    let ended = world.git_as(None, world.dir.path(), &["clone", "-q", &world.url(), "c"]).await;
    assert!(ended.ok, "{}", ended.stderr);
    let dir = world.path("c");
    assert_eq!(world.git(&dir, &["rev-parse", "HEAD"]).await, world.tip("main").unwrap());
    assert_eq!(world.git(&dir, &["rev-list", "--count", "HEAD"]).await, "120");
    assert_eq!(world.git(&dir, &["ls-files"]).await.lines().count(), 240);
    assert_eq!(world.git(&dir, &["describe", "--abbrev=0"]).await, "v0.1.0");
    assert_eq!(world.git(&dir, &["fsck", "--strict"]).await, "");
    assert_eq!(world.remote.requests_to(APP, Endpoint::UploadPackRefs).unwrap(), 1);
    assert_eq!(world.remote.requests_to(APP, Endpoint::ReceivePack).unwrap(), 0);
    assert_eq!(world.remote.requests(), 3, "references, ls-refs, pack");
}

#[tokio::test]
async fn a_private_repository_takes_the_token_and_nothing_else() {
    let world = World::new().await;
    world.remote.set_access(APP, Access::PRIVATE).unwrap();
    let url = world.url();
    let ended = world.git_as(None, world.dir.path(), &["clone", &url, "a"]).await;
    assert!(!ended.ok && ended.stderr.contains("could not read Username"), "{}", ended.stderr);
    let ended = world.git_as(Some("wrong"), world.dir.path(), &["clone", &url, "b"]).await;
    assert!(!ended.ok && ended.stderr.contains("Authentication failed"), "{}", ended.stderr);
    let answer = raw(&world.remote, "GET /acme/app.git/info/refs?service=git-upload-pack").await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert!(answer.to_lowercase().contains("www-authenticate: basic realm="), "{answer}");
    let missing = raw(&world.remote, "GET /acme/none.git/info/refs?service=git-receive-pack").await;
    assert!(missing.starts_with("HTTP/1.1 401 "), "strangers do not learn what exists: {missing}");
    world.clone("c").await;
}

#[tokio::test]
async fn a_push_takes_the_token_and_updates_the_branch() {
    let world = World::new().await;
    let dir = world.clone("c").await;
    let before = world.tip("main").unwrap();
    let commit = world.commit(&dir, "new.txt", b"new\n").await;
    let ended = world.git_as(None, &dir, &["push", "origin", "main"]).await;
    assert!(!ended.ok && ended.stderr.contains("could not read Username"), "{}", ended.stderr);
    assert_eq!(world.tip("main").unwrap(), before);
    world.git(&dir, &["push", "-q", "origin", "main", "HEAD:refs/heads/agent-1"]).await;
    assert_eq!(world.tip("main").as_ref(), Some(&commit));
    assert_eq!(world.tip("agent-1").as_ref(), Some(&commit));
    assert!(world.remote.contains(APP, &before, "main").unwrap());
    assert!(!world.remote.contains(APP, &"0".repeat(40), "main").unwrap());
    assert!(!world.remote.contains(APP, &before, "none").unwrap());
}

#[tokio::test]
async fn a_read_only_repository_answers_403_to_a_push_with_the_right_token() {
    let world = World::new().await;
    world.remote.set_access(APP, Access { read_only: true, ..Access::PUBLIC }).unwrap();
    let dir = world.clone("c").await;
    world.commit(&dir, "new.txt", b"new\n").await;
    let ended = world.git_as(Some(TOKEN), &dir, &["push", "origin", "main"]).await;
    assert!(!ended.ok && ended.stderr.contains("returned error: 403"), "{}", ended.stderr);
}

#[tokio::test]
async fn hooks_and_settings_decline_what_they_protect_and_nothing_else() {
    let world = World::new().await;
    let dir = world.clone("c").await;
    let commit = world.commit(&dir, "new.txt", b"new\n").await;
    world.remote.protect(APP, &Protection::Branches(vec!["main".into(), "release/1".into()])).unwrap();
    let ended = world.git_as(Some(TOKEN), &dir, &["push", "origin", "main"]).await;
    assert!(!ended.ok && ended.stderr.contains("GH006: Protected branch update failed"), "{}", ended.stderr);
    assert!(ended.stderr.contains("[remote rejected] main -> main"), "{}", ended.stderr);
    assert_ne!(world.tip("main").as_ref(), Some(&commit));
    world.git(&dir, &["push", "-q", "origin", "HEAD:refs/heads/main2"]).await;
    assert_eq!(world.tip("main2").as_ref(), Some(&commit));

    world.remote.protect(APP, &Protection::Everything("'$(no) \"shell\" here".into())).unwrap();
    let ended = world.git_as(Some(TOKEN), &dir, &["push", "origin", "HEAD:refs/heads/x"]).await;
    assert!(!ended.ok && ended.stderr.contains("'$(no) \"shell\" here"), "{}", ended.stderr);
    assert_eq!(world.tip("x"), None);

    let (other, name) = (world.remote.create("acme/other", &Seed::generated()).unwrap(), "acme/other");
    assert!(other.ends_with("acme/other.git"));
    world.remote.protect(name, &Protection::NoForcedPush).unwrap();
    world.git(&dir, &["reset", "-q", "--hard", "HEAD~3"]).await;
    let url = world.remote.repository_url(name);
    let ended = world.git_as(Some(TOKEN), &dir, &["push", "--force", &url, "main"]).await;
    assert!(!ended.ok && ended.stderr.contains("denying non-fast-forward"), "{}", ended.stderr);
}

#[tokio::test]
async fn nothing_but_the_repositories_below_the_root_is_served() {
    let world = World::new().await;
    let ended =
        world.git_as(None, world.dir.path(), &["clone", &world.url().replace("app", "none"), "c"]).await;
    assert!(!ended.ok && ended.stderr.contains("not found"), "{}", ended.stderr);
    // It is there, and it is outside.
    create_bare(world.dir.path(), "remote2/secret", &Seed::generated()).unwrap();
    for path in ["/../remote2/secret.git", "/acme/../../remote2/secret.git", "/%2e%2e/remote2/secret.git"] {
        let request = format!("GET {path}/info/refs?service=git-upload-pack");
        assert!(raw(&world.remote, &request).await.starts_with("HTTP/1.1 404 "), "{path}");
    }
    for path in ["/acme/app.git/config", "/acme/app.git/HEAD", "/acme/app.git/info/refs", "/", "/acme"] {
        assert!(raw(&world.remote, &format!("GET {path}")).await.starts_with("HTTP/1.1 404 "), "{path}");
    }
    assert!(raw(&world.remote, "GET /acme/app.git/git-upload-pack").await.starts_with("HTTP/1.1 405 "));
}

#[tokio::test]
async fn five_megabytes_go_up_chunked_or_whole_and_come_down_again() {
    let world = World::with(&Seed::Empty).await;
    let dir = world.clone("c").await;
    let content = noise(5_000_000);
    let commit = world.commit(&dir, "big.bin", &content).await;
    world.git(&dir, &["push", "-q", "origin", "HEAD:refs/heads/main"]).await;
    let whole = ["-c", "http.postBuffer=20000000", "push", "-q"];
    let url = world.remote.repository_url("acme/second");
    world.remote.create("acme/second", &Seed::Empty).unwrap();
    world.git(&dir, &[&whole[..], &[&url, "HEAD:refs/heads/main"]].concat()).await;
    assert_eq!(world.tip("main").as_ref(), Some(&commit));
    for (from, to) in [(world.url(), "d"), (url, "e")] {
        world.git(world.dir.path(), &["clone", "-q", &from, to]).await;
        assert!(std::fs::read(world.path(to).join("big.bin")).unwrap() == content, "{to} differs");
    }
}

#[tokio::test]
async fn shallow_and_partial_clones_work() {
    let world = World::new().await;
    let url = world.url();
    world.git(world.dir.path(), &["clone", "-q", "--depth=1", &url, "s"]).await;
    assert_eq!(world.git(&world.path("s"), &["rev-list", "--count", "HEAD"]).await, "1");
    world.git(&world.path("s"), &["fetch", "-q", "--deepen=4"]).await;
    assert_eq!(world.git(&world.path("s"), &["rev-list", "--count", "HEAD"]).await, "5");
    let ended = world.git_as(None, world.dir.path(), &["clone", "--filter=blob:none", &url, "p"]).await;
    assert!(ended.ok && !ended.stderr.contains("filtering not recognized"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_compressed_request_body_is_understood() {
    let world = World::new().await;
    let dir = world.clone("c").await;
    let branches: Vec<String> = (1..60).map(|n| format!("HEAD~{n}:refs/heads/b{n}")).collect();
    let refspecs: Vec<&str> = branches.iter().map(String::as_str).collect();
    world.git(&dir, &[&["push", "-q", "origin"][..], &refspecs].concat()).await;
    // Sixty wanted commits make a request that git compresses.
    let mut clone = world.client(world.dir.path(), None, &["clone", "-q", "--bare", &world.url(), "d"]);
    let output = clone.env("GIT_TRACE_CURL", "1").output().await.unwrap();
    let trace = String::from_utf8_lossy(&output.stderr).to_lowercase();
    assert!(output.status.success() && trace.contains("=> send header: content-encoding: gzip"), "{trace}");
    let refs = world.git(&world.path("d"), &["for-each-ref", "refs/heads"]).await;
    assert_eq!(refs.lines().count(), 60);
}

#[tokio::test]
async fn a_push_whose_answer_is_cut_has_updated_the_branch() {
    let world = World::new().await;
    let dir = world.clone("c").await;
    for (times, bytes) in [(1, 0), (2, 10), (3, 1_000_000)] {
        let commit = world.commit(&dir, &format!("new{times}.txt"), b"new\n").await;
        let cut = Fault::CutResponseAfter(bytes);
        world.remote.set_fault_times(APP, Endpoint::ReceivePack, cut, 1).unwrap();
        let ended = world.git_as(Some(TOKEN), &dir, &["push", "origin", "main"]).await;
        assert!(!ended.ok, "the client knows nothing of its luck: {}", ended.stderr);
        assert_eq!(world.tip("main").as_ref(), Some(&commit));
        assert_eq!(
            world.git(&dir, &["ls-remote", "origin", "refs/heads/main"]).await.get(..40),
            commit.get(..40)
        );
    }
    let ended = world.git_as(Some(TOKEN), &dir, &["push", "origin", "main"]).await;
    assert!(ended.ok && ended.stderr.contains("Everything up-to-date"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_planned_status_is_met_as_often_as_planned() {
    let world = World::new().await;
    world.remote.set_fault_times(APP, Endpoint::UploadPackRefs, Fault::Status(503), 2).unwrap();
    let list = ["ls-remote", &world.url()];
    for _ in 0..2 {
        let ended = world.git_as(None, world.dir.path(), &list).await;
        assert!(!ended.ok && ended.stderr.contains("returned error: 503"), "{}", ended.stderr);
    }
    assert!(world.git_as(None, world.dir.path(), &list).await.ok);
    world.remote.set_fault(APP, Endpoint::UploadPack, Fault::CutResponseAfter(5000)).unwrap();
    let ended = world.git_as(None, world.dir.path(), &["clone", "-q", &world.url(), "c"]).await;
    assert!(!ended.ok, "half a pack is no clone");
    world.remote.set_fault(APP, Endpoint::UploadPack, Fault::None).unwrap();
    world.clone("d").await;
}

#[tokio::test]
async fn ten_clones_at_once_all_succeed() {
    let world = World::new().await;
    let names: Vec<String> = (0..10).map(|n| format!("c{n}")).collect();
    let url = world.url();
    let clones = names.iter().map(|name| async {
        let args = ["clone", "-q", url.as_str(), name.as_str()];
        world.git_as(None, world.dir.path(), &args).await.ok
    });
    assert_eq!(futures_util::future::join_all(clones).await, [true; 10]);
    until("every process is reaped", || world.remote.backends_running() == 0).await;
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_no_process_behind() {
    let world = World::with(&Seed::Empty).await;
    let dir = world.clone("c").await;
    world.commit(&dir, "big.bin", &noise(20_000_000)).await;
    world.git(&dir, &["push", "-q", "origin", "HEAD:refs/heads/main"]).await;
    // A fetch of which only the beginning is read: the process waits for us to read on.
    let oid = world.tip("main").unwrap();
    let want = format!("0032want {oid}\n00000009done\n");
    let request = format!(
        "POST /acme/app.git/git-upload-pack HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\
         Content-Type: application/x-git-upload-pack-request\r\n\r\n{want}",
        want.len()
    );
    let address = world.remote.url().replace("http://", "").replace('/', "");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut start = [0; 15];
    stream.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 200 OK");
    assert_eq!(world.remote.backends_running(), 1);
    drop(stream);
    until("the process is reaped", || world.remote.backends_running() == 0).await;
    let root = world.remote.root().display().to_string();
    until("the processes below it are gone", || !is_mentioned_by_a_process(&root)).await;
}

/// Whether any process has `text` in its arguments, as `git upload-pack <repository>` has.
fn is_mentioned_by_a_process(text: &str) -> bool {
    let processes = std::fs::read_dir("/proc").expect("this test needs /proc");
    let arguments = processes.flatten().filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    arguments.into_iter().any(|line| String::from_utf8_lossy(&line).contains(text))
}

#[tokio::test]
async fn a_shutdown_breaks_off_what_is_on_the_way() {
    let world = World::new().await;
    world.remote.set_fault(APP, Endpoint::UploadPackRefs, Fault::Delay(Duration::from_hours(1))).unwrap();
    let World { remote, dir } = world;
    let url = remote.repository_url(APP);
    let mut list = Command::new("git");
    list.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    let list = tokio::spawn(list.args(["ls-remote", &url]).current_dir(dir.path()).output());
    until("the request is there", || remote.requests() == 1).await;
    remote.shutdown().await;
    assert!(!list.await.unwrap().unwrap().status.success());
}

#[tokio::test]
async fn a_generated_repository_is_the_same_wherever_it_is_made() {
    let world = World::new().await;
    let tip = |name| world.remote.refs(name).unwrap().remove("refs/heads/main").unwrap();
    world.remote.create("acme/same", &Seed::generated()).unwrap();
    world.remote.create("acme/not", &Seed::Generated { files: 240, commits: 120, seed: 2 }).unwrap();
    let source = world.clone("c").await;
    world.remote.create("acme/copy", &Seed::From(source)).unwrap();
    world.remote.create("acme/tiny", &Seed::Generated { files: 1, commits: 1, seed: 1 }).unwrap();
    assert_eq!(tip("acme/same"), tip(APP));
    assert_eq!(tip("acme/copy"), tip(APP));
    assert_ne!(tip("acme/not"), tip(APP));
    assert!(world.remote.create(APP, &Seed::Empty).is_err(), "it is not overwritten");
    assert!(world.remote.create("../x", &Seed::Empty).is_err());
    let from_nowhere = Seed::From(world.path("nowhere"));
    assert!(world.remote.create("acme/bad", &from_nowhere).is_err());
    assert!(!world.remote.root().join("acme/bad.git").exists());
}
