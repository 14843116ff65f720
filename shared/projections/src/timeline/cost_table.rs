//! What a window cost, by agent and by operation; each list adds up exactly to the whole.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::names::Name;
use super::{Timeline, Window};
use crate::bounded::OTHER;
use crate::cost::attribution::UNKNOWN_AGENT;
use crate::cost::{NanoDollars, Price, ResourceTime};
use crate::running::Span;

/// So many lines a list has; the rest is `other`.
const LINES_MAX: usize = 50;

/// The cost of the sandboxes' running time in a window, in billionths of a dollar.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CostTable {
    /// All of it.
    pub total_nano: NanoDollars,
    /// Which price table.
    pub price: String,
    /// By agent, the dearest first.
    pub agents: Vec<CostLine>,
    /// By operation, the dearest first; `idle` is the time between leases.
    pub operations: Vec<CostLine>,
}

/// What one of them cost, and did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CostLine {
    /// Which agent or operation.
    pub name: String,
    /// Its part of the total.
    pub cost_nano: NanoDollars,
    /// How long its sandboxes ran, in seconds.
    pub running_s: f64,
    /// Operations that ended in the window.
    pub ended: u64,
    /// Of them, those that failed.
    pub failed: u64,
}

#[derive(Clone, Copy, Default)]
struct Part {
    usage: ResourceTime,
    ended: u64,
    failed: u64,
}

impl Timeline {
    /// The cost of a window.
    pub fn cost(&self, window: &Window, price: &Price, now: Timestamp) -> CostTable {
        let span = Span::new(window.from(), window.until());
        let mut agents: HashMap<Name, Part> = HashMap::new();
        let mut operations: HashMap<Name, Part> = HashMap::new();
        let mut total = ResourceTime::ZERO;
        for stretch in self.stretches.all(now, &self.names) {
            let usage = stretch.usage_within(span);
            if usage.running_micros > 0 {
                total += usage;
                agents.entry(stretch.agent).or_default().usage += usage;
                operations.entry(stretch.operation).or_default().usage += usage;
            }
        }
        for row in &self.rows {
            if row.end.is_none_or(|end| !window.contains(end.at)) {
                continue;
            }
            let agent = if row.agent.is_some() {
                row.agent
            } else {
                self.names.find(UNKNOWN_AGENT).unwrap_or_default()
            };
            for part in [agents.entry(agent).or_default(), operations.entry(row.name).or_default()] {
                part.ended += 1;
                part.failed += u64::from(row.failed());
            }
        }
        let total_nano = price.of(total);
        CostTable {
            total_nano,
            price: price.list.clone(),
            agents: self.lines(agents, total_nano, price),
            operations: self.lines(operations, total_nano, price),
        }
    }

    /// What the time cost in which an operation held its sandbox.
    pub fn cost_of(&self, id: Uuid, price: &Price, now: Timestamp) -> NanoDollars {
        let held = self.stretches.all(now, &self.names).filter(|stretch| stretch.operation_id == Some(id));
        price.of(held.map(|stretch| stretch.usage_within(stretch.span)).sum::<ResourceTime>())
    }

    fn lines(&self, parts: HashMap<Name, Part>, total: NanoDollars, price: &Price) -> Vec<CostLine> {
        // Two numbers can stand for one word: nobody is `unknown`.
        let mut named: BTreeMap<&str, Part> = BTreeMap::new();
        for (name, part) in parts {
            let word = self.names.word(name);
            let sum = named.entry(if word.is_empty() { UNKNOWN_AGENT } else { word }).or_default();
            *sum = sum.plus(part);
        }
        let mut ranked: Vec<(&str, Part)> = named.into_iter().collect();
        ranked.sort_by_key(|(_, part)| std::cmp::Reverse((price.of(part.usage), part.ended)));
        let rest = ranked.split_off(ranked.len().min(LINES_MAX));
        if !rest.is_empty() {
            ranked.push((OTHER, rest.into_iter().fold(Part::default(), |sum, (_, part)| sum.plus(part))));
        }
        let mut lines: Vec<CostLine> =
            ranked.into_iter().map(|(name, part)| part.line(name, price)).collect();
        // Each is rounded by itself: the largest takes what the roundings leave.
        let sum: NanoDollars = lines.iter().map(|line| line.cost_nano).sum();
        if let Some(largest) = lines.iter_mut().max_by_key(|line| line.cost_nano) {
            largest.cost_nano = (largest.cost_nano + total).saturating_sub(sum);
        }
        lines
    }
}

impl Part {
    fn plus(self, other: Self) -> Self {
        Self {
            usage: self.usage + other.usage,
            ended: self.ended + other.ended,
            failed: self.failed + other.failed,
        }
    }

    #[allow(clippy::cast_precision_loss)] // for display
    fn line(self, name: &str, price: &Price) -> CostLine {
        CostLine {
            name: name.to_owned(),
            cost_nano: price.of(self.usage),
            running_s: self.usage.running_micros as f64 / 1e6,
            ended: self.ended,
            failed: self.failed,
        }
    }
}
