//! Many sandboxes, one after the other: how fast the first command answers, and that nothing is left.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use hyper::StatusCode;
use serde_json::json;

use crate::cleanup::{processes_marked, start_elsewhere};
use crate::client::Client;

/// Cycles, unless `GITLEDGER_EXAMPLES` says how many.
const CYCLES: usize = 200;

fn cycles() -> usize {
    std::env::var("GITLEDGER_EXAMPLES").ok().and_then(|number| number.parse().ok()).unwrap_or(CYCLES)
}

/// What a host that is alone in its process holds. The process is another one: nothing else is in it.
#[derive(Debug, PartialEq)]
struct Held {
    open_files: usize,
    mounts: BTreeSet<String>,
    /// Whatever their state: one that nobody waited for is held, too.
    children: usize,
    groups: usize,
}

fn held(pid: u32) -> Held {
    let proc = Path::new("/proc").join(pid.to_string());
    let tasks = fs::read_dir(proc.join("task")).unwrap().flatten();
    let of = |task: fs::DirEntry| fs::read_to_string(task.path().join("children")).unwrap_or_default();
    Held {
        open_files: fs::read_dir(proc.join("fd")).unwrap().count(),
        mounts: fs::read_to_string(proc.join("mountinfo")).unwrap().lines().map(str::to_owned).collect(),
        children: tasks.map(|task| of(task).split_whitespace().count()).sum(),
        groups: groups(pid),
    }
}

/// Directories of control groups that hosts of a process have, with those of their sandboxes.
pub fn groups(pid: u32) -> usize {
    let name = format!("gitledger-sandboxes-{pid}-");
    let mut look_at = vec![std::path::PathBuf::from("/sys/fs/cgroup")];
    let mut found = 0;
    while let Some(dir) = look_at.pop() {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                found += usize::from(entry.path().display().to_string().contains(&name));
                look_at.push(entry.path());
            }
        }
    }
    found
}

fn print(name: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    println!("{name}: p50 {:.1?}, p95 {:.1?}, p99 {:.1?}, worst {:.1?}", at(50), at(95), at(99), at(100));
}

#[tokio::test]
async fn a_thousand_sandboxes_come_and_go_and_leave_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let (mut host, url) = start_elsewhere(dir.path(), true);
    let client = Client::new(url);
    let (mut created, mut answered, mut killed) = (Vec::new(), Vec::new(), Vec::new());
    let mut before = None;
    for cycle in 0..cycles().max(20) {
        let start = Instant::now();
        let sandbox = client.create(json!({})).await;
        created.push(start.elapsed());
        let request = json!({"process": {"cmd": "/bin/true"}, "stdin": false});
        assert_eq!(sandbox.start(request, &[]).await.finish().await.code(), 0);
        answered.push(start.elapsed());
        let start = Instant::now();
        assert_eq!(client.kill(&sandbox.id).await, StatusCode::NO_CONTENT);
        killed.push(start.elapsed());
        assert!(!dir.path().join("s").join(&sandbox.id).exists());
        if cycle == 10 {
            // Once everything that is kept on purpose is there, and connections to the dead are closed.
            settled(host.id()).await;
            before = Some(held(host.id()));
        }
    }
    settled(host.id()).await;
    assert_eq!(Some(held(host.id())), before);
    print("create", created);
    print("create to first command answered", answered);
    print("kill", killed);
    // It names the directory itself.
    assert_eq!(processes_marked(dir.path()), [host.id().to_string()]);
    host.kill().unwrap();
    host.wait().unwrap();
}

/// Waits until what a host holds has not changed for a while.
async fn settled(pid: u32) {
    let mut last = held(pid);
    let mut same = 0;
    while same < 20 {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let now = held(pid);
        same = if now == last { same + 1 } else { 0 };
        last = now;
    }
}
