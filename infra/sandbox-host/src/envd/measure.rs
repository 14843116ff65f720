//! `/metrics`: what the sandbox uses of the machine.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;

use super::Envd;
use super::auth::HttpError;

const MIB: u64 = 1024 * 1024;

/// Bytes, but for the counts.
#[derive(Serialize)]
pub(super) struct Measures {
    ts: i64,
    cpu_count: usize,
    cpu_used_pct: f64,
    mem_total_mib: u64,
    mem_used_mib: u64,
    mem_total: u64,
    mem_used: u64,
    mem_cache: u64,
    disk_used: u64,
    disk_total: u64,
}

/// The processor's time since the machine's start, to be told as a share since the last look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Ticks {
    busy: u64,
    all: u64,
}

/// The last look.
#[derive(Default)]
pub(super) struct Meter {
    last: Mutex<Ticks>,
}

/// The measures of now. 501 where the system does not tell them in Linux's way.
pub(super) async fn metrics(State(envd): State<Arc<Envd>>) -> Result<Json<Measures>, HttpError> {
    let measures = tokio::task::spawn_blocking(move || {
        let home = envd.account.real(Path::new("/home"));
        envd.meter.measure(&home)
    });
    let untold = || HttpError::new(StatusCode::NOT_IMPLEMENTED, "this system does not tell its measures");
    measures.await.ok().flatten().map(Json).ok_or_else(untold)
}

impl Meter {
    fn measure(&self, disk: &Path) -> Option<Measures> {
        let memory = fs::read_to_string("/proc/meminfo").ok()?;
        let (total, free) = (field(&memory, "MemTotal:")?, field(&memory, "MemAvailable:")?);
        let used = total.saturating_sub(free);
        let disk = rustix::fs::statvfs(disk).ok()?;
        Some(Measures {
            ts: Timestamp::now().as_second(),
            cpu_count: std::thread::available_parallelism().map_or(1, usize::from),
            cpu_used_pct: self.used_pct(ticks(&fs::read_to_string("/proc/stat").ok()?)?),
            mem_total_mib: total / MIB,
            mem_used_mib: used / MIB,
            mem_total: total,
            mem_used: used,
            mem_cache: field(&memory, "Cached:")?,
            disk_used: disk.f_blocks.saturating_sub(disk.f_bavail) * disk.f_frsize,
            disk_total: disk.f_blocks * disk.f_frsize,
        })
    }

    /// The share of time that was busy since the last look, to two places.
    fn used_pct(&self, now: Ticks) -> f64 {
        let last = {
            let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *last, now)
        };
        let (busy, all) = (now.busy.saturating_sub(last.busy), now.all.saturating_sub(last.all));
        // In hundredths of a percent, which are exact in a float.
        let hundredths = busy.saturating_mul(10_000).checked_div(all).unwrap_or_default().min(10_000);
        f64::from(u32::try_from(hundredths).unwrap_or_default()) / 100.0
    }
}

/// A field of `/proc/meminfo`, in bytes.
fn field(memory: &str, name: &str) -> Option<u64> {
    let line = memory.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// The first line of `/proc/stat`: user, nice, system, idle, iowait, and more that is busy.
fn ticks(stat: &str) -> Option<Ticks> {
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    let fields: Vec<u64> = line.split_whitespace().map_while(|field| field.parse().ok()).take(8).collect();
    let all = fields.iter().sum();
    let idle = fields.get(3)? + fields.get(4)?;
    Some(Ticks { busy: all - idle, all })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_words_are_read() {
        assert_eq!(field("MemTotal:        2048 kB\nMemFree: 1 kB\n", "MemTotal:"), Some(2 * MIB));
        assert_eq!(field("MemTotal:        2048 kB\n", "Cached:"), None);
        let ticks = ticks("cpu  10 20 30 100 40 5 5 0 7 7\ncpu0 1\n");
        assert_eq!(ticks, Some(Ticks { busy: 70, all: 210 }));
    }

    #[test]
    fn the_share_is_that_since_the_last_look() {
        let meter = Meter::default();
        assert!((meter.used_pct(Ticks { busy: 50, all: 100 }) - 50.0).abs() < f64::EPSILON);
        assert!((meter.used_pct(Ticks { busy: 51, all: 108 }) - 12.5).abs() < f64::EPSILON);
        assert!(meter.used_pct(Ticks { busy: 51, all: 108 }).abs() < f64::EPSILON);
    }
}
