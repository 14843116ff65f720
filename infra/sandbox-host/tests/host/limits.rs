//! What a sandbox may use: hogs of every kind, and what becomes of them, the host and a neighbour. Each hog
//! is let loose twice: with limits, and without, where it must get what it wants, or the first would prove
//! nothing. All are bounded by themselves, so that the machine survives the second.

use std::time::Duration;

use gitledger_sandbox_host::{Host, HostOptions, Isolation, Limits};
use hyper::StatusCode;
use serde_json::{Value, json};

use crate::cleanup::{odd_seconds, sleepers, until};
use crate::client::{Client, Ran, Sandbox, shell_request};
use crate::{Running, options};

const LIMITED: Limits =
    Limits { processes: 60, memory_mib: 96, cpus: 2, file_mib: 8, disk_mib: 24, open_files: 64 };

async fn with(limits: Limits) -> Running {
    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(HostOptions { limits, ..options(dir.path().into()) }).await.unwrap();
    assert_eq!(host.isolation(), Isolation::Bwrap);
    let client = Client::new(host.url());
    Running { host, dir, client }
}

/// The host and another sandbox do what they always do.
async fn all_is_well(running: &Running, neighbour: &Sandbox) {
    assert_eq!(neighbour.run("echo well").await.stdout, "well\n");
    let listed = running.client.api("GET", "/v2/sandboxes", Value::Null).await;
    assert_eq!(listed.status, StatusCode::OK);
    let another = running.client.create(json!({})).await;
    assert_eq!(another.run("true").await.code(), 0);
    assert_eq!(running.client.kill(&another.id).await, StatusCode::NO_CONTENT);
}

/// Runs one hog to its end beside a neighbour who is asked meanwhile and afterwards.
async fn run_hog(limits: Limits, hog: &str) -> Ran {
    let running = with(limits).await;
    let neighbour = running.client.create(json!({})).await;
    let sandbox = running.client.create(json!({})).await;
    let (ran, ()) = tokio::join!(sandbox.run(hog), all_is_well(&running, &neighbour));
    all_is_well(&running, &neighbour).await;
    running.host.shutdown().await;
    ran
}

/// Starts as many sleepers as it can, 300 at most.
fn bomb(seconds: &str) -> String {
    format!("for i in $(seq 300); do sleep {seconds} >/dev/null 2>&1 & done; wait")
}

#[tokio::test]
async fn a_fork_bomb_stays_in_its_sandbox() {
    let seconds = odd_seconds(41000);
    let running = with(LIMITED).await;
    let neighbour = running.client.create(json!({})).await;
    let sandbox = running.client.create(json!({})).await;
    let mut stream = sandbox.start(shell_request(&bomb(&seconds)), &[]).await;
    stream.pid().await;
    // bash complains when it is refused a process, and tries again.
    stream.errors("Resource temporarily unavailable").await;
    // Those that were forked are not all sleeping yet, on a machine that has much to do.
    until(1, || usize::from(sleepers(&seconds) >= 20)).await;
    let started = sleepers(&seconds);
    assert!(started < 60, "{started} processes were started");
    all_is_well(&running, &neighbour).await;
    assert_eq!(running.client.kill(&sandbox.id).await, StatusCode::NO_CONTENT);
    assert_eq!(sleepers(&seconds), 0);
    all_is_well(&running, &neighbour).await;
    running.host.shutdown().await;
}

#[tokio::test]
async fn without_limits_a_fork_bomb_gets_all_it_wants() {
    let seconds = odd_seconds(42000);
    let running = with(Limits::none()).await;
    let sandbox = running.client.create(json!({})).await;
    let _stream = sandbox.start(shell_request(&bomb(&seconds)), &[]).await;
    until(300, || sleepers(&seconds)).await;
    running.host.shutdown().await;
    assert_eq!(sleepers(&seconds), 0);
}

