//! A store that throttles, goes silent and goes away: nothing is lost, nothing is doubled, few requests are wasted.

use std::sync::Arc;
use std::time::Duration;

use gitledger_ledger::contract::sample::{commit_of, event, stream};
use gitledger_ledger::dynamo::{DynamoLedger, Patience};
use gitledger_ledger::{AppendError, Commit, Expected, Ledger};

use super::engine::Engine;
use super::fate::{Fate, Network};

const APPENDERS: u128 = 8;
/// As many as `LEDGER_TEST_APPENDS` says; the goal is stated for ten thousand, and two show it as well.
const APPENDS: u128 = 2_000;

/// Longer pauses would make a longer test and no other one.
const PATIENCE: Patience = Patience {
    tries: 5,
    first_pause: Duration::from_micros(100),
    longest_pause: Duration::from_millis(2),
    in_all: Duration::from_mins(1),
};

/// 30 % refused, 5 % carried out in silence, and now and then nothing at all for a while.
fn fate(number: u64) -> Fate {
    let outage = number % 1000 >= 990;
    let dice = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
    match dice % 100 {
        _ if outage => Fate::Throttled,
        0..30 => Fate::Throttled,
        30..35 => Fate::Lost,
        _ => Fate::Answered,
    }
}

fn numbered(appender: u128, number: u128) -> Commit {
    let id = (appender << 64) | number;
    let expected = Expected::Version(u64::try_from(number % 10).unwrap());
    commit_of(id, stream((appender << 32) | (number / 10)), expected, vec![event("")])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn appends_through_throttles_and_silence_are_there_once() {
    let appends = std::env::var("LEDGER_TEST_APPENDS").map_or(APPENDS, |number| number.parse().unwrap());
    let engine = Engine::start();
    let (plain, settings) = engine.ledger().await;
    let network = Network::new(fate);
    let ledger = Arc::new(DynamoLedger::over(settings, network.clone(), None, PATIENCE));
    let appenders: Vec<_> = (0..APPENDERS)
        .map(|appender| {
            let ledger = ledger.clone();
            tokio::spawn(async move {
                let mut given_up = 0_u64;
                for number in 0..appends / APPENDERS {
                    // Who is told that it did not work asks again, with the same commit.
                    loop {
                        match ledger.append(numbered(appender, number)).await {
                            Ok(appended) => break assert_eq!(u128::from(appended.version), number % 10 + 1),
                            Err(AppendError::Ledger(_)) => given_up += 1,
                            Err(error) => panic!("{error}"),
                        }
                    }
                }
                given_up
            })
        })
        .collect();
    let mut given_up = 0;
    for appender in appenders {
        given_up += appender.await.unwrap();
    }
    let per_append =
        f64::from(u32::try_from(network.requests()).unwrap()) / f64::from(u32::try_from(appends).unwrap());
    println!("{per_append:.3} requests per append, {given_up} given up and asked again");
    assert!(per_append <= 1.6, "{per_append} requests per append");

    let repaired = plain.repair().await.unwrap();
    assert_eq!((u128::from(repaired.commits), u128::from(repaired.events)), (appends, appends));
}
