//! The replay's fold and the projections are two ways to one number.

use gitledger_events::operation::{OperationSucceeded, Timing};
use gitledger_events::{Event, Record, Stream};
use jiff::Timestamp;
use serde_json::json;

use super::given::{self, Ledger, at, id};
use super::metrics::seen;
use super::properties::events_with_skew;
use crate::cost::{By, CostFold, Exact, Prices};
use crate::metrics::{Metrics, render};
use crate::replay::segment::{Segment, read_next};
use crate::replay::{Account, Brief, Figures, Names, RawEvent};
use crate::running::Span;
use crate::timeline::Timeline;
use crate::{Summary, fold};

/// The briefs of events, through the JSON that a ledger keeps.
pub fn briefs(events: &[Event], names: &mut Names) -> Vec<Brief> {
    let brief = |(position, event): (u64, &Event)| {
        let record = Record::try_from(event).unwrap();
        let meta = json!({"schema_version": record.schema_version, "operation": record.operation,
                          "actor": record.actor, "repo": record.repo, "correlation_id": record.correlation_id});
        let meta = meta.to_string();
        let raw = RawEvent {
            position,
            stream: record.stream.as_str(),
            version: record.version,
            name: &record.name,
            at: record.recorded_at.as_microsecond(),
            meta: &meta,
            data: record.data.get(),
        };
        raw.brief(names).unwrap()
    };
    (1..).zip(events).map(brief).collect()
}

pub fn account(briefs: &[Brief], names: &Names) -> Account {
    let mut account = Account::default();
    for brief in briefs {
        account.apply(brief, names);
    }
    account
}

fn figures(events: &[Event], now: Timestamp) -> Figures {
    let mut names = Names::default();
    let briefs = briefs(events, &mut names);
    account(&briefs, &names).figures(&names, now)
}

#[test]
fn a_replay_finds_the_microseconds_and_the_money_that_the_projections_find() {
    let prices = Prices::standard();
    for seed in 0..20 {
        let events = events_with_skew(seed, 400, 1200);
        let replayed = figures(&events, at(50_000));
        assert!(replayed.usage.running_micros > 0);
        assert_eq!(replayed.usage, fold::<Metrics>(&events).used(at(50_000)), "seed {seed}");
        let cost: Exact =
            replayed.days.iter().map(|(day, found)| prices.exact(*day, &found.cost_usage())).sum();
        let mut told = CostFold::new(prices, Span::new(i64::MIN, i64::MAX), &[By::Agent]);
        for event in &events {
            told.apply(event);
        }
        assert_eq!(cost.rounded(), told.reports(at(50_000))[0].total, "seed {seed}");
    }
}

#[test]
fn a_replay_counts_what_the_projections_count() {
    for seed in 0..20 {
        let events = events_with_skew(seed, 400, 96);
        let replayed = figures(&events, at(50_000));
        let summary: Summary = fold(&events);
        for (name, row) in &summary.operations {
            let found = &replayed.operations[name];
            assert_eq!(
                (found.started, found.succeeded, found.failed),
                (row.count, row.succeeded, row.failed())
            );
            assert_eq!(found.durations.count, row.durations.count());
            let p95 = row.durations.percentile(95).map_or(0, gitledger_events::Elapsed::as_micros);
            assert_eq!(found.durations.p95_us, p95);
        }
        let hits: u64 = ["ready", "paused", "warm"].iter().map(|reuse| replayed.leases[*reuse]).sum();
        let live = fold::<Metrics>(&events).snapshot(&seen(50_000));
        #[allow(clippy::cast_precision_loss)]
        let hits = hits as f64;
        assert_eq!(live.counter("sandbox_cache_hits_total", &[]), Some(hits));
        let boxes = &replayed.sandboxes;
        let counted = (boxes.created, boxes.killed, boxes.expired, boxes.lost);
        let row = summary.sandboxes;
        assert_eq!(counted, (row.created, row.killed, row.expired, row.lost));
        let running = live.gauge("sandboxes_active", &[]).unwrap_or_default();
        assert!((running - f64::from(boxes.running)).abs() < 0.5, "{running} and {}", boxes.running);
    }
}

