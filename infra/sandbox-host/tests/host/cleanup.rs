//! Nothing is left: no process, no directory, whatever dies first.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use gitledger_sandbox_host::{Host, HostError, HostOptions};
use serde_json::json;

use crate::client::Client;
use crate::{isolated, options};

/// Living processes in whose environment or command line the directory is named: bwrap names it in both,
/// a plain process in its environment.
pub fn processes_marked(dir: &Path) -> Vec<String> {
    let wanted = dir.as_os_str().as_bytes();
    let own = std::process::id().to_string();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let pid = entry.file_name().to_string_lossy().into_owned();
        if pid == own || !pid.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        let named = ["environ", "cmdline"].iter().any(|file| {
            fs::read(entry.path().join(file))
                .is_ok_and(|content| content.windows(wanted.len()).any(|window| window == wanted))
        });
        if named {
            found.push(pid);
        }
    }
    found
}

pub fn none_marked(dir: &Path) {
    assert_eq!(processes_marked(dir), [""; 0]);
}

/// A number of seconds that only this run sleeps for, so that its sleepers can be told from all others.
pub fn odd_seconds(whole: u32) -> String {
    format!("{whole}.{}", std::process::id())
}

/// A command that leaves a process behind which left its group and holds no pipe.
fn leave_sleeper(seconds: &str) -> String {
    format!("(setsid sleep {seconds} >/dev/null 2>&1 &)")
}

/// Processes that run `sleep` for this odd number of seconds, wherever they are.
pub fn sleepers(seconds: &str) -> usize {
    let wanted = format!("sleep\0{seconds}\0");
    let all = fs::read_dir("/proc").unwrap().flatten();
    all.filter(|entry| fs::read(entry.path().join("cmdline")).is_ok_and(|line| line == wanted.as_bytes()))
        .count()
}

