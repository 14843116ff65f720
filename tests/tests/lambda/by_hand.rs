//! `events/replay`: recorded events through the function `projector`, by hand.

use std::process::{Command, Stdio};

use gitledger_tests::{Agent, Origin, Setup, program, system, tools, workspace};

use crate::build;

#[tokio::test(flavor = "multi_thread")]
async fn recorded_events_are_replayed_by_hand_into_the_state_that_was_saved() {
    build();
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    let system = setup.start().await;
    let agent = Agent::clone(&system, &origin.app(), "a1", "t1").await;
    agent.commit("new.txt", "new\n").await;
    agent.push().await;
    system.stop().await;

    let replayed = replay(&setup);
    let said = String::from_utf8_lossy(&replayed.stdout).into_owned();
    let error = String::from_utf8_lossy(&replayed.stderr).into_owned();
    assert!(replayed.status.success() && said.contains("as saved"), "{said}\n{error}");
    assert!(error.contains(&format!("{} events", setup.events().len())), "{error}");

    // What was saved is another state of the same position.
    let ledger = rusqlite::Connection::open(setup.data().join("ledger.db")).expect("the ledger");
    ledger.execute("UPDATE projections SET state = CAST('{}' AS BLOB)", []).expect("replaced");
    drop(ledger);
    let replayed = replay(&setup);
    let said = String::from_utf8_lossy(&replayed.stdout).into_owned();
    assert!(!replayed.status.success() && said.contains("DIFFERENT"), "{said}");
}

/// `events/replay` on a data directory, to its end.
fn replay(setup: &Setup) -> std::process::Output {
    let mut replay = Command::new(workspace::root().join("events/replay"));
    program::without_package(&mut replay);
    replay.arg(setup.data()).env("PORT", system::free_port().to_string());
    replay
        .env("PATH", tools::path_with(&[&tools::cargo_lambda()]))
        .env("CARGO_TARGET_DIR", workspace::target());
    replay.stdin(Stdio::null()).output().expect("it starts")
}
