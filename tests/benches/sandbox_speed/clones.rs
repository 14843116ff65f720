//! A clone of a repository that is not known yet, and clones of the same one where it is known, over the same
//! HTTP server: a repository of more than 20 MB with thousands of commits, packed as a hosted one is.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use gitledger::remote::Seed;
use gitledger_tests::{Agent, Origin, Setup, System};
use serde_json::{Value, json};

use crate::table::{Table, Times};

const REPOSITORY: &str = "acme/known";
const FILES: usize = 7_000;
const COMMITS: usize = 14_000;
/// The least that the pack must have.
const BYTES_MIN: u64 = 20_000_000;
/// Clones into sandboxes that never saw it.
const FIRST: usize = 5;
/// Clones where it is known, after each of those.
const KNOWN: usize = 8;

pub async fn clones(table: &mut Table) {
    let origin = Origin::start().await;
    let dir = origin.create(REPOSITORY, &Seed::Generated { files: FILES, commits: COMMITS, seed: 7 });
    git(&dir, &["repack", "-a", "-d", "-q"]);
    let bytes = pack_bytes(&dir);
    assert!(bytes >= BYTES_MIN, "the repository is packed into {bytes} bytes only");
    let url = origin.remote.repository_url(REPOSITORY);
    let setup = Setup::new().admitting(&origin);
    let system = setup.start().await;
    let writer = Agent::clone(&system, &url, "writer", "w").await;
    let (mut plain, mut first, mut known, mut news) =
        (Times::default(), Times::default(), Times::default(), Times::default());
    for number in 0..FIRST {
        plain.add(plain_clone(&url));
        let task = format!("t{number}");
        let (took, made) = clone(&system, &url, &task).await;
        first.add(took);
        for round in 0..KNOWN {
            let (took, same) = clone(&system, &url, &task).await;
            assert_eq!(same["output"]["sandbox_id"], made["output"]["sandbox_id"], "another sandbox");
            known.add(took);
            writer.commit(&format!("news-{number}-{round}.txt"), "news\n").await;
            writer.push().await;
            news.add(clone(&system, &url, &task).await.0);
        }
        let id = json!({"sandbox_id": made["output"]["sandbox_id"]});
        system.operate("sandbox-kill", &id).await;
    }
    system.stop().await;
    let megabytes = bytes / 100_000;
    let size = format!("{}.{} MB packed, {COMMITS} commits, {FILES} files", megabytes / 10, megabytes % 10);
    table.part("Clones over HTTP, at the caller");
    table.note(&size);
    table.row("plain `git clone`, no sandbox", &plain);
    table.row("first clone, with its new sandbox", &first);
    table.row("clone of the known repository", &known);
    table.row("clone of the known repository after a push by another", &news);
    let ratio = |times: &Times| first.median_ms() / times.median_ms();
    let unchanged = ratio(&known);
    table.verdict("first clone / known, p50", unchanged, "times", "at least 20", unchanged >= 20.0);
    let pushed = ratio(&news);
    table.verdict("first clone / known with news, p50", pushed, "times", "at least 20", pushed >= 20.0);
}

async fn clone(system: &System, url: &str, task: &str) -> (Duration, Value) {
    let input = json!({"repo_url": url, "agent_id": "reader", "task_id": task});
    let began = Instant::now();
    let answer = system.operate("clone", &input).await;
    (began.elapsed(), answer)
}

fn plain_clone(url: &str) -> Duration {
    let dir = gitledger_tests::system::temporary();
    let began = Instant::now();
    git(dir.path(), &["clone", "-q", url, "copy"]);
    began.elapsed()
}

fn git(dir: &Path, arguments: &[&str]) {
    let mut command = Command::new("git");
    let ended = command.args(arguments).current_dir(dir).stdin(Stdio::null()).output().expect("git");
    assert!(ended.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&ended.stderr));
}

fn pack_bytes(dir: &Path) -> u64 {
    let packs = std::fs::read_dir(dir.join("objects/pack")).expect("packs").flatten();
    let packs = packs.filter(|entry| entry.path().extension().is_some_and(|kind| kind == "pack"));
    packs.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum()
}
