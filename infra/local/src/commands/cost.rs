//! `gitledger cost`: what it cost, whose it was, and how the budgets stand.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::ValueEnum;
use clap::builder::PossibleValuesParser;
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use gitledger_functions::Settings;
use gitledger_functions::costs::{self, Question, Told, Window};
use gitledger_functions::spending::Spending;
use gitledger_ledger::Ledger;
use gitledger_operations::check::text::printable_tail;
use gitledger_projections::cost::{By, CostLine, NanoDollars, Prices, Standing};
use jiff::Timestamp;
use serde_json::json;

use super::{Finished, ledger_file};
use crate::replay::prices::Table as PriceTable;

/// Shows what it cost: sandboxes' time, idle time included, divided so that the parts add up to the whole.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  gitledger cost\n  gitledger cost --by repo --from 2026-11-01 --to 2026-12-01\n  gitledger cost --period month --by day\n  gitledger cost --by task --csv > tasks.csv\n  gitledger cost --budgets\n  gitledger cost --prices-example > prices.toml; gitledger cost --prices prices.toml"
)]
#[allow(clippy::struct_excessive_bools)] // switches
pub struct Arguments {
    /// How it is divided.
    #[arg(long, default_value = "agent", value_parser = PossibleValuesParser::new(By::ALL.map(By::name)))]
    by: String,
    /// Only from this day (UTC) or instant on: 2026-11-01, 2026-11-22T10:00:00Z.
    #[arg(long)]
    from: Option<String>,
    /// Only before this day (UTC) or instant.
    #[arg(long)]
    to: Option<String>,
    /// The last hour or day, or this month, as the metric `estimated_cost_dollars` has it.
    #[arg(long, value_enum, conflicts_with_all = ["from", "to"])]
    period: Option<Period>,
    /// Counts what is running up to this instant; now, if not given.
    #[arg(long)]
    at: Option<String>,
    /// The price list to use instead of those that the price file uses; more than once: added up.
    #[arg(long)]
    list: Vec<String>,
    /// A price list by name, `original-flat`, or a price file; else what `GITLEDGER_PRICES` names, or `prices.toml`
    /// in the data directory, if it is there.
    #[arg(long, value_name = "NAME|FILE")]
    prices: Option<String>,
    /// Prints the price file that is built in, to be copied and edited.
    #[arg(long)]
    prices_example: bool,
    /// Shows how the budgets of the policies' file stand.
    #[arg(long)]
    budgets: bool,
    /// One JSON document; money in billionths of a dollar.
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Comma-separated values, one line per part.
    #[arg(long)]
    csv: bool,
    /// How many lines the table has; the rest is one line. 0: all of them.
    #[arg(long, default_value_t = 40)]
    top: usize,
    /// Where the ledger is kept.
    #[arg(long, env = "GITLEDGER_DATA", default_value = ".gitledger")]
    data: PathBuf,
}

/// A window that ends now.
#[derive(Clone, Copy, ValueEnum)]
enum Period {
    Hour,
    Day,
    Month,
}

/// Runs the command.
pub async fn run(arguments: Arguments) -> Finished {
    if arguments.prices_example {
        return print(gitledger_projections::cost::prices::STANDARD);
    }
    let mut settings = Settings::from_env().map_err(|error| error.to_string())?;
    settings.data_dir.clone_from(&arguments.data);
    let mut prices = settings.prices().map_err(|error| error.to_string())?;
    if let Some(asked) = &arguments.prices {
        prices = PriceTable::named(asked, &prices)?.prices().clone();
    }
    if !arguments.list.is_empty() {
        prices = prices.using(&arguments.list).map_err(|error| format!("--list: {error}"))?;
    }
    let at = arguments.at.as_deref().map(|text| costs::instant("--at", text)).transpose();
    let now = at.map_err(|error| error.to_string())?.unwrap_or_else(Timestamp::now);
    let ledger = ledger_file::open(&arguments.data)?;
    if arguments.budgets {
        return budgets(&arguments, &settings, ledger, prices, now).await;
    }
    let question = Question {
        by: By::ALL.into_iter().find(|by| by.name() == arguments.by),
        from: arguments.from.clone(),
        to: arguments.to.clone(),
        period: arguments.period.map(|period| match period {
            Period::Hour => Window::Hour,
            Period::Day => Window::Day,
            Period::Month => Window::Month,
        }),
    };
    let told =
        costs::tell(ledger.as_ref(), &prices, &question, now).await.map_err(|error| error.to_string())?;
    if arguments.json {
        return print(&format!("{}\n", json!(told)));
    }
    print(&if arguments.csv { csv(&told) } else { page(&told, arguments.top) })
}

async fn budgets(
    arguments: &Arguments,
    settings: &Settings,
    ledger: Arc<dyn Ledger>,
    prices: Prices,
    now: Timestamp,
) -> Finished {
    let rules = settings.policies().map_err(|error| error.to_string())?.budget;
    let count = rules.len();
    let spending = Spending::load(ledger, rules, prices).await.map_err(|error| error.to_string())?;
    let standings = spending.standings(now).await.map_err(|error| error.to_string())?;
    if arguments.json {
        return print(&format!("{}\n", json!({"at": now, "budgets": standings})));
    }
    if count == 0 {
        return print("There are no budgets; see \"Budgets\" in the README.\n");
    }
    print(&budget_table(&standings))
}

