//! Simulating a ledger's workload, or a made-up one: once, or over a whole grid on every core.

pub mod shown;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use gitledger_ledger::Ledger;
use gitledger_ledger::Position;
use gitledger_ledger::sqlite::{Durability, SqliteLedger};
use gitledger_projections::simulation::sweep::{mark_frontier, point};
use gitledger_projections::simulation::{Outcome, Point, Recording, Setting, Sweep, Workload, simulate};
use jiff::Timestamp;

use crate::replay::Until;
use crate::replay::prices::Table;

/// How many events are read at once.
const CHUNK: usize = 5000;

/// What a ledger was asked for, from an instant on, up to a point.
pub async fn recorded(ledger: &Path, from: Option<Timestamp>, until: Until) -> Result<Workload, String> {
    let ledger = SqliteLedger::open(ledger, Durability::Full).map_err(|error| error.to_string())?;
    let mut recording = Recording::default();
    let mut position = Position::START;
    loop {
        let page = ledger.read_events(position, CHUNK).await.map_err(|error| error.to_string())?;
        let Some(last) = page.last() else { return Ok(recording.finish()) };
        position = last.position;
        for next in page {
            // What no projection understands is in no workload either.
            let Ok(event) = next.event else { continue };
            let at = event.event.recorded_at;
            if until.excludes(next.position.as_u64(), at.as_microsecond()) {
                return Ok(recording.finish());
            }
            if from.is_none_or(|from| at >= from) {
                recording.apply(&event);
            }
        }
    }
}

/// Every setting of a grid, on every core; in the grid's order.
pub fn sweep(workload: &Workload, base: &Setting, sweep: &Sweep, price: &Table) -> Vec<Point> {
    let settings = sweep.settings(base);
    let mut points = each(&settings, |setting| {
        let outcome = simulate(workload, setting);
        point(setting, &outcome, price.of(outcome.monthly()))
    });
    mark_frontier(&mut points);
    points
}

/// Outcomes of several settings, on every core.
pub fn outcomes(workload: &Workload, settings: &[Setting]) -> Vec<Outcome> {
    each(settings, |setting| simulate(workload, setting))
}

/// Does something with each, on every core; the results in the same order.
fn each<T: Sync, R: Send>(all: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from).min(all.len().max(1));
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(all.len())));
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(one) = all.get(index) else { return };
                    let result = work(one);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((index, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}