pub async fn until(wanted: usize, what: impl Fn() -> usize) {
    let patience = async {
        while what() != wanted {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let ended = tokio::time::timeout(Duration::from_secs(20), patience).await;
    assert!(ended.is_ok(), "{} are there, not {wanted}", what());
}

#[tokio::test]
async fn a_hundred_sandboxes_come_and_go_without_a_trace() {
    let seconds = odd_seconds(31000);
    let running = isolated().await;
    for _ in 0..100 {
        let sandbox = running.client.create(json!({})).await;
        sandbox.run(&leave_sleeper(&seconds)).await;
        running.client.kill(&sandbox.id).await;
        assert_eq!(fs::read_dir(running.dir.path().join("s")).unwrap().count(), 0);
    }
    assert_eq!(sleepers(&seconds), 0);
    none_marked(running.dir.path());
    running.host.shutdown().await;
}

#[tokio::test]
async fn sandboxes_come_and_go_side_by_side() {
    let running = isolated().await;
    let all: Vec<_> = (0..8)
        .map(|number| {
            let client = running.client.clone();
            tokio::spawn(async move {
                for round in 0..3 {
                    let sandbox = client.create(json!({})).await;
                    let words = format!("{number} {round}");
                    assert_eq!(sandbox.run(&format!("sleep 0.01; echo {words}")).await.stdout, words + "\n");
                    assert_eq!(client.kill(&sandbox.id).await, hyper::StatusCode::NO_CONTENT);
                }
            })
        })
        .collect();
    for one in all {
        one.await.unwrap();
    }
    assert_eq!(running.host.sandboxes(), 0);
    none_marked(running.dir.path());
    running.host.shutdown().await;
}

#[tokio::test]
async fn shutting_down_ends_every_sandbox() {
    let seconds = odd_seconds(27000);
    let running = isolated().await;
    for _ in 0..3 {
        let sandbox = running.client.create(json!({})).await;
        sandbox.run(&format!("{}; mkdir shut; touch shut/in; chmod 0 shut", leave_sleeper(&seconds))).await;
    }
    until(3, || sleepers(&seconds)).await;
    let Err(HostError::DataDir { source, .. }) = Host::start(options(running.dir.path().into())).await else {
        panic!("two hosts share a directory");
    };
    assert_eq!(source.kind(), std::io::ErrorKind::ResourceBusy);
    running.host.shutdown().await;
    assert_eq!(sleepers(&seconds), 0);
    assert_eq!(fs::read_dir(running.dir.path().join("s")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_sandbox_whose_envd_dies_is_gone() {
    let seconds = odd_seconds(14000);
    let running = isolated().await;
    let sandbox = running.client.create(json!({})).await;
    sandbox.run(&leave_sleeper(&seconds)).await;
    until(1, || sleepers(&seconds)).await;
    // A moment later, so that the answer to this is out before envd is dead.
    sandbox.run("(sleep 0.3; kill -9 $PPID) >/dev/null 2>&1 &").await;
    until(0, || running.host.sandboxes()).await;
    until(0, || sleepers(&seconds)).await;
    running.host.shutdown().await;
}

/// Not a test: the host that the next tests kill. It runs when they name it.
#[tokio::test]
#[ignore = "run by the tests that kill it"]
async fn host_to_be_killed() {
    let Some(dir) = std::env::var_os("HOST_TO_BE_KILLED") else { return };
    let isolate = std::env::var_os("HOST_ISOLATES").is_some();
    let host = Host::start(HostOptions { isolate, ..options(dir.into()) }).await.unwrap();
    println!("\nurl={}", host.url());
    std::future::pending::<()>().await;
}

pub fn start_elsewhere(dir: &Path, isolate: bool) -> (Child, String) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["cleanup::host_to_be_killed", "--exact", "--ignored", "--nocapture"]);
    command.env("HOST_TO_BE_KILLED", dir).stdout(Stdio::piped());
    if isolate {
        command.env("HOST_ISOLATES", "1");
    }
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let url = lines.find_map(|line| line.strip_prefix("url=").map(str::to_owned)).expect("its url");
    (child, url)
}

#[tokio::test]
async fn an_isolated_sandbox_dies_with_its_host() {
    let seconds = odd_seconds(17000);
    let dir = tempfile::tempdir().unwrap();
    let (mut host, url) = start_elsewhere(dir.path(), true);
    let client = Client::new(url);
    let mut paused = None;
    for _ in 0..3 {
        let sandbox = client.create(json!({})).await;
        sandbox.run(&leave_sleeper(&seconds)).await;
        paused = Some(sandbox);
    }
    until(3, || sleepers(&seconds)).await;
    // One that stands still cannot notice anything by itself.
    paused.unwrap().post("pause", json!({})).await;
    host.kill().unwrap();
    host.wait().unwrap();
    until(0, || sleepers(&seconds) + processes_marked(dir.path()).len()).await;
    let next = Host::start(options(dir.path().into())).await.unwrap();
    assert_eq!(fs::read_dir(dir.path().join("s")).unwrap().count(), 0, "directories are swept");
    assert_eq!(crate::cycles::groups(host.id()), 0, "control groups are swept");
    next.shutdown().await;
}

#[tokio::test]
async fn a_plain_sandbox_is_swept_when_its_host_comes_back() {
    let seconds = odd_seconds(22000);
    let dir = tempfile::tempdir().unwrap();
    let (mut host, url) = start_elsewhere(dir.path(), false);
    let sandbox = Client::new(url).create(json!({})).await;
    sandbox.run(&leave_sleeper(&seconds)).await;
    until(1, || sleepers(&seconds)).await;
    host.kill().unwrap();
    host.wait().unwrap();
    assert_eq!(sleepers(&seconds), 1, "it left its group, so only the sweep finds it");
    let next = Host::start(options(dir.path().into())).await.unwrap();
    assert_eq!(sleepers(&seconds), 0);
    none_marked(dir.path());
    assert_eq!(fs::read_dir(dir.path().join("s")).unwrap().count(), 0);
    next.shutdown().await;
}