fn budget_table(standings: &[Standing]) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(["budget", "whose", "spent", "of", "", "", "state", "begins anew"]);
    for standing in standings {
        let used = standing.used();
        let whose = if standing.name.is_empty() { "everything" } else { &standing.name };
        let stops = if standing.stop { ", stops" } else { "" };
        table.add_row([
            format!("budget[{}]", standing.budget),
            printable_tail(whose, usize::MAX),
            format!("{:.6}", standing.spent_nano_dollars),
            format!("{} a {}", limit(standing.limit_nano_dollars), word(&standing.per)),
            format!("{:.1} %", used * 100.0),
            bar(used.min(1.0)),
            format!("{}{stops}", word(&standing.state)),
            standing.renewed_at.strftime("%Y-%m-%d").to_string(),
        ]);
    }
    aligned(table, &[2, 3, 4])
}

/// Whole cents as such.
fn limit(amount: NanoDollars) -> String {
    if amount.as_u64().is_multiple_of(10_000_000) { format!("{amount:.2}") } else { amount.to_string() }
}

/// What an enumeration's value is called on the wire.
fn word(value: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).ok();
    value.and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

fn page(told: &Told, top: usize) -> String {
    let report = &told.report;
    let mut table = Table::new();
    table.load_style(NOTHING).set_header([
        told.report.by.name(),
        "cost",
        "",
        "",
        "sandbox time",
        "operations",
    ]);
    let shown = if top == 0 { report.lines.len() } else { top };
    for line in report.lines.iter().take(shown) {
        table.add_row(row(line, &line.name, report.total));
    }
    if let Some(rest) = rest(report.lines.get(shown..).unwrap_or_default()) {
        table.add_row(row(&rest, &rest.name, report.total));
    }
    table.add_row(row(&sum(&report.lines, report.total), "total", report.total));
    let since = told.from.map_or_else(|| "the beginning".to_owned(), |from| from.to_string());
    let until = told.to.unwrap_or(told.at);
    let estimate = &told.estimate;
    format!(
        "{}\nFrom {since} to {until}, by {}.\nThe last hour {:.6}, the last day {:.6}, this month at that rate {:.6}.\n",
        aligned(table, &[1, 2, 4, 5]),
        told.lists.join(" + "),
        estimate.hourly,
        estimate.daily,
        estimate.monthly
    )
}

fn row(line: &CostLine, name: &str, total: NanoDollars) -> [String; 6] {
    let share =
        if total == NanoDollars::ZERO { 0.0 } else { line.cost.as_dollars_f64() / total.as_dollars_f64() };
    let bar = if name == "total" { String::new() } else { bar(share) };
    let share = if name == "total" { String::new() } else { format!("{:.1} %", share * 100.0) };
    [
        printable_tail(name, usize::MAX),
        // All nine decimals, so that whoever adds up the lines gets the total.
        format!("{:.9}", line.cost),
        share,
        bar,
        duration(line.sandbox_micros),
        line.operations.to_string(),
    ]
}

/// What is not shown, in one line.
fn rest(lines: &[CostLine]) -> Option<CostLine> {
    let cost = lines.iter().map(|line| line.cost).sum();
    (!lines.is_empty()).then(|| CostLine { name: format!("{} more", lines.len()), ..sum(lines, cost) })
}

fn sum(lines: &[CostLine], cost: NanoDollars) -> CostLine {
    CostLine {
        name: String::new(),
        cost,
        sandbox_micros: lines.iter().map(|line| line.sandbox_micros).sum(),
        operations: lines.iter().map(|line| line.operations).sum(),
    }
}

/// Twenty cells, in eighths.
fn bar(share: f64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // 0 to 160
    let eighths = (share.clamp(0.0, 1.0) * 160.0).round() as usize;
    format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8])
}

fn duration(micros: u64) -> String {
    let seconds = micros / 1_000_000;
    match seconds {
        0..60 => format!("{seconds}.{:03} s", micros / 1000 % 1000),
        60..3600 => format!("{} m {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} m", seconds / 3600, seconds / 60 % 60),
    }
}

fn aligned(mut table: Table, right: &[usize]) -> String {
    for column in right {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string().lines().flat_map(|line| [line.trim_end(), "\n"]).collect()
}

/// One line per part; money in whole billionths of a dollar, so that a sum is exact.
fn csv(told: &Told) -> String {
    let by = told.report.by.name();
    let mut text = format!("{by},nano_dollars,sandbox_microseconds,operations\n");
    for line in &told.report.lines {
        let quoted = format!("\"{}\"", printable_tail(&line.name, usize::MAX).replace('"', "\"\""));
        let row = [
            quoted,
            line.cost.as_u64().to_string(),
            line.sandbox_micros.to_string(),
            line.operations.to_string(),
        ];
        text.push_str(&row.join(","));
        text.push('\n');
    }
    text
}

/// A reader that goes away (`| head`) is no failure.
#[allow(clippy::unnecessary_wraps)] // every way through the command ends so
fn print(text: &str) -> Finished {
    use std::io::Write;
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_share() {
        assert_eq!((bar(0.0), bar(0.5), bar(2.0)), (String::new(), "█".repeat(10), "█".repeat(20)));
        assert_eq!(bar(0.03), "▋");
        assert_eq!(
            (duration(1_250_000), duration(61_000_000), duration(7_260_000_000)),
            ("1.250 s".to_owned(), "1 m 01 s".to_owned(), "2 h 01 m".to_owned())
        );
    }
}