#[tokio::test]
async fn a_bomb_that_kills_itself_and_starts_anew_is_killed_with_its_sandbox() {
    let running = with(LIMITED).await;
    let neighbour = running.client.create(json!({})).await;
    let sandbox = running.client.create(json!({})).await;
    // Each starts two and goes: no look at the processes sees the same ones twice.
    let bomb = "f() { (f &) & (f &) & }; f 2>/dev/null; echo armed; sleep 1000";
    let mut stream = sandbox.start(shell_request(bomb), &[]).await;
    stream.output("armed").await;
    all_is_well(&running, &neighbour).await;
    assert_eq!(sandbox.post("pause", Value::Null).await.status, StatusCode::NO_CONTENT);
    assert_eq!(sandbox.post("connect", json!({"timeout": 60})).await.status, StatusCode::CREATED);
    assert_eq!(running.client.kill(&sandbox.id).await, StatusCode::NO_CONTENT);
    crate::cleanup::none_marked(&running.dir.path().join("s").join(&sandbox.id));
    all_is_well(&running, &neighbour).await;
    running.host.shutdown().await;
}

#[tokio::test]
async fn a_memory_hog_is_killed() {
    // tail keeps the only line it is given.
    let hog = "head -c 400M /dev/zero | tail | wc -c";
    let ran = run_hog(LIMITED, hog).await;
    assert!(!ran.stdout.starts_with("419430400"), "it had 400 MiB: {ran:?}");
    let ran = run_hog(Limits::none(), hog).await;
    assert_eq!(ran.stdout, "419430400\n");
}

#[tokio::test]
async fn a_runaway_file_ends_its_writer() {
    let hog = "head -c 32M /dev/zero > big; echo $?; stat -c %s big";
    let ran = run_hog(LIMITED, hog).await;
    // 128 and the signal for a file that is too long.
    assert_eq!(ran.stdout, format!("153\n{}\n", 8 << 20));
    let ran = run_hog(Limits::none(), hog).await;
    assert_eq!(ran.stdout, format!("0\n{}\n", 32 << 20));
}

#[tokio::test]
async fn an_upload_that_is_too_long_fails_and_envd_lives_on() {
    let running = with(LIMITED).await;
    let sandbox = running.client.create(json!({})).await;
    let bytes = [("content-type", "application/octet-stream")];
    let refused = sandbox.call("POST", "/files?path=big", &bytes, vec![0; 9 << 20]).await;
    assert!(refused.status.is_client_error() || refused.status.is_server_error(), "{}", refused.status);
    assert_eq!(sandbox.run("echo on").await.stdout, "on\n");
    running.host.shutdown().await;
}

#[tokio::test]
async fn one_process_cannot_open_everything() {
    let hog = "for i in $(seq 10 200); do eval \"exec $i</dev/null\" || break; done; ls /proc/$$/fd | wc -l";
    let open = |ran: Ran| ran.stdout.trim().parse::<u32>().unwrap();
    assert!(open(run_hog(LIMITED, hog).await) < 64);
    assert!(open(run_hog(Limits::none(), hog).await) > 190);
}

/// Writes small files, 60 MiB at most, slowly enough for the warden.
const DISK_HOG: &str = "for i in $(seq 60); do head -c 1M /dev/urandom > f$i; sleep 0.1; done; echo done";

#[tokio::test]
async fn a_disk_hog_is_stopped_and_can_make_room() {
    let running = with(LIMITED).await;
    let neighbour = running.client.create(json!({})).await;
    let sandbox = running.client.create(json!({})).await;
    let ran = sandbox.run(DISK_HOG).await;
    assert_eq!(ran.end["status"], "signal: killed", "{ran:?}");
    all_is_well(&running, &neighbour).await;
    let bytes = [("content-type", "application/octet-stream")];
    let refused = sandbox.call("POST", "/files?path=more", &bytes, "more").await;
    assert_eq!(refused.status, StatusCode::INSUFFICIENT_STORAGE);
    assert_eq!(refused.json()["code"], 507);
    let metrics = running.client.api("GET", &format!("/sandboxes/{}/metrics", sandbox.id), Value::Null).await;
    assert!(metrics.json()[0]["diskTotal"] == json!(24 << 20), "{:?}", metrics.body);
    // Not killed at once though it is still over: it gets smaller. The rest gives the warden something to see.
    assert_eq!(sandbox.run("rm f*; for i in $(seq 20000); do :; done").await.code(), 0);
    let room = async {
        while sandbox.call("POST", "/files?path=more", &bytes, "more").await.status != StatusCode::OK {
            sandbox.run("for i in $(seq 20000); do :; done").await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), room).await.expect("there is room again");
    running.host.shutdown().await;
}

#[tokio::test]
async fn without_limits_a_disk_hog_gets_all_it_wants() {
    assert_eq!(run_hog(Limits::none(), DISK_HOG).await.stdout, "done\n");
}
