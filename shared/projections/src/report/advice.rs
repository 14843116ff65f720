//! What else could be done: other policies, by simulation, and one's own machines.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::criteria::{CriterionReport, MONTH_DAYS};
use super::queries;
use crate::cost::NanoDollars;
use crate::simulation::setting::Brief;
use crate::simulation::{Outcome, Setting, Sweep, Workload};
use crate::verdict::{Measured, Verdict};

/// The policies that are tried, beside the one in force.
pub const GRID: &str = "pool=0|1|2|4|8,pause=15s|30s|1m|2m|5m,ttl=1h|4h|24h,reuse=task|repo";

/// One way to go on, as simulated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Alternative {
    /// What is otherwise than now; empty: nothing.
    pub change: String,
    /// The setting.
    pub setting: Brief,
    /// In seconds.
    pub p95_s: Option<f64>,
    /// Failed of all, 0 to 1.
    pub error_ratio: Option<f64>,
    /// Misses of all, 0 to 1.
    pub miss_ratio: Option<f64>,
    /// The most sandboxes at once.
    pub sandboxes_at_once: u64,
    /// Dollars a month.
    pub monthly_dollars: f64,
    /// The criteria that it exceeds.
    pub exceeds: Vec<String>,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Advice {
    /// The policy in force, simulated: how far the simulation can be believed.
    pub in_force: Option<Alternative>,
    /// The cheapest that exceeds least and is not slower by more than a tenth; `null`: the one in force.
    pub recommended: Option<Alternative>,
    /// What that saves a month, in dollars; negative where it costs more and exceeds less.
    pub saving_dollars: f64,
    /// How many were tried.
    pub tried: usize,
    /// A command that shows all that were tried.
    pub query: String,
    /// One's own machines.
    pub self_hosted: SelfHosted,
}

/// A machine for `gitledger sandbox-host`, as its owner describes it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Platform {
    /// Dollars a month for one.
    pub monthly_dollars: f64,
    /// Its processors.
    pub vcpu: u32,
    /// Its memory, in MiB.
    pub memory_mb: u32,
    /// Sandboxes' processors for one of its own: git mostly waits.
    pub overcommit: u32,
}

/// An assumption, to be replaced by one's own figures: the defaults of `gitledger report`.
impl Default for Platform {
    fn default() -> Self {
        Self { monthly_dollars: 60.0, vcpu: 8, memory_mb: 16_384, overcommit: 4 }
    }
}

/// What one's own machines would cost instead.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SelfHosted {
    /// The machine.
    pub machine: Platform,
    /// How many are needed for the most sandboxes at once.
    pub machines: u64,
    /// Dollars a month, without anybody's time.
    pub monthly_dollars: f64,
    /// From so many dollars of sandboxes a month on they are cheaper.
    pub pays_from_dollars: f64,
    /// Whether they are cheaper now.
    pub cheaper: bool,
    /// A command that gives the figure; `null` where nothing was simulated and it is one machine's price.
    pub query: Option<String>,
}

/// The settings to try: the one in force first.
pub fn settings(in_force: &Setting) -> Vec<Setting> {
    let grid: Result<Sweep, _> = GRID.parse();
    let mut base = in_force.clone();
    // A question about sharing is asked for agents that would trust each other.
    if base.policy.trust.is_empty() {
        base.policy.trust = vec![vec!["*".to_owned()]];
    }
    let others = grid.map(|grid| grid.settings(&base)).unwrap_or_default();
    std::iter::once(in_force.clone()).chain(others).collect()
}

/// What came of a setting, as a way to go on. `days`: for how many of them was asked what was simulated.
#[allow(clippy::cast_precision_loss)] // counts
pub fn option(
    setting: &Setting,
    in_force: &Setting,
    outcome: &Outcome,
    days: f64,
    price: &dyn Fn(&Outcome) -> NanoDollars,
) -> Alternative {
    let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
    let monthly_dollars = price(outcome).as_dollars_f64() / days * MONTH_DAYS;
    let measured = Measured {
        p95_s: outcome.durations.percentile(95).map(|micros| micros as f64 / 1e6),
        error_ratio: share(outcome.failures(), outcome.asked),
        monthly_dollars: Some(monthly_dollars),
        miss_ratio: share(outcome.new, outcome.new + outcome.hits()),
        sandboxes_at_once: u64::from(outcome.peak),
    };
    let exceeded = Verdict::of(&measured).criteria.into_iter().filter(|criterion| criterion.exceeded);
    Alternative {
        change: change(&setting.brief(), &in_force.brief()),
        setting: setting.brief(),
        p95_s: measured.p95_s,
        error_ratio: measured.error_ratio,
        miss_ratio: measured.miss_ratio,
        sandboxes_at_once: measured.sandboxes_at_once,
        monthly_dollars,
        exceeds: exceeded.map(|criterion| criterion.id).collect(),
    }
}

