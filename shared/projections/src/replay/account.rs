//! The fold of briefs: everything that is counted and timed.

use std::collections::BTreeMap;

use super::brief::{Brief, Kind};
use super::days::Days;
use super::durations::Durations;
use super::machines::{Machines, Stretch};
use super::names::Names;
use crate::cost::ResourceTime;
use crate::counting::HOUSEKEEPING;

/// What the briefs so far add up to.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// The last event in it.
    pub position: u64,
    /// The oldest instant at which anything was recorded, in microseconds since 1970.
    pub oldest: i64,
    /// The newest instant at which anything was recorded, in microseconds since 1970.
    pub newest: i64,
    /// Events counted.
    pub events: u64,
    /// Operations by name.
    pub operations: Numbered<Tally>,
    /// Failures by code.
    pub codes: BTreeMap<u32, u64>,
    /// Leases by where the sandbox came from.
    pub reuse: [u64; 5],
    /// How long it took to make a sandbox.
    pub creation: Durations,
    /// How long it took to wake one.
    pub resume: Durations,
    /// Sandboxes, by what happened to them.
    pub sandboxes: SandboxTally,
    /// All running time of stretches that have ended.
    pub used: ResourceTime,
    /// Processors and MiB of the last sandbox that was made.
    pub size: Option<(u32, u32)>,
    /// Day by day.
    pub days: Days,
    machines: Machines,
}

/// One operation's numbers.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Begun.
    pub started: u64,
    /// Ended well.
    pub succeeded: u64,
    /// Ended otherwise.
    pub failed: u64,
    /// Pushes tried again.
    pub retried: u64,
    /// Conflicts that git could not resolve.
    pub conflicts: u64,
    /// From request to outcome.
    pub durations: Durations,
    /// The system's own work.
    pub housekeeping: bool,
}

/// Sandboxes, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SandboxTally {
    /// Made.
    pub created: u64,
    /// Killed by one of us.
    pub killed: u64,
    /// Ended by their time to live.
    pub expired: u64,
    /// Gone, and nobody here did it.
    pub lost: u64,
    /// Put to sleep.
    pub paused: u64,
    /// Woken.
    pub resumed: u64,
    /// The most that ran at once.
    pub peak: u32,
    /// The event that made it so many.
    pub peak_position: u64,
}

/// Something for each of a few names among many.
#[derive(Clone, Debug, Default)]
pub struct Numbered<T> {
    places: Vec<u32>,
    values: Vec<(u32, T)>,
}

impl<T: Default> Numbered<T> {
    /// That of one name; new if there was none.
    pub fn entry(&mut self, name: u32) -> &mut T {
        let place = name as usize;
        if self.places.len() <= place {
            self.places.resize(place + 1 + place / 2, 0);
        }
        if self.places[place] == 0 {
            self.values.push((name, T::default()));
            self.places[place] = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        }
        let last = self.values.len() - 1;
        let place = (self.places[place] as usize - 1).min(last);
        &mut self.values[place].1
    }

    /// All of them, in the order in which they first came.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        self.values.iter().map(|(name, value)| (*name, value))
    }
}

impl Tally {
    fn took(&mut self, brief: &Brief) {
        if let Some(micros) = brief.latency() {
            self.durations.record(micros);
        }
    }
}

impl Account {
    /// Takes in the next event, in the ledger's order.
    pub fn apply(&mut self, brief: &Brief, names: &Names) {
        self.position = brief.position;
        self.oldest = if self.events == 0 { brief.at } else { self.oldest.min(brief.at) };
        self.newest = if self.events == 0 { brief.at } else { self.newest.max(brief.at) };
        self.events += 1;
        self.days.recorded(brief);
        if brief.sandbox == 0 { self.operation(brief, names) } else { self.sandbox(brief) }
    }

    /// The same with the time of those that still run, as of an instant.
    #[must_use]
    pub fn as_of(&self, now: i64) -> Self {
        let mut all = self.clone();
        for stretch in self.machines.open(now) {
            all.ran(&stretch);
        }
        all
    }

    /// How many sandboxes run at an instant.
    pub fn running(&self, now: i64) -> u32 {
        self.machines.count(now)
    }

    fn operation(&mut self, brief: &Brief, names: &Names) {
        let tally = self.operations.entry(brief.operation);
        let outcome = matches!(brief.kind, Kind::Succeeded | Kind::Failed | Kind::Abandoned);
        if brief.kind == Kind::Requested || (outcome && brief.first) {
            if tally.started == 0 {
                tally.housekeeping = HOUSEKEEPING.contains(&names.name(brief.operation));
            }
            tally.started += 1;
        }
        match brief.kind {
            Kind::Succeeded => {
                tally.succeeded += 1;
                tally.took(brief);
            }
            Kind::Failed | Kind::Abandoned => {
                tally.failed += 1;
                *self.codes.entry(brief.code).or_default() += 1;
                tally.took(brief);
            }
            Kind::Conflict => tally.conflicts += 1,
            Kind::Pushed if brief.small > 1 => tally.retried += 1,
            _ => {}
        }
        if outcome && !tally.housekeeping {
            self.days.ended(brief);
        }
    }

    fn sandbox(&mut self, brief: &Brief) {
        let effect = self.machines.apply(brief);
        if let Some(stretch) = effect.ended {
            self.ran(&stretch);
        }
        if let Some(count) = effect.running {
            self.days.running(brief, count);
            if count > self.sandboxes.peak {
                (self.sandboxes.peak, self.sandboxes.peak_position) = (count, brief.position);
            }
        }
        let tally = &mut self.sandboxes;
        match brief.kind {
            Kind::Created => {
                tally.created += 1;
                self.size = Some((u32::from(brief.small), brief.code));
                self.creation.record(brief.a);
            }
            Kind::Leased => {
                if let Some(count) = self.reuse.get_mut(usize::from(brief.small)) {
                    *count += 1;
                }
                self.days.leased(brief);
            }
            Kind::Paused => tally.paused += 1,
            Kind::Resumed => {
                tally.resumed += 1;
                self.resume.record(brief.a);
            }
            Kind::Killed => tally.killed += 1,
            Kind::Expired => tally.expired += 1,
            Kind::Lost => tally.lost += 1,
            _ => {}
        }
    }

    fn ran(&mut self, stretch: &Stretch) {
        self.used += stretch.usage();
        self.days.used(stretch);
    }
}
