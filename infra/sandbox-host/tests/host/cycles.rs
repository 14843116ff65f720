//! Many sandboxes, one after the other: how fast the first command answers, and that nothing is left.

use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use hyper::StatusCode;
use serde_json::json;

use crate::cleanup::{none_marked, until};
use crate::isolated;

/// Cycles, unless `GITLEDGER_EXAMPLES` says how many.
const CYCLES: usize = 200;

fn cycles() -> usize {
    std::env::var("GITLEDGER_EXAMPLES").ok().and_then(|number| number.parse().ok()).unwrap_or(CYCLES)
}

/// What a process has open, by what it is, so that two looks can be compared.
fn open_files() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

fn threads() -> usize {
    fs::read_dir("/proc/self/task").unwrap().count()
}

fn mounts() -> BTreeSet<String> {
    fs::read_to_string("/proc/self/mountinfo").unwrap().lines().map(str::to_owned).collect()
}

/// The children of this process, whatever their state: one that nobody waited for is left, too.
fn children() -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
    let of = |task: fs::DirEntry| fs::read_to_string(task.path().join("children")).unwrap_or_default();
    tasks.map(|task| of(task).split_whitespace().count()).sum()
}

/// Directories of control groups that sandboxes of this process have.
fn groups() -> usize {
    let name = format!("gitledger-sandboxes-{}-", std::process::id());
    let mut look_at = vec!["/sys/fs/cgroup".into()];
    let mut found = 0;
    while let Some(dir) = look_at.pop() {
        for entry in fs::read_dir::<std::path::PathBuf>(dir).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                if entry.file_name().to_string_lossy().starts_with(&name) {
                    let inside = fs::read_dir(entry.path()).into_iter().flatten().flatten();
                    found += inside.filter(|entry| entry.path().is_dir()).count();
                }
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
    let running = isolated().await;
    let (mut created, mut answered, mut killed) = (Vec::new(), Vec::new(), Vec::new());
    let mut before = None;
    for cycle in 0..cycles() {
        let start = Instant::now();
        let sandbox = running.client.create(json!({})).await;
        created.push(start.elapsed());
        let request = json!({"process": {"cmd": "/bin/true"}, "stdin": false});
        assert_eq!(sandbox.start(request, &[]).await.finish().await.code(), 0);
        answered.push(start.elapsed());
        let start = Instant::now();
        assert_eq!(running.client.kill(&sandbox.id).await, StatusCode::NO_CONTENT);
        killed.push(start.elapsed());
        assert!(!running.dir.path().join("s").join(&sandbox.id).exists());
        if cycle == 10 {
            // Once everything that is kept on purpose is there.
            before = Some((open_files(), mounts(), children(), groups()));
        }
    }
    let (files, mounted, had_children, had_groups) = before.expect("more than ten cycles");
    // Other tests share this process: what it has open is compared once they are done or alone. Each number
    // may only fall to what it was.
    until(0, || usize::from(children() > had_children)).await;
    until(0, || usize::from(open_files() > files + 8)).await;
    assert_eq!(mounts(), mounted);
    assert!(groups() <= had_groups, "{} groups", groups());
    assert!(threads() < 600);
    none_marked(running.dir.path());
    print("create", created);
    print("create to first command answered", answered);
    print("kill", killed);
    running.host.shutdown().await;
}