/// Puts the cheapest remedy to each criterion that is exceeded: one that exceeds nothing new, if there is one.
pub fn remedies(criteria: &mut [CriterionReport], options: &[Alternative]) {
    let exceeded: Vec<String> =
        criteria.iter().filter(|one| one.criterion.exceeded).map(|one| one.criterion.id.clone()).collect();
    for report in criteria.iter_mut().filter(|report| report.criterion.exceeded) {
        let brings_back = |option: &&Alternative| !option.exceeds.contains(&report.criterion.id);
        let breaks_nothing = |option: &&Alternative| option.exceeds.iter().all(|id| exceeded.contains(id));
        let best = cheapest(options.iter().filter(brings_back).filter(breaks_nothing));
        report.remedy = best.or_else(|| cheapest(options.iter().filter(brings_back))).cloned();
    }
}

/// What to do. The first option is the policy in force, `simulate` the command that simulates the same operations.
pub fn advise(
    options: &[Alternative],
    workload: &Workload,
    machine: Platform,
    size: (u32, u32),
    simulate: &str,
) -> Advice {
    let in_force = options.first().cloned();
    let slow = in_force.as_ref().and_then(|option| option.p95_s).map_or(f64::INFINITY, |p95| p95 * 1.1);
    let errors = in_force.as_ref().and_then(|option| option.error_ratio).unwrap_or(0.0);
    let fit = |option: &&Alternative| {
        option.p95_s.is_none_or(|p95| p95 <= slow)
            && option.error_ratio.is_none_or(|ratio| ratio <= errors + 1e-9)
    };
    let least = options.iter().filter(fit).map(|option| option.exceeds.len()).min().unwrap_or(0);
    let best = cheapest(options.iter().filter(fit).filter(|option| option.exceeds.len() == least));
    let now = in_force.as_ref().map_or(0.0, |option| option.monthly_dollars);
    let recommended = best.filter(|best| !best.change.is_empty()).cloned();
    let peak = in_force.as_ref().map_or(0, |option| option.sandboxes_at_once);
    Advice {
        saving_dollars: recommended.as_ref().map_or(0.0, |best| now - best.monthly_dollars),
        recommended,
        tried: if workload.asks.is_empty() { 0 } else { options.len() },
        query: format!("{simulate} --sweep '{GRID}'"),
        self_hosted: SelfHosted {
            query: in_force.is_some().then(|| queries::self_hosted(simulate, size, &machine)),
            ..self_hosted(peak, size, now, machine)
        },
        in_force,
    }
}

fn cheapest<'a>(options: impl Iterator<Item = &'a Alternative>) -> Option<&'a Alternative> {
    options.min_by(|one, other| {
        let p95 = |option: &Alternative| option.p95_s.unwrap_or(0.0);
        one.monthly_dollars.total_cmp(&other.monthly_dollars).then(p95(one).total_cmp(&p95(other)))
    })
}

#[allow(clippy::cast_precision_loss)] // a few machines
fn self_hosted(peak: u64, (vcpu, memory_mb): (u32, u32), now: f64, machine: Platform) -> SelfHosted {
    let processors = u64::from(machine.vcpu) * u64::from(machine.overcommit.max(1));
    let by_processors = (peak * u64::from(vcpu)).div_ceil(processors.max(1));
    let by_memory = (peak * u64::from(memory_mb)).div_ceil(u64::from(machine.memory_mb.max(1)));
    let machines = by_processors.max(by_memory).max(1);
    let monthly_dollars = machines as f64 * machine.monthly_dollars;
    SelfHosted {
        machine,
        machines,
        monthly_dollars,
        pays_from_dollars: monthly_dollars,
        cheaper: monthly_dollars < now,
        query: None,
    }
}

/// What is otherwise, in words.
fn change(to: &Brief, from: &Brief) -> String {
    let mut words = Vec::new();
    if to.reuse != from.reuse {
        words.push(format!("reuse = {:?}", to.reuse).to_lowercase());
    }
    for (name, to, from) in [
        ("pool", u64::from(to.pool), u64::from(from.pool)),
        ("pause_after_s", to.pause_after_s, from.pause_after_s),
        ("ttl_s", to.ttl_s, from.ttl_s),
    ] {
        if to != from {
            words.push(format!("{name} = {to}"));
        }
    }
    words.join(", ")
}
