//! `gitledger simulate`: the same operations under another policy.

use std::path::PathBuf;
use std::process::ExitCode;

use gitledger_projections::simulation::picture::svg;
use gitledger_projections::simulation::synthetic::Team;
use gitledger_projections::simulation::{Sweep, Workload, simulate};
use jiff::Timestamp;

use super::replay::until;
use super::{Finished, ledger_file, simulate_setting};
use crate::replay::Until;
use crate::replay::prices::Table;
use crate::simulate::{recorded, shown, sweep};

/// Runs the recorded operations again under another policy, platform, price or load, in no time and for nothing.
///
/// Who takes which sandbox, what is paused and what is ended is decided by the same code as in production. The same
/// seed gives the same outcome.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  gitledger simulate --ttl 8h --pool 2\n  gitledger simulate --sweep ttl=5m..8h,pool=0..10 --svg frontier.svg\n  gitledger simulate --workload seed-baseline --prices original-flat --prices e2b-list\n  gitledger simulate --scale 10x --create-latency p50=1s,p95=4s"
)]
pub struct Arguments {
    /// Where the ledger is kept.
    #[arg(long, env = "GITLEDGER_DATA", default_value = ".gitledger")]
    data: PathBuf,
    /// A made-up workload instead of the ledger's: seed-baseline, 10 agents with 20 operations a day.
    #[arg(long, value_name = "NAME")]
    workload: Option<String>,
    /// With --workload: so many days.
    #[arg(long, value_name = "NUMBER", requires = "workload")]
    days: Option<u32>,
    /// With --workload: so many operations of one agent a day.
    #[arg(long, value_name = "NUMBER", requires = "workload")]
    operations_a_day: Option<u32>,
    /// Only what was recorded from then on.
    #[arg(long, value_name = "INSTANT")]
    since: Option<Timestamp>,
    /// Only up to then: an instant or a position.
    #[arg(long, value_name = "INSTANT|POSITION", value_parser = until)]
    at: Option<Until>,
    /// So many agents, each new one a copy of one that there is.
    #[arg(long, value_name = "NUMBER", conflicts_with = "scale")]
    agents: Option<u32>,
    /// So many times the agents: `10x`.
    #[arg(long, value_name = "FACTOR", value_parser = factor)]
    scale: Option<f64>,
    #[command(flatten)]
    setting: simulate_setting::Arguments,
    /// A grid: `ttl=5m..2h,pool=0..10`; also pause, limit, vcpu, memory, and reuse=task|repo.
    #[arg(long, value_name = "GRID")]
    sweep: Option<Sweep>,
    /// With --sweep: the picture of it, as SVG, into this file.
    #[arg(long, value_name = "FILE", requires = "sweep")]
    svg: Option<PathBuf>,
    /// A price table: a list by name, `original-flat`, or a price file; may be given several times. A grid takes
    /// the first. Default: those in force, and the flat rate beside them.
    #[arg(long, value_name = "NAME|FILE")]
    prices: Vec<String>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub async fn run(arguments: Arguments) -> Finished {
    super::log_to_stderr();
    let prices = Table::all(&arguments.prices, &arguments.data)?;
    let setting = arguments.setting.setting(&arguments.data, arguments.workload.is_none())?;
    let workload = workload(&arguments, setting.seed).await?;
    let price = prices.first().cloned().unwrap_or_else(Table::e2b_list);
    let page = if let Some(grid) = &arguments.sweep {
        let points = sweep(&workload, &setting, grid, &price);
        if let Some(file) = &arguments.svg {
            let title = format!("{}; prices {}", shown::workload_line(&workload), price.name);
            std::fs::write(file, svg(&points, &title))
                .map_err(|error| format!("{}: {error}", file.display()))?;
        }
        if arguments.json {
            format!("{:#}", shown::frontier_json(&workload, &points, &price))
        } else {
            shown::frontier(&workload, &points, &price)
        }
    } else {
        let outcome = simulate(&workload, &setting);
        if arguments.json {
            format!("{:#}", shown::json(&workload, &setting, &outcome, &prices))
        } else {
            shown::text(&workload, &setting, &outcome, &prices)
        }
    };
    super::print(&page);
    Ok(ExitCode::SUCCESS)
}

async fn workload(arguments: &Arguments, seed: u64) -> Result<Workload, String> {
    let workload = if let Some(name) = &arguments.workload {
        let mut team = Team::named(name)?;
        team.days = arguments.days.unwrap_or(team.days);
        team.operations_a_day = arguments.operations_a_day.unwrap_or(team.operations_a_day);
        // Every team of ten has its three repositories.
        team.repos = arguments
            .agents
            .map_or(team.repos, |agents| agents.saturating_mul(team.repos).div_ceil(team.agents));
        team.agents = arguments.agents.unwrap_or(team.agents);
        team.workload(seed)
    } else {
        let until = arguments.at.unwrap_or(Until::End);
        recorded(&ledger_file::find(&arguments.data)?, arguments.since, until).await?
    };
    if workload.asks.is_empty() {
        return Err("there is no operation in this workload; try --workload seed-baseline".to_owned());
    }
    Ok(match (arguments.scale, arguments.agents) {
        (Some(factor), _) => workload.scaled(factor, seed),
        (None, Some(agents)) if arguments.workload.is_none() => workload.with_agents(agents as usize, seed),
        (None, _) => workload,
    })
}

/// `10x`, `10`, `0.5x`.
fn factor(text: &str) -> Result<f64, String> {
    let factor: f64 =
        text.trim_end_matches('x').parse().map_err(|_| format!("'{text}' is no factor; try 10x"))?;
    if factor > 0.0 && factor <= 100_000.0 {
        Ok(factor)
    } else {
        Err("more than 0x, at most 100000x".to_owned())
    }
}
