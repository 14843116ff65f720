//! What a window cost, by agent and by operation; each list adds up exactly to the whole.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Timeline, Window};
use crate::bounded::OTHER;
use crate::cost::attribution::UNKNOWN_AGENT;
use crate::cost::exact::apportion;
use crate::cost::{Exact, NanoDollars, Prices, Usage};
use crate::running::Span;

/// So many lines a list has; the rest is `other`.
const LINES_MAX: usize = 50;

/// The cost of the sandboxes' running time in a window, in billionths of a dollar.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CostTable {
    /// All of it.
    pub total_nano: NanoDollars,
    /// The price lists that were added up.
    pub prices: Vec<String>,
    /// By agent, the dearest first.
    pub agents: Vec<CostLine>,
    /// By operation, the dearest first; `idle` is what nobody has used.
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
    exact: Exact,
    running_micros: u128,
    ended: u64,
    failed: u64,
}

impl Timeline {
    /// The cost of a window.
    pub fn cost(&self, window: &Window, prices: &Prices, now: Timestamp) -> CostTable {
        let span = Span::new(window.from(), window.until());
        let mut agents: BTreeMap<String, Part> = BTreeMap::new();
        let mut operations: BTreeMap<String, Part> = BTreeMap::new();
        let mut total = Exact::ZERO;
        self.runs.within(span, now, &self.names, &mut |agent, operation, day, usage| {
            let exact = prices.exact(day, &Usage::from(usage));
            total += exact;
            for (parts, name) in [(&mut agents, agent), (&mut operations, operation)] {
                let part = part_of(parts, name);
                part.exact += exact;
                part.running_micros += usage.running_micros;
            }
        });
        for row in self.rows.iter().filter(|row| row.end.is_some_and(|end| window.contains(end.at))) {
            let agent = if row.agent.is_some() { self.names.word(row.agent) } else { UNKNOWN_AGENT };
            for (parts, name) in [(&mut agents, agent), (&mut operations, self.names.word(row.name))] {
                let part = part_of(parts, name);
                part.ended += 1;
                part.failed += u64::from(row.failed());
            }
        }
        CostTable {
            total_nano: total.rounded(),
            prices: prices.used().to_vec(),
            agents: lines(agents),
            operations: lines(operations),
        }
    }

    /// What an operation's time in its sandbox cost, its share of the idle time included.
    pub fn cost_of(&self, id: Uuid, prices: &Prices, now: Timestamp) -> NanoDollars {
        let mut exact = Exact::ZERO;
        if let Some(row) = self.row(id) {
            let sandbox = row.sandbox.as_deref().unwrap_or_default();
            self.runs.of_operation(id, sandbox, now, &mut |day, usage| exact += prices.exact(day, usage));
        }
        exact.rounded()
    }
}

fn part_of<'p>(parts: &'p mut BTreeMap<String, Part>, name: &str) -> &'p mut Part {
    parts.entry(name.to_owned()).or_default()
}

/// The dearest first; their costs add up to the whole, however they are rounded.
fn lines(parts: BTreeMap<String, Part>) -> Vec<CostLine> {
    let exact: Vec<Exact> = parts.values().map(|part| part.exact).collect();
    let line = |((name, part), cost): ((String, Part), NanoDollars)| part.line(name, cost);
    let mut lines: Vec<CostLine> = parts.into_iter().zip(apportion(&exact)).map(line).collect();
    lines.sort_by(|one, next| {
        (next.cost_nano, next.ended).cmp(&(one.cost_nano, one.ended)).then_with(|| one.name.cmp(&next.name))
    });
    let rest = lines.split_off(lines.len().min(LINES_MAX));
    if !rest.is_empty() {
        let none = CostLine { name: OTHER.to_owned(), ..CostLine::default() };
        lines.push(rest.iter().fold(none, CostLine::plus));
    }
    lines
}

impl Part {
    #[allow(clippy::cast_precision_loss)] // for display
    fn line(self, name: String, cost_nano: NanoDollars) -> CostLine {
        let running_s = self.running_micros as f64 / 1e6;
        CostLine { name, cost_nano, running_s, ended: self.ended, failed: self.failed }
    }
}

impl CostLine {
    fn plus(self, other: &Self) -> Self {
        Self {
            cost_nano: self.cost_nano + other.cost_nano,
            running_s: self.running_s + other.running_s,
            ended: self.ended + other.ended,
            failed: self.failed + other.failed,
            name: self.name,
        }
    }
}
