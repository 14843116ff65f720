//! A replay for people: beside the live figures, operation by operation, day by day, and what it cost.

use std::collections::BTreeMap;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table as Grid};
use gitledger_projections::replay::Figures;
use gitledger_projections::replay::figures::{DayFigures, date};
use serde_json::{Value, json};

use super::live::{Live, Rebuilt};
use super::prices::Table;

/// Everything that a replay shows.
pub struct Shown<'a> {
    /// The figures.
    pub figures: &'a Figures,
    /// Their digest.
    pub digest: &'a str,
    /// The live figures; absent where the past is asked for.
    pub live: Option<&'a Live>,
    /// The projections made again.
    pub rebuilt: Option<&'a Rebuilt>,
    /// The price tables.
    pub prices: &'a [Table],
    /// How much was read from segments, how much from the ledger, how much was passed over.
    pub read: [u64; 3],
}

/// One line of the comparison.
struct Row {
    name: &'static str,
    live: Option<u64>,
    replayed: u64,
}

impl Shown<'_> {
    /// Whether everything that was compared is equal.
    pub fn agrees(&self) -> bool {
        self.rows().iter().all(|row| row.live.is_none_or(|live| live == row.replayed))
            && self.rebuilt.is_none_or(|rebuilt| rebuilt.saved == rebuilt.rebuilt)
    }

    fn rows(&self) -> Vec<Row> {
        let (all, live) = (self.figures, self.live);
        let operations = all.operations.values();
        let lease = |names: &[&str]| names.iter().filter_map(|name| all.leases.get(*name)).sum();
        let row = |name, of: fn(&Live) -> u64, replayed| Row { name, live: live.map(of), replayed };
        vec![
            row("operations begun", |live| live.started, operations.clone().map(|row| row.started).sum()),
            row("succeeded", |live| live.succeeded, operations.clone().map(|row| row.succeeded).sum()),
            row("failed", |live| live.failed, operations.map(|row| row.failed).sum()),
            row("cache hits", |live| live.hits, lease(&["ready", "paused", "warm"])),
            row("cache misses", |live| live.misses, lease(&["new"])),
            row("sandboxes made", |live| live.created, all.sandboxes.created),
            row("sandbox time, us", |live| live.sandbox_us, micros(all.usage.running_micros)),
        ]
    }

    /// As JSON.
    pub fn json(&self) -> Value {
        let rows = self.rows().into_iter().map(|row| {
            json!({"figure": row.name, "live": row.live, "replayed": row.replayed,
                   "difference": row.live.map(|live| i128::from(row.replayed) - i128::from(live))})
        });
        let cost = self.prices.iter().map(|price| {
            let total = price.figures(self.figures);
            let day = |(number, day): (&i64, &DayFigures)| (number.to_string(), price.day(*number, &day.cost_usage()).as_u64());
            let days: BTreeMap<String, u64> = self.figures.days.iter().map(day).collect();
            json!({"price": price.name, "nano_dollars": total, "dollars": total.as_dollars_f64(), "days": days})
        });
        json!({
            "digest": self.digest,
            "agrees": self.agrees(),
            "comparison": rows.collect::<Vec<_>>(),
            "projections": self.rebuilt,
            "cost": cost.collect::<Vec<_>>(),
            "read": {"segments": self.read[0], "ledger": self.read[1], "passed_over": self.read[2]},
            "figures": self.figures,
        })
    }

    /// For a terminal.
    pub fn text(&self) -> String {
        let figures = self.figures;
        let mut page = vec![
            format!("{} events to position {}, as of {}", figures.events, figures.position, figures.at),
            format!(
                "read: {} from segments, {} from the ledger; passed over: {}",
                self.read[0], self.read[1], self.read[2]
            ),
            String::new(),
            self.comparison(),
            String::new(),
            self.cost(),
            String::new(),
            operations(figures),
            String::new(),
            self.days(),
            String::new(),
            format!("digest  {}", self.digest),
        ];
        if let Some(rebuilt) = self.rebuilt {
            let equal = if rebuilt.saved == rebuilt.rebuilt { "equal" } else { "DIFFERENT" };
            page.push(format!("saved projections at {}: {equal} to those made again", rebuilt.position));
            page.push(format!("  saved {}\n  again {}", rebuilt.saved, rebuilt.rebuilt));
        }
        page.join("\n")
    }

    fn comparison(&self) -> String {
        let mut grid = grid(&["", "live", "replayed", "difference"]);
        for row in self.rows() {
            let live = row.live.map_or_else(|| "-".to_owned(), |live| live.to_string());
            let difference = row.live.map_or_else(
                || "-".to_owned(),
                |live| (i128::from(row.replayed) - i128::from(live)).to_string(),
            );
            grid.add_row([row.name.to_owned(), live, row.replayed.to_string(), difference]);
        }
        right(grid, 1)
    }

    fn cost(&self) -> String {
        let mut grid = grid(&["price", "sandbox hours", "cost"]);
        for price in self.prices {
            let cost = format!("{:.6}", price.figures(self.figures));
            grid.add_row([price.name.clone(), hours(self.figures.usage.running_micros), cost]);
        }
        right(grid, 1)
    }

    fn days(&self) -> String {
        let names: Vec<&str> = self.prices.iter().map(|price| price.name.as_str()).collect();
        let mut grid = grid(
            &[&["day", "operations", "failed", "p95 ms", "hits", "misses", "at once"], &names[..]].concat(),
        );
        for (number, day) in &self.figures.days {
            let mut cells = vec![
                date(*number),
                (day.succeeded + day.failed).to_string(),
                day.failed.to_string(),
                millis(day.durations.p95_us),
                day.hits.to_string(),
                day.misses.to_string(),
                day.peak.to_string(),
            ];
            cells.extend(
                self.prices.iter().map(|price| format!("{:.4}", price.day(*number, &day.cost_usage()))),
            );
            grid.add_row(cells);
        }
        right(grid, 1)
    }
}

fn operations(figures: &Figures) -> String {
    let mut grid = grid(&["operation", "begun", "ok", "failed", "p50 ms", "p95 ms", "p99 ms"]);
    for (name, row) in &figures.operations {
        let numbers = [row.started, row.succeeded, row.failed].map(|number| number.to_string());
        let times = [row.durations.p50_us, row.durations.p95_us, row.durations.p99_us].map(millis);
        grid.add_row(std::iter::once(name.clone()).chain(numbers).chain(times));
    }
    right(grid, 1)
}

/// A table without lines.
pub fn grid(header: &[&str]) -> Grid {
    let mut grid = Grid::new();
    grid.load_style(NOTHING).set_header(header.iter().copied());
    grid
}

/// The table as text, numbers to the right from a column on.
pub fn right(mut grid: Grid, from: usize) -> String {
    let count = grid.column_iter().count();
    for column in from..count {
        if let Some(column) = grid.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    grid.to_string().lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

/// Microseconds as milliseconds.
#[allow(clippy::cast_precision_loss)] // for display
pub fn millis(micros: u64) -> String {
    format!("{:.1}", micros as f64 / 1000.0)
}

/// Microseconds as hours.
#[allow(clippy::cast_precision_loss)] // for display
pub fn hours(micros: u128) -> String {
    format!("{:.3}", micros as f64 / 3.6e9)
}

fn micros(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