#[test]
fn the_days_of_a_replay_add_up_to_the_whole() {
    for seed in 0..4 {
        let replayed = figures(&events_with_skew(seed, 1200, 1200), at(300_000));
        assert!(replayed.days.len() > 1);
        assert_eq!(replayed.usage, replayed.days.values().map(|day| day.usage).sum());
        assert_eq!(replayed.events, replayed.days.values().map(|day| day.events).sum::<u64>());
    }
}

#[test]
fn segments_say_what_the_ledger_says() {
    let events = events_with_skew(3, 900, 1200);
    let mut names = Names::default();
    let (mut sealed, mut after) = (Vec::new(), 0);
    for chunk in events.chunks(250) {
        let names_before = names.len();
        let mut chunk = briefs(chunk, &mut names);
        for (position, brief) in (after + 1..).zip(&mut chunk) {
            brief.position = position;
        }
        let last = after + chunk.len() as u64;
        let segment = Segment { after, last, names_before, unreadable: 0, last_id: [0; 16], briefs: chunk };
        sealed.push(segment.to_bytes(&names));
        after = last;
    }
    let (mut read, mut account, mut after) = (Names::default(), Account::default(), 0);
    for bytes in &sealed {
        after = read_next(bytes, after, &mut read, |brief, names| account.apply(brief, names)).unwrap().last;
    }
    assert_eq!(account.figures(&read, at(90_000)), figures(&events, at(90_000)));
}

#[test]
fn what_no_projection_understands_is_not_counted() {
    let mut names = Names::default();
    let raw = RawEvent {
        position: 7,
        stream: "sandbox-s1",
        version: 1,
        name: "SandboxPaused",
        at: 0,
        meta: r#"{"schema_version":1}"#,
        data: "{}",
    };
    assert!(raw.brief(&mut names).is_ok());
    let newer = RawEvent { meta: r#"{"schema_version":2}"#, ..raw };
    let unheard_of = RawEvent { name: "SandboxPainted", ..raw };
    let other_shape = RawEvent { name: "SandboxReleased", ..raw };
    for wrong in [newer, unheard_of, other_shape] {
        assert_eq!(wrong.brief(&mut names).unwrap_err().position, 7);
    }
}

#[test]
fn a_success_that_nobody_measured_enters_no_latency() {
    let found_done = OperationSucceeded { timing: Timing::default(), recovered: true, ..given::succeeded(0) };
    let mut ledger = Ledger::default();
    for number in 1..=2 {
        let stream = Stream::operation(id(number));
        ledger.add(stream.clone(), 10, "push", "a1", given::requested(100));
        let outcome = if number == 1 { given::succeeded(4000) } else { found_done.clone() };
        ledger.add(stream, 20, "push", "a1", outcome);
    }
    let summary: Summary = fold(&ledger.events);
    let row = &summary.operations["push"];
    assert_eq!((row.succeeded, row.durations.count()), (2, 1));
    let mut names = Names::default();
    let account = account(&briefs(&ledger.events, &mut names), &names);
    let day = &account.days.all()[0];
    assert_eq!((day.succeeded, day.durations.count(), day.slowest.len()), (2, 1, 1));
    assert_eq!(account.figures(&names, at(30)).operations["push"].durations.count, 1);
    let mut timeline = Timeline::default();
    ledger.events.iter().for_each(|event| timeline.apply(event));
    assert_eq!(timeline.row(id(2)).and_then(|row| row.end).map(|end| end.duration), Some(None));
    let text = render(&fold::<Metrics>(&ledger.events).snapshot(&seen(30)));
    let count = "git_operation_duration_seconds_count{operation=\"push\"} 1";
    assert!(text.contains(count), "{text}");
}
