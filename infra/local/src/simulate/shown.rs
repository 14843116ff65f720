//! A simulation for people, and as JSON.

use gitledger_projections::simulation::picture::words;
use gitledger_projections::simulation::{Outcome, Point, Setting, Workload};
use serde_json::{Value, json};

use crate::replay::prices::Table;
use crate::replay::shown::{grid, hours, millis, right};

/// A workload in a line.
pub fn workload_line(workload: &Workload) -> String {
    format!("{} operations of {} agents in {}", workload.asks.len(), workload.agents(), span(workload.days()))
}

fn span(days: f64) -> String {
    if days >= 1.0 { format!("{days:.1} days") } else { format!("{:.1} minutes", days * 1440.0) }
}

/// One outcome as JSON.
pub fn json(workload: &Workload, setting: &Setting, outcome: &Outcome, prices: &[Table]) -> Value {
    json!({
        "workload": {"operations": workload.asks.len(), "agents": workload.agents(), "days": workload.days()},
        "setting": setting.brief(),
        "seed": setting.seed,
        "figures": outcome.figures(),
        "cost": costs(outcome, prices),
    })
}

fn costs(outcome: &Outcome, prices: &[Table]) -> Vec<Value> {
    let cost = |price: &Table| {
        let (total, monthly) = (price.of(outcome.usage), price.of(outcome.monthly()));
        json!({"price": price.name, "nano_dollars": total, "monthly_nano_dollars": monthly,
               "monthly_dollars": monthly.as_dollars_f64()})
    };
    prices.iter().map(cost).collect()
}

/// One outcome for a terminal.
pub fn text(workload: &Workload, setting: &Setting, outcome: &Outcome, prices: &[Table]) -> String {
    let figures = outcome.figures();
    let brief = setting.brief();
    let ratio = figures.hit_ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{:.1} %", ratio * 100.0));
    let [ready, paused, warm, new] = figures.leases;
    let times = &figures.durations;
    let waits = &figures.sandbox_waits;
    let mut page = vec![
        workload_line(workload),
        format!(
            "policy      ttl {} s, pause after {} s, pool {}, reuse {}; {} vCPU, {} MiB; at most {} at once",
            brief.ttl_s,
            brief.pause_after_s,
            brief.pool,
            format!("{:?}", brief.reuse).to_lowercase(),
            brief.vcpu,
            brief.memory_mb,
            if brief.limit == 0 { "any number".to_owned() } else { brief.limit.to_string() },
        ),
        String::new(),
        format!(
            "operations  {}, failed {} (sandbox ended: {}, refused: {})",
            figures.operations, figures.failed, figures.sandbox_not_found, figures.sandbox_refused
        ),
        format!(
            "latency     p50 {} ms, p95 {} ms, p99 {} ms",
            millis(times.p50_us),
            millis(times.p95_us),
            millis(times.p99_us)
        ),
        format!(
            "sandboxes   {} made, {} at once at most, {} h; waited for p50 {} ms, p95 {} ms",
            figures.sandboxes_created,
            figures.peak,
            hours(outcome.usage.running_micros),
            millis(waits.p50_us),
            millis(waits.p95_us)
        ),
        format!("cache       {ratio} hits: {ready} ready, {paused} paused, {warm} warm; {new} misses"),
    ];
    for price in prices {
        let (total, monthly) = (price.of(outcome.usage), price.of(outcome.monthly()));
        let monthly = if too_early(workload) {
            "too early to tell a month's by".to_owned()
        } else {
            format!("{monthly:.2} a month of 30 days")
        };
        page.push(format!("cost        {total:.4} ({}), {monthly}", price.name));
    }
    page.join("\n")
}

/// Under an hour of work says nothing of a month, as in the report. Settings can be compared all the same.
fn too_early(workload: &Workload) -> bool {
    workload.days() * 24.0 < 1.0
}

/// A grid for a terminal: what nothing beats, and how much else there was. Settings that come to the same are one row.
pub fn frontier(workload: &Workload, points: &[Point], price: &Table) -> String {
    let mut table = grid(&[
        "ttl s", "pause s", "pool", "reuse", "a month", "p95 ms", "hits %", "at once", "failed", "alike",
    ]);
    let mut best: Vec<&Point> = points.iter().filter(|point| point.on_frontier).collect();
    let key = |point: &Point| (point.monthly, point.figures.durations.p95_us, point.figures.failed);
    best.sort_by_key(|point| key(point));
    let rows: Vec<&[&Point]> = best.chunk_by(|one, other| key(one) == key(other)).collect();
    for (point, alike) in rows.iter().filter_map(|alike| Some((alike.first()?, alike.len()))) {
        let setting = &point.setting;
        table.add_row([
            setting.ttl_s.to_string(),
            setting.pause_after_s.to_string(),
            setting.pool.to_string(),
            format!("{:?}", setting.reuse).to_lowercase(),
            format!("{:.2}", point.monthly),
            millis(point.figures.durations.p95_us),
            point.figures.hit_ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{:.1}", ratio * 100.0)),
            point.figures.peak.to_string(),
            point.figures.failed.to_string(),
            alike.to_string(),
        ]);
    }
    let note = if too_early(workload) {
        "\n\nUnder an hour of work: compare the settings, but do not take a month's cost from it."
    } else {
        ""
    };
    format!(
        "{}\n{} settings at {}; nothing beats these {}:\n\n{}{note}",
        workload_line(workload),
        points.len(),
        price.name,
        best.len(),
        right(table, 0)
    )
}

/// A grid as JSON.
pub fn frontier_json(workload: &Workload, points: &[Point], price: &Table) -> Value {
    let best: Vec<String> = points.iter().filter(|point| point.on_frontier).map(words).collect();
    json!({
        "workload": {"operations": workload.asks.len(), "agents": workload.agents(), "days": workload.days()},
        "price": price.name,
        "points": points,
        "frontier": best,
    })
}
