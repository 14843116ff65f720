//! The report for a terminal.

use gitledger_projections::report::{Alternative, CriterionReport, Report, Trend};
use gitledger_projections::verdict::{Criterion, Unit};

use crate::replay::shown::{grid, right};

/// A value in its unit.
pub fn value(value: Option<f64>, unit: Unit) -> String {
    let Some(value) = value else { return "-".to_owned() };
    match unit {
        Unit::Seconds => format!("{value:.2} s"),
        Unit::Ratio => format!("{:.1} %", value * 100.0),
        Unit::Dollars => format!("${value:.2}"),
        Unit::Count => format!("{value:.0}"),
    }
}

/// A word for where it goes.
pub fn trend(trend: Trend) -> &'static str {
    match trend {
        Trend::Rising => "rising",
        Trend::Falling => "falling",
        Trend::Steady => "steady",
        Trend::Unknown => "one week only",
    }
}

/// Between what it lies, and how that was found.
pub fn interval(report: &CriterionReport) -> String {
    let unit = report.criterion.unit;
    report.interval.as_ref().map_or_else(
        || "-".to_owned(),
        |found| {
            format!(
                "{} to {} ({})",
                value(Some(found.low), unit),
                value(Some(found.high), unit),
                found.method
            )
        },
    )
}

/// A way to go on in a line.
pub fn alternative(option: &Alternative) -> String {
    let change = if option.change.is_empty() { "the policy in force" } else { &option.change };
    let exceeds = if option.exceeds.is_empty() {
        "exceeds nothing".to_owned()
    } else {
        format!("exceeds {}", option.exceeds.join(", "))
    };
    format!(
        "{change}: {} a month, P95 {}, errors {}, misses {}, {} at once; {exceeds}",
        value(Some(option.monthly_dollars), Unit::Dollars),
        value(option.p95_s, Unit::Seconds),
        value(option.error_ratio, Unit::Ratio),
        value(option.miss_ratio, Unit::Ratio),
        option.sandboxes_at_once
    )
}

/// The verdict in a sentence.
pub fn verdict(report: &Report) -> String {
    let exceeded: Vec<&str> = report
        .criteria
        .iter()
        .filter(|one| one.criterion.exceeded)
        .map(|one| one.criterion.title.as_str())
        .collect();
    if exceeded.is_empty() {
        return "Stay: no criterion for leaving hosted sandboxes is exceeded.".to_owned();
    }
    let cured = report.criteria.iter().filter(|one| one.criterion.exceeded).all(|one| one.remedy.is_some());
    let way = if cured {
        "a change of the policy would bring each of them back"
    } else {
        "no change of the policy brings all of them back"
    };
    format!(
        "{} of 5 criteria for leaving hosted sandboxes exceeded: {}; {way}.",
        exceeded.len(),
        exceeded.join(", ")
    )
}

/// The whole page.
pub fn page(report: &Report) -> String {
    let mut page = vec![
        verdict(report),
        format!(
            "{} operations in {} from {}, up to position {} ({})",
            report.operations,
            days(report.days),
            report.from,
            report.position,
            report.at
        ),
        String::new(),
        table(report),
    ];
    for one in &report.criteria {
        page.push(format!("\n{}", one.criterion.title));
        let weeks =
            one.weeks.iter().map(|week| format!("{} {}", week.from, value(week.value, one.criterion.unit)));
        page.push(format!("  weeks     {}", weeks.collect::<Vec<_>>().join(", ")));
        for event in &one.evidence {
            page.push(format!("  event     {}: {}; {}", event.position, event.why, event.command));
        }
        if one.criterion.exceeded {
            let way =
                one.remedy.as_ref().map_or_else(|| "none of the policies tried".to_owned(), alternative);
            page.push(format!("  remedy    {way}"));
        }
        page.push(format!("  query     {}", one.query));
    }
    page.push(String::new());
    page.extend(phases(report));
    page.push(String::new());
    page.extend(advice(report));
    page.join("\n")
}

