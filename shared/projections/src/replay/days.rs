//! Day by day (UTC): what a judgement over weeks is made of, and the events behind it.

use std::collections::{BTreeMap, HashMap};
use std::hash::BuildHasherDefault;

use super::brief::{Brief, Kind, REUSE_NAMED, REUSE_NEW};
use super::durations::Durations;
use super::machines::Stretch;
use super::names::Quick;
use crate::cost::windows::DAY_MICROS;
use crate::cost::{ResourceTime, Usage};
use crate::running::Span;

/// So many events a day are kept as evidence, of each sort.
pub const EVIDENCE_MAX: usize = 5;

/// One day. What callers asked for only: the system's own housekeeping is left out, except for its cost.
#[derive(Clone, Debug, Default)]
pub struct Day {
    /// Days since 1970.
    pub number: i64,
    /// Operations that ended well.
    pub succeeded: u64,
    /// Operations that did not.
    pub failed: u64,
    /// From request to outcome, of all that did any work.
    pub durations: Durations,
    /// Leases served by a sandbox that was there.
    pub hits: u64,
    /// Leases for which one had to be made.
    pub misses: u64,
    /// Everything that costs, housekeeping included.
    pub usage: Usage,
    /// The most sandboxes that ran at once, from the first start of the day.
    pub peak: u32,
    /// The event that made it so many.
    pub peak_position: u64,
    /// The slowest: duration in microseconds and position.
    pub slowest: Vec<(u64, u64)>,
    /// Positions of the last failures.
    pub failures: Vec<u64>,
    /// Positions of the last misses.
    pub missed: Vec<u64>,
    /// Failures by the number of their code.
    pub codes: BTreeMap<u32, u64>,
    /// Operations ended in each hour of the day.
    pub hours: [u32; 24],
    /// Operations ended, by the number of the agent's name; in no order.
    pub agents: HashMap<u32, u32, BuildHasherDefault<Quick>>,
}

/// All days with anything in them, in order.
#[derive(Clone, Debug, Default)]
pub struct Days {
    days: Vec<Day>,
}

impl Days {
    /// In order.
    pub fn all(&self) -> &[Day] {
        &self.days
    }

    /// Something was recorded; an operation's end took its function's time.
    pub fn recorded(&mut self, brief: &Brief) {
        let usage = &mut self.day(brief.at).usage;
        usage.events += 1;
        if matches!(brief.kind, Kind::Succeeded | Kind::Failed | Kind::Abandoned) {
            usage.operations += 1;
            usage.function_micros += u128::from(brief.a);
        }
    }

    /// An operation that a caller asked for has ended.
    pub fn ended(&mut self, brief: &Brief) {
        let hour = usize::try_from(brief.at.rem_euclid(DAY_MICROS) / (DAY_MICROS / 24)).unwrap_or(0);
        let day = self.day(brief.at);
        if let Some(count) = day.hours.get_mut(hour) {
            *count += 1;
        }
        *day.agents.entry(brief.agent).or_default() += 1;
        if brief.kind == Kind::Succeeded {
            day.succeeded += 1;
        } else {
            day.failed += 1;
            *day.codes.entry(brief.code).or_default() += 1;
            keep_last(&mut day.failures, brief.position);
        }
        if let Some(micros) = brief.latency() {
            day.durations.record(micros);
            day.slow(micros, brief.position);
        }
    }

    /// A sandbox was leased.
    pub fn leased(&mut self, brief: &Brief) {
        let day = self.day(brief.at);
        match brief.small {
            REUSE_NAMED => {}
            REUSE_NEW => {
                day.misses += 1;
                keep_last(&mut day.missed, brief.position);
            }
            _ => day.hits += 1,
        }
    }

    /// A sandbox began to run, and now so many do.
    pub fn running(&mut self, brief: &Brief, count: u32) {
        let day = self.day(brief.at);
        if count > day.peak {
            (day.peak, day.peak_position) = (count, brief.position);
        }
    }

    /// Running time, cut at midnight.
    pub fn used(&mut self, stretch: &Stretch) {
        let last = stretch.until.saturating_sub(1).div_euclid(DAY_MICROS);
        let first = stretch.from.div_euclid(DAY_MICROS);
        if first == last {
            self.numbered(first).usage.sandboxes += stretch.usage();
            return;
        }
        for number in first..=last {
            let start = number.saturating_mul(DAY_MICROS);
            let span = Span::new(stretch.from, stretch.until)
                .within(Span::new(start, start.saturating_add(DAY_MICROS)));
            let part = Stretch { from: span.from, until: span.until, ..*stretch };
            self.numbered(number).usage.sandboxes += part.usage();
        }
    }

    fn day(&mut self, at: i64) -> &mut Day {
        self.numbered(at.div_euclid(DAY_MICROS))
    }

    /// Mostly the last one.
    fn numbered(&mut self, number: i64) -> &mut Day {
        let place = match self.days.last() {
            Some(last) if last.number == number => self.days.len() - 1,
            _ => match self.days.binary_search_by_key(&number, |day| day.number) {
                Ok(place) => place,
                Err(place) => {
                    self.days.insert(place, Day { number, ..Day::default() });
                    place
                }
            },
        };
        &mut self.days[place]
    }
}

impl Day {
    fn slow(&mut self, micros: u64, position: u64) {
        if self.slowest.len() == EVIDENCE_MAX && self.slowest.last().is_some_and(|last| last.0 >= micros) {
            return;
        }
        let place = self.slowest.partition_point(|(other, _)| *other >= micros);
        self.slowest.insert(place, (micros, position));
        self.slowest.truncate(EVIDENCE_MAX);
    }
}

fn keep_last(positions: &mut Vec<u64>, position: u64) {
    if positions.len() == EVIDENCE_MAX {
        positions.remove(0);
    }
    positions.push(position);
}

impl Stretch {
    /// What was used.
    pub fn usage(&self) -> ResourceTime {
        let running_micros = u128::from(self.until.abs_diff(self.from));
        ResourceTime {
            running_micros,
            vcpu_micros: running_micros * u128::from(self.vcpu),
            mib_micros: running_micros * u128::from(self.memory_mb),
        }
    }
}
