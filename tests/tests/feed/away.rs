//! A bus that is away: work goes on, the metrics tell, and it gets everything later.

use gitledger_tests::nats::Nats;
use gitledger_tests::wait::until;
use gitledger_tests::{Agent, Origin, Setup, System};
use serde_json::json;

use crate::assert_is_the_ledger;

async fn metric(system: &System, name: &str) -> f64 {
    let (status, text) = system.get("/metrics").await;
    assert_eq!(status, 200);
    let text = text.as_str().unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name} is not in /metrics")).parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn while_nats_is_away_operations_go_on_and_afterwards_it_has_every_event() {
    let (mut nats, origin) = (Nats::start().await, Origin::start().await);
    let setup = Setup::new().admitting(&origin);
    let system = setup.start_with(&["--nats", &nats.url()]).await;
    let agent = Agent::clone(&system, &origin.app(), "a1", "t1").await;
    until("the feed has all", async || {
        let head = metric(&system, "git_projector_position").await;
        (head > 0.0 && metric(&system, "git_feed_position").await >= head).then_some(())
    })
    .await;
    assert!(metric(&system, "git_feed_event_lag_seconds").await < f64::EPSILON);
    assert!(metric(&system, "git_feed_failures_total").await < f64::EPSILON);

    nats.kill().await;
    for _ in 0..3 {
        agent.operate("status", json!({})).await;
    }
    until("the lag shows", async || {
        (metric(&system, "git_feed_event_lag_seconds").await > 0.0).then_some(())
    })
    .await;
    until("the failure shows", async || {
        (metric(&system, "git_feed_failures_total").await >= 1.0).then_some(())
    })
    .await;
    agent.commit("notes.txt", "while it was away\n").await;

    nats.start_again().await;
    until("it has caught up", async || {
        let head = metric(&system, "git_projector_position").await;
        (metric(&system, "git_feed_position").await >= head).then_some(())
    })
    .await;
    agent.push().await;
    let log = system.stop().await;
    assert!(log.contains("fed            every event to nats://"), "{log}");
    // The end of the sandboxes, too.
    assert_is_the_ledger(&nats.messages(), &setup.events());

    // Without a bus nobody waits for one.
    let system = setup.start().await;
    Agent::clone(&system, &origin.app(), "a2", "t1").await;
    assert!(metric(&system, "git_feed_event_lag_seconds").await < f64::EPSILON);
    system.stop().await;
}
