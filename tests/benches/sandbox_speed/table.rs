//! Times, and the table they end in.

use std::time::Duration;

/// Many times of the same thing.
#[derive(Clone, Default)]
pub struct Times(Vec<Duration>);

impl Times {
    pub fn add(&mut self, time: Duration) {
        self.0.push(time);
        self.0.sort_unstable();
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// In milliseconds; 100 is the longest.
    pub fn percentile_ms(&self, percent: usize) -> f64 {
        let at = (self.0.len() * percent / 100).min(self.0.len() - 1);
        self.0[at].as_secs_f64() * 1000.0
    }

    pub fn median_ms(&self) -> f64 {
        self.percentile_ms(50)
    }
}

/// The lines so far; printed at the end, because what is measured prints too.
#[derive(Default)]
pub struct Table {
    lines: Vec<String>,
}

impl Table {
    /// Begins a part.
    pub fn part(&mut self, title: &str) {
        let columns = "     n   p50 ms   p95 ms   max ms";
        self.lines.push(format!("\n{title:<62}{columns}"));
    }

    pub fn row(&mut self, name: &str, times: &Times) {
        let at = |percent| times.percentile_ms(percent);
        let (count, p50, p95, max) = (times.len(), at(50), at(95), at(100));
        self.lines.push(format!("  {name:<60}{count:>6} {p50:>8.2} {p95:>8.2} {max:>8.2}"));
    }

    /// What follows from the rows above, beside what it is to be.
    pub fn verdict(&mut self, name: &str, value: f64, unit: &str, goal: &str, met: bool) {
        let judged = if met { "met" } else { "NOT met" };
        self.lines.push(format!("  = {name:<58}{value:>8.2} {unit:<5}  goal {goal}: {judged}"));
    }

    pub fn note(&mut self, text: &str) {
        self.lines.push(format!("  {text}"));
    }

    pub fn print(&self) {
        for line in &self.lines {
            println!("{line}");
        }
        if let Ok(load) = std::fs::read_to_string("/proc/loadavg") {
            println!("\nload averages at the end: {}", load.trim());
        }
    }
}
