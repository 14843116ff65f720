//! The warden: looks at every sandbox about once a second, and holds those to their limits that nothing else
//! holds.
//!
//! Disk always: no quota can be had here without being root or having a file system of a certain kind, and a
//! file system in memory is no place for repositories. So disk is measured, and a sandbox that is over its
//! share and still grows loses its commands; its files stay, so that something can be deleted. Until then it
//! takes no uploads. Between two looks it can write more than its share: as much as the disk takes in a
//! second or two, which the limit of one file's size bounds only per file.
//!
//! Processes and memory only where there are no control groups.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::process::{Signal, kill_process};

use super::Isolation;
use super::cell::Cell;
use super::fleet::Fleet;
use super::gauge::Sample;
use super::sandbox::Sandbox;
use super::storage;
use super::usage::{Use, by_sandbox, disk_bytes};
use crate::limits::Limits;

/// Between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Between two samples that are kept.
const SAMPLE_EVERY: Duration = Duration::from_secs(5);
/// The share of the time that may be spent on measuring one sandbox's files: one part in so many.
const DISK_TIME_SHARE: u32 = 20;

/// Watches until the fleet is gone.
pub(super) async fn watch(fleet: Weak<Fleet>) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let Some(fleet) = fleet.upgrade() else { return };
        if fleet.count() > 0 {
            look(&fleet).await;
        }
    }
}

/// Looks at all that run.
pub(super) async fn look(fleet: &Arc<Fleet>) {
    let fleet = Arc::clone(fleet);
    let looked = tokio::task::spawn_blocking(move || {
        let ground = &fleet.ground;
        let uses = by_sandbox(ground.isolation == Isolation::Bwrap);
        for sandbox in fleet.all().iter().filter(|sandbox| sandbox.is_running()) {
            let Some(cell) = sandbox.cell() else { continue };
            let using = using(&uses, &cell);
            look_at_disk(sandbox, &cell, &using, &ground.limits);
            sample(sandbox, &cell, &using, &ground.limits);
            let held = |controller| ground.cgroups.holds(controller);
            hold(sandbox, &using, &ground.limits, held("memory"), held("pids"));
        }
    });
    if let Err(error) = looked.await {
        tracing::error!(%error, "the warden stumbled");
    }
}

fn using(uses: &HashMap<PathBuf, Use>, cell: &Cell) -> Use {
    uses.get(cell.members().key()).cloned().unwrap_or_default()
}

fn look_at_disk(sandbox: &Sandbox, cell: &Cell, using: &Use, limits: &Limits) {
    let last = sandbox.gauge.readings().disk;
    let now = Instant::now();
    let still = last.not_before.is_some() && last.cpu == using.cpu;
    if still || last.not_before.is_some_and(|not_before| now < not_before) {
        return;
    }
    let used_bytes = storage::OWN.map(|name| disk_bytes(&sandbox.dir.join(name))).iter().sum();
    let over = limits.disk_bytes().is_some_and(|most| used_bytes > most);
    {
        let mut readings = sandbox.gauge.readings();
        readings.disk.used_bytes = used_bytes;
        readings.disk.over = over;
        readings.disk.cpu = using.cpu;
        readings.disk.not_before = Some(now + now.elapsed() * DISK_TIME_SHARE);
    }
    if over && used_bytes > last.used_bytes {
        tracing::warn!(sandbox = sandbox.id, used_bytes, "over its disk; its commands are killed");
        cell.members().kill_commands();
    }
}

#[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
fn sample(sandbox: &Sandbox, cell: &Cell, using: &Use, limits: &Limits) {
    let now = Instant::now();
    let mut readings = sandbox.gauge.readings();
    let (since, before) = match readings.cpu {
        Some((at, _)) if now.duration_since(at) < SAMPLE_EVERY => return,
        Some((at, cpu)) => (now.duration_since(at), cpu),
        // Its whole life so far.
        None => {
            let age = Timestamp::now().duration_since(sandbox.started_at);
            (Duration::try_from(age).unwrap_or_default(), Duration::ZERO)
        }
    };
    let cpu = using.cpu.saturating_sub(before).as_micros() as f64;
    let possible = since.as_micros().max(1) as f64 * f64::from(limits.shown_cpus());
    let (memory_used_bytes, memory_cache_bytes) =
        cell.group().memory_bytes().unwrap_or((using.memory_bytes, 0));
    readings.cpu = Some((now, using.cpu));
    let disk_used_bytes = readings.disk.used_bytes;
    readings.keep(Sample {
        at: Timestamp::now(),
        cpu_used_percent: (cpu / possible * 100.0).min(100.0),
        memory_used_bytes,
        memory_cache_bytes,
        disk_used_bytes,
    });
}

/// What control groups would hold.
fn hold(sandbox: &Sandbox, using: &Use, limits: &Limits, memory_held: bool, pids_held: bool) {
    let much = !memory_held && limits.memory_bytes().is_some_and(|most| using.memory_bytes > most);
    let many = !pids_held && limits.processes > 0 && using.processes > u64::from(limits.processes);
    if much && let Some((_, pid)) = using.biggest {
        tracing::warn!(sandbox = sandbox.id, "over its memory; its biggest process is killed");
        let _ = kill_process(pid, Signal::KILL);
    }
    if many && let Some(cell) = sandbox.cell() {
        tracing::warn!(sandbox = sandbox.id, "over its processes; its commands are killed");
        cell.members().kill_commands();
    }
}
