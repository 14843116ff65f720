//! What the page must say, counted from `gitledger events --json` in the plainest way.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

/// The events, by what is asked of them.
pub struct Truth<'e> {
    events: &'e [Value],
}

impl<'e> Truth<'e> {
    /// Of all these.
    pub fn of(events: &'e [Value]) -> Self {
        Self { events }
    }

    fn named(&self, name: &str) -> impl Iterator<Item = &'e Value> {
        let wanted = format!("gitledger.{name}");
        self.events.iter().filter(move |event| event["type"] == wanted.as_str())
    }

    fn ended(&self) -> impl Iterator<Item = &'e Value> {
        ["OperationSucceeded", "OperationFailed", "OperationAbandoned"]
            .into_iter()
            .flat_map(|name| self.named(name))
    }

    /// How many events there are of this type.
    pub fn count(&self, name: &str) -> usize {
        self.named(name).count()
    }

    /// How many operations ended, by name.
    pub fn by_operation(&self) -> BTreeMap<String, u64> {
        counted(self.ended().map(|event| text(&event["operation"])))
    }

    /// How many operations ended, by agent.
    pub fn by_agent(&self) -> BTreeMap<String, u64> {
        counted(self.ended().map(|event| text(&event["agentid"])))
    }

    /// How many failed, by coarse type.
    pub fn by_error(&self) -> BTreeMap<String, u64> {
        counted(self.named("OperationFailed").map(|event| text(&event["data"]["error_type"])))
    }

    /// Leases that found a sandbox, and those that had one made.
    pub fn cache(&self) -> (usize, usize) {
        let found = |reuse: &[&str]| {
            self.named("SandboxLeased")
                .filter(|event| reuse.contains(&text(&event["data"]["reuse"]).as_str()))
                .count()
        };
        (found(&["ready", "paused", "warm"]), found(&["new"]))
    }

    /// The 95th percentile of what did any work, in milliseconds, of one operation or of all.
    pub fn p95_ms(&self, operation: Option<&str>) -> f64 {
        let worked = |event: &&Value| {
            let data = &event["data"];
            event["type"] == "gitledger.OperationSucceeded"
                || data["git_ms"].as_f64() > Some(0.0)
                || data["sandbox_wait_ms"].as_f64() > Some(0.0)
        };
        let of = self
            .ended()
            .filter(|event| operation.is_none_or(|name| event["operation"] == name))
            .filter(worked);
        let mut all: Vec<f64> = of.filter_map(|event| event["data"]["duration_ms"].as_f64()).collect();
        all.sort_by(f64::total_cmp);
        all[(all.len() * 95).div_ceil(100) - 1]
    }

    /// What the sandboxes cost that have all ended, in dollars by E2B's list price.
    pub fn dollars(&self) -> f64 {
        self.named("SandboxCreated")
            .map(|created| {
                let of_it = |event: &&Value| event["subject"] == created["subject"];
                let ended = self.named("SandboxKilled").find(of_it).expect("it was killed");
                let paused = self.named("SandboxPaused").find(of_it);
                assert!(paused.is_none(), "pauses are not counted here");
                let seconds = at(ended).duration_since(at(created)).as_secs_f64();
                let (vcpu, memory) = (&created["data"]["vcpu"], &created["data"]["memory_mb"]);
                let (vcpu, gib) =
                    (vcpu.as_f64().expect("a number"), memory.as_f64().expect("a number") / 1024.0);
                seconds * (vcpu * 0.000_014 + gib * 0.000_004_5)
            })
            .sum()
    }
}

fn at(event: &Value) -> Timestamp {
    text(&event["time"]).parse().expect("an instant")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn counted(words: impl Iterator<Item = String>) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    words.for_each(|word| *counts.entry(word).or_default() += 1);
    counts
}

/// A shown duration in milliseconds.
pub fn millis(shown: &str) -> f64 {
    let (number, unit) = shown.split_once(' ').unwrap_or_else(|| panic!("{shown:?} is no duration"));
    let number: f64 = number.parse().unwrap_or_else(|_| panic!("{shown:?} is no duration"));
    if unit == "s" { number * 1000.0 } else { number }
}

/// A shown number.
pub fn number(shown: &Value) -> u64 {
    let digits: String = shown.as_str().unwrap_or_default().chars().filter(|digit| *digit != ',').collect();
    digits.parse().unwrap_or_else(|_| panic!("{shown} is no number"))
}
