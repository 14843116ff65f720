//! Hostile configuration and hooks, under the three operations that carry a credential.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::ground::{Ground, TOKEN, plain};
use crate::vectors::{QUIET, VECTORS, Vector};

/// For every vector, two at a time; what each complains of.
fn each(vectors: &[&Vector], judge: impl Fn(&Ground, usize, &Vector) -> Vec<String> + Sync) -> Vec<String> {
    let ground = Ground::new();
    let (next, complaints) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    let Some(vector) = vectors.get(number) else { break };
                    let told = judge(&ground, number, vector);
                    complaints
                        .lock()
                        .unwrap()
                        .extend(told.iter().map(|what| format!("{}: {what}", vector.name)));
                }
            });
        }
    });
    complaints.into_inner().unwrap()
}

/// What lacks objects, keeps them elsewhere or is in the middle of something is refused, with its own code;
/// everything else lands.
const REFUSED: [&str; 4] = [
    "commondir",
    "a file .git",
    "extensions.partialClone, a promisor elsewhere",
    "what an unfinished rebase would run",
];

fn hardened(ground: &Ground, number: usize, vector: &Vector) -> Vec<String> {
    let mut armed = ground.armed(vector);
    let mut told = Vec::new();
    for (name, mut input) in [
        ("fetch", json!({})),
        ("pull", json!({"branch": "main"})),
        ("push", json!({"branch": format!("landed-{number}")})),
    ] {
        input["sandbox_id"] = json!("s1");
        // What an operation says of itself is held against the repository, by panics.
        match catch_unwind(AssertUnwindSafe(|| armed.sandbox.ask(name, input))) {
            Err(_) => told.push(format!("{name} did not say what it did")),
            Ok(Err(failure))
                if failure.code.name == "unknown-git-error" || !REFUSED.contains(&vector.name) =>
            {
                told.push(format!("{name} failed: {failure:?}"));
            }
            Ok(_) => {}
        }
        told.extend(armed.fired(&ground.server).into_iter().map(|what| format!("{name}: {what}")));
    }
    if !REFUSED.contains(&vector.name) {
        let tip = ground.server.tip(&format!("landed-{number}"));
        let head = armed.sandbox.git(&["rev-parse", "HEAD"]);
        told.extend((tip != head).then(|| "the push did not land".to_owned()));
    }
    told.extend(armed.stolen().contains(TOKEN).then(|| "the token was stolen".to_owned()));
    told
}

#[test]
fn nothing_that_a_workspace_says_runs_or_leads_elsewhere_in_a_fetch_a_pull_or_a_push() {
    let all: Vec<&Vector> = VECTORS.iter().chain(QUIET).collect();
    let complaints = each(&all, hardened);
    println!("{} vectors, {} operations", all.len(), all.len() * 3);
    assert!(complaints.is_empty(), "{complaints:#?}");
}

#[test]
fn plain_git_walks_into_every_one_of_them() {
    let stolen = AtomicUsize::new(0);
    let naive = |ground: &Ground, number: usize, vector: &Vector| {
        let armed = ground.armed(vector);
        let home = armed.sandbox.home.path();
        let branch = format!("HEAD:refs/heads/naive-{number}");
        let operations: [&[&str]; 3] =
            [&["fetch", "origin"], &["pull", "origin", "main"], &["push", "origin", &branch]];
        operations
            .iter()
            .take_while(|_| armed.fired(&ground.server).is_empty())
            .for_each(|it| plain(home, it));
        stolen.fetch_add(usize::from(armed.stolen().contains(TOKEN)), Ordering::SeqCst);
        if armed.fired(&ground.server).is_empty() { vec!["does not fire".to_owned()] } else { Vec::new() }
    };
    let quiet = each(&VECTORS.iter().collect::<Vec<_>>(), naive);
    let named = each(&QUIET.iter().collect::<Vec<_>>(), naive);
    println!(
        "{} of {} fire, {stolen:?} with the token; not counted: {quiet:#?} {named:#?}",
        VECTORS.len() - quiet.len(),
        VECTORS.len()
    );
    // An older git does not know every setting: what does not fire there is named.
    assert!(VECTORS.len() - quiet.len() >= 50, "{quiet:#?}");
    assert!(stolen.into_inner() >= 10);
}