fn table(report: &Report) -> String {
    let mut table = grid(&["criterion", "value", "threshold", "", "trend", "between"]);
    for one in &report.criteria {
        let criterion = &one.criterion;
        table.add_row([
            criterion.title.clone(),
            value(criterion.value, criterion.unit),
            format!("> {}", value(Some(criterion.threshold), criterion.unit)),
            if criterion.exceeded { state(criterion).to_uppercase() } else { state(criterion).to_owned() },
            trend(one.trend).to_owned(),
            interval(one),
        ]);
    }
    right(table, usize::MAX)
}

/// What a criterion says.
pub fn state(criterion: &Criterion) -> &'static str {
    match criterion {
        Criterion { exceeded: true, .. } => "exceeded",
        Criterion { value: None, .. } => "too early",
        _ => "ok",
    }
}

/// So many days, in words.
pub fn days(count: i64) -> String {
    if count == 1 { "1 day".to_owned() } else { format!("{count} days") }
}

/// The two phases, line by line.
pub fn phases(report: &Report) -> Vec<String> {
    let (baseline, patterns) = (&report.phases.baseline, &report.phases.patterns);
    let state = |complete| if complete { "complete" } else { "under way" };
    let counted = |all: &[(String, u64)]| {
        all.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
    };
    let query = |command: &String| format!("  query     {command}");
    let mut lines = vec![
        format!(
            "Phase 1, baseline ({}; {} of 14 days from {})",
            state(baseline.complete),
            baseline.days,
            baseline.from
        ),
        format!(
            "  {:.1} operations a day, P50 {}, P95 {}, errors {}, misses {}, {} a day, {} at once",
            baseline.operations_a_day,
            value(baseline.p50_s, Unit::Seconds),
            value(baseline.p95_s, Unit::Seconds),
            value(baseline.error_ratio, Unit::Ratio),
            value(baseline.miss_ratio, Unit::Ratio),
            value(Some(baseline.dollars_a_day), Unit::Dollars),
            baseline.sandboxes_at_once
        ),
    ];
    lines.extend(baseline.queries.iter().map(query));
    lines.extend([
        format!("Phase 2, patterns ({})", state(patterns.complete)),
        format!(
            "  busiest hour {:02}:00 UTC with {}; {} agents: {}; failures: {}; {}",
            patterns.busiest_hour,
            value(Some(patterns.busiest_share), Unit::Ratio),
            patterns.agent_count,
            counted(&patterns.agents),
            if patterns.failures.is_empty() { "none".to_owned() } else { counted(&patterns.failures) },
            patterns.growth.map_or_else(
                || "nothing yet to hold beside the baseline".to_owned(),
                |growth| format!("{growth:.2} times the baseline's operations a day")
            )
        ),
        query(&patterns.query),
    ]);
    lines
}

/// What else could be done, line by line.
pub fn advice(report: &Report) -> Vec<String> {
    let advice = &report.advice;
    let mut lines = vec![format!("What else ({} policies simulated; {})", advice.tried, advice.query)];
    if let Some(option) = &advice.in_force {
        lines.push(format!("  now          {}", alternative(option)));
    }
    match &advice.recommended {
        Some(option) => {
            lines.push(format!("  recommended  {}", alternative(option)));
            lines.push(format!(
                "  saving       {} a month",
                value(Some(advice.saving_dollars), Unit::Dollars)
            ));
        }
        None => lines.push("  recommended  the policy in force".to_owned()),
    }
    let own = &advice.self_hosted;
    lines.push(format!(
        "  self-hosted  {} machine(s) of {} vCPU, {} MiB at {} each: {} a month, {}; nobody's time is in it",
        own.machines,
        own.machine.vcpu,
        own.machine.memory_mb,
        value(Some(own.machine.monthly_dollars), Unit::Dollars),
        value(Some(own.monthly_dollars), Unit::Dollars),
        if own.cheaper { "cheaper than now" } else { "dearer than now" }
    ));
    lines.extend(own.query.iter().map(|command| format!("  query        {command}")));
    lines
}
