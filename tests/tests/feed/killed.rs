//! The feed and the bus killed at any moment. `GITLEDGER_EXAMPLES=300` is the long run.

use std::time::{Duration, Instant};

use gitledger_ledger::Ledger;
use gitledger_tests::nats::Nats;
use gitledger_tests::{Process, Setup};

use crate::{assert_is_the_ledger, open, operation};

const ROUNDS: u64 = 12;
/// Operations in each round.
const OPERATIONS: u64 = 60;

/// Numbers for moments, the same in every run.
fn roll(state: &mut u64, sides: u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) % sides
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_is_in_the_stream_once_and_in_order_whenever_feed_and_bus_are_killed() {
    let rounds = std::env::var("GITLEDGER_EXAMPLES").ok().and_then(|rounds| rounds.parse().ok());
    let rounds: u64 = rounds.unwrap_or(ROUNDS);
    let mut nats = Nats::start().await;
    // So short that the window is of no help: what was sent before a crash is told by the stream itself.
    nats.make_stream(100);
    let setup = Setup::new().with("NATS_URL", nats.url());
    let ledger = open(&setup.data());
    let mut dice = 7;
    let (mut midway, mut before) = (0, 0);
    for round in 0..rounds {
        for _ in 0..OPERATIONS {
            operation(&ledger).await;
        }
        let feed = Process::start("gitledger feed", setup.command(&["feed", "--follow"]));
        // Some before it has connected, some in the middle of a batch, some after the last; work goes on meanwhile.
        let end = Instant::now() + Duration::from_millis(20 + roll(&mut dice, 700));
        while Instant::now() < end {
            operation(&ledger).await;
            tokio::time::sleep(Duration::from_millis(roll(&mut dice, 8))).await;
        }
        if round % 4 == 3 {
            nats.kill().await;
            feed.kill().await;
            nats.start_again().await;
        } else {
            feed.kill().await;
        }
        let messages = nats.count();
        let events = ledger.head().await.unwrap().as_u64();
        println!("round {round}: {messages} of {events} events in the stream");
        midway += usize::from(messages > before && messages < events);
        before = messages;
    }
    assert!(midway > 0, "nothing was ever killed in the middle");
    let output = setup.run(&["feed"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_is_the_ledger(&nats.messages(), &setup.events());
    // And nothing is left to do.
    let said = setup.run(&["feed"]).stdout;
    assert!(String::from_utf8_lossy(&said).starts_with("0 events published"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_feed_at_a_time_and_only_who_is_let_in() {
    const TOKEN: &str = "canary-7f3a9c";
    let nats = Nats::with(Some(TOKEN)).await;
    let stranger = Setup::new().with("NATS_URL", nats.url());
    operation(&open(&stranger.data())).await;
    let output = stranger.run(&["feed"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("does not let the feed in"), "{said}");

    let setup = Setup::new().with("NATS_URL", nats.url()).with("NATS_TOKEN", TOKEN);
    let ledger = open(&setup.data());
    operation(&ledger).await;
    let mut feed = Process::start("gitledger feed", setup.command(&["feed", "--follow"]));
    let lock = setup.data().join("feed.lock");
    gitledger_tests::wait::until("the feed's lock", async || lock.exists().then_some(())).await;
    gitledger_tests::wait::until("the events", async || {
        std::fs::File::open(&lock).is_ok_and(|lock| lock.try_lock().is_err()).then_some(())
    })
    .await;
    let output = setup.run(&["feed"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("another program feeds"), "{said}");
    assert!(feed.runs());
    let said = feed.interrupt().await;
    assert!(!said.contains(TOKEN));
    assert_is_the_ledger(&nats.messages(), &setup.events());
}

#[test]
fn an_address_with_a_password_is_refused_before_it_is_used() {
    let setup = Setup::new();
    let output = setup.run(&["up", "--nats", "nats://me:canary@127.0.0.1:4222"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("NATS_USER") && !said.contains("canary"), "{said}");
}
