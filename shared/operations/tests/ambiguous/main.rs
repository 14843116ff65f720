//! Ambiguous pushes: the answer is cut somewhere, before or after the server took the push in, while others
//! push to, move or make anew the same reference. Whatever is told must be so, what cannot be told must be said to
//! be unknown, and nobody else's commit may be lost.
//!
//! `GITLEDGER_EXAMPLES` says how many; 150 if not set, 750 for the long run.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value)] // a panic is a test's report; `json!` makes values

mod case;
mod check;
#[allow(dead_code)] // not all of it is for this test
#[path = "../real_git/sandbox.rs"]
mod sandbox;
#[allow(dead_code)]
#[path = "../real_git/server.rs"]
mod server;
#[path = "../real_git/truth.rs"]
mod truth;

use case::{Case, Kind, Other};
use check::Told;

/// Most of a case is waiting for processes.
const WORKERS: usize = 6;

#[test]
fn no_ambiguous_push_is_told_wrong_and_no_foreign_commit_is_lost() {
    let examples = std::env::var("GITLEDGER_EXAMPLES").ok().and_then(|text| text.parse().ok()).unwrap_or(150);
    let began = std::time::Instant::now();
    let workers: Vec<_> =
        (0..WORKERS).map(|worker| std::thread::spawn(move || work(worker, examples))).collect();
    let mut all: Vec<(Case, Told)> = workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect();
    all.sort_by_key(|(case, _)| case.number);
    let count = |told: Told| all.iter().filter(|(_, other)| *other == told).count();
    println!(
        "{} ambiguous pushes in {} s: {} landed, {} did not, {} cannot be told, {} wrong",
        all.len(),
        began.elapsed().as_secs(),
        count(Told::Landed),
        count(Told::NotLanded),
        count(Told::Unknown),
        count(Told::Wrong),
    );
    assert_eq!(all.len(), examples);
    let wrong: Vec<_> = all.iter().filter(|(_, told)| *told == Told::Wrong).map(|(case, _)| case).collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    // Only what somebody else put in the way of the look cannot be told.
    for (case, told) in &all {
        let tellable = match case.other {
            Other::Nobody => true,
            Other::OnTop => matches!(case.kind, Kind::Forward | Kind::New),
            Other::Overwrites => false,
        };
        assert!(!tellable || *told != Told::Unknown, "{case:?}");
    }
    let overwritten = all.iter().filter(|(case, _)| case.other == Other::Overwrites).count();
    assert!(count(Told::Unknown) <= overwritten, "more is unknown than was overwritten: {overwritten}");
    // The series is one: there are all kinds of ends.
    for told in [Told::Landed, Told::NotLanded, Told::Unknown] {
        assert!(count(told) > 0, "{told:?}");
    }
}

/// One worker's part of the series, on a server and in a workspace of its own.
fn work(worker: usize, examples: usize) -> Vec<(Case, Told)> {
    let mut stage = case::Stage::new();
    (worker..examples)
        .step_by(WORKERS)
        .map(|number| {
            let case = Case::of(number);
            let told = case.run(&mut stage);
            (case, told)
        })
        .collect()
}
