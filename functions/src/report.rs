//! The report on leaving hosted sandboxes: what was, from the ledger, and what could be, from simulations. Made anew
//! for each question, so that any number of days can be asked for.

use gitledger_ledger::{Ledger, LedgerError, Position};
use gitledger_operations::Rejection;
use gitledger_projections::SandboxPolicy;
use gitledger_projections::cost::windows::DAY_MICROS;
use gitledger_projections::cost::{Prices, Usage};
use gitledger_projections::replay::figures::date;
use gitledger_projections::replay::{Account, Names, reading};
use gitledger_projections::report::criteria::criteria;
use gitledger_projections::report::phases::phases;
use gitledger_projections::report::{Alternative, Platform, Report, Window, advice, queries};
use gitledger_projections::running::Span;
use gitledger_projections::simulation::{Outcome, Recording, Setting, Workload, simulate};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

/// The last so many days count, unless told otherwise.
pub const DAYS: i64 = 28;
/// No more days than these: ten years.
pub const DAYS_MAX: i64 = 3660;
/// How many events are read at once.
const CHUNK: usize = 5000;

/// What is asked for, as people write it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// The last so many days count; 28 unless given.
    #[serde(default)]
    #[schemars(with = "i64", range(min = 1, max = DAYS_MAX))]
    pub days: Option<i64>,
    /// `false`: what was, and no simulations of what could be.
    #[serde(default)]
    #[schemars(with = "bool")]
    pub advice: Option<bool>,
}

impl Question {
    /// Checked; the error says which field breaks which rule.
    pub fn checked(self) -> Result<Self, Rejection> {
        match self.days {
            Some(days) if !(1..=DAYS_MAX).contains(&days) => {
                Err(Rejection::argument("days", format!("must be 1 to {DAYS_MAX}")))
            }
            _ => Ok(self),
        }
    }
}

/// By what is judged.
#[derive(Clone, Debug)]
pub struct Terms {
    /// The last so many days count.
    pub days: i64,
    /// The prices: each day has its own row.
    pub prices: Prices,
    /// The policy in force.
    pub policy: SandboxPolicy,
    /// One's own machine.
    pub machine: Platform,
    /// Whether others are tried, by simulation.
    pub advice: bool,
}

impl Terms {
    /// For a question, under what is in force.
    pub fn of(question: Question, prices: &Prices, policy: &SandboxPolicy) -> Self {
        Self {
            days: question.days.unwrap_or(DAYS),
            prices: prices.clone(),
            policy: policy.clone(),
            machine: Platform::default(),
            advice: question.advice.unwrap_or(true),
        }
    }

    /// What is simulated as "now": the policy in force, on sandboxes as they were.
    fn in_force(&self, past: &Past) -> Setting {
        let default = Setting::default();
        let (vcpu, memory_mb) = past.account.size.unwrap_or((default.vcpu, default.memory_mb));
        Setting { policy: self.policy.clone(), vcpu, memory_mb, ..default }
    }
}

/// What was: a fold of the ledger, with the time of what still runs at an instant.
#[derive(Debug)]
pub struct Past {
    account: Account,
    names: Names,
    at: Timestamp,
}

impl Past {
    /// What was folded, as of an instant.
    pub fn new(account: &Account, names: Names, at: Timestamp) -> Self {
        Self { account: account.as_of(at.as_microsecond()), names, at }
    }

    fn window(&self, days: i64) -> Window<'_> {
        let lived = Span::new(self.account.oldest, self.at.as_microsecond());
        Window::last_days(self.account.days.all(), days, lived)
    }

    /// From when on operations are simulated: the first day that counts.
    pub fn from(&self, terms: &Terms) -> Option<Timestamp> {
        let first = self.window(terms.days).first;
        Timestamp::from_microsecond(first.saturating_mul(DAY_MICROS)).ok()
    }
}

/// The report on what was, and on what the same operations would have been under other policies. `run` simulates a
/// workload under several settings: on as many cores as its caller has.
pub fn judge(
    past: &Past,
    workload: &Workload,
    terms: &Terms,
    run: impl FnOnce(&Workload, &[Setting]) -> Vec<Outcome>,
) -> Report {
    let account = &past.account;
    let price = |day: i64, usage: &Usage| terms.prices.exact(day, usage).rounded();
    let window = past.window(terms.days);
    let in_force = terms.in_force(past);
    let mut criteria = criteria(&window, account.position, &price);
    let options = if terms.advice && !workload.asks.is_empty() {
        options(&window, workload, terms, &in_force, run)
    } else {
        Vec::new()
    };
    advice::remedies(&mut criteria, &options);
    let size = (in_force.vcpu, in_force.memory_mb);
    Report {
        position: account.position,
        at: past.at,
        from: date(window.first),
        days: window.count(),
        operations: window.sum(|day| day.succeeded + day.failed),
        time_to_move: criteria.iter().any(|one| one.criterion.exceeded),
        phases: phases(&past.window(i64::MAX), &past.names, account.position, &price),
        criteria,
        advice: advice::advise(
            &options,
            workload,
            terms.machine,
            size,
            &queries::simulate(&window, account.position),
        ),
    }
}

/// The policies that are tried on what was asked for in the window. They are about what comes, so each costs what
/// the newest rows say.
fn options(
    window: &Window<'_>,
    workload: &Workload,
    terms: &Terms,
    in_force: &Setting,
    run: impl FnOnce(&Workload, &[Setting]) -> Vec<Outcome>,
) -> Vec<Alternative> {
    let settings = advice::settings(in_force);
    let outcomes = run(workload, &settings);
    let cost = |outcome: &Outcome| terms.prices.exact(i64::MAX / 2, &Usage::from(outcome.usage)).rounded();
    let pairs = settings.iter().zip(&outcomes);
    pairs
        .map(|(setting, outcome)| advice::option(setting, in_force, outcome, window.days_lived(), &cost))
        .collect()
}

/// Reads the whole ledger and judges: once for what was, and once more for what was asked for in the days that count.
pub async fn tell(ledger: &dyn Ledger, terms: &Terms) -> Result<Report, LedgerError> {
    let (mut account, mut names) = (Account::default(), Names::default());
    each(ledger, |position, event| {
        if let Ok(brief) = reading::in_brief(position.as_u64(), event, &mut names) {
            account.apply(&brief, &names);
        }
    })
    .await?;
    let at = Timestamp::from_microsecond(account.newest).unwrap_or_default();
    let (last, past) = (account.position, Past::new(&account, names, at));
    let mut workload = Workload::default();
    if terms.advice {
        let (from, mut recording) = (past.from(terms), Recording::default());
        each(ledger, |position, event| {
            // What was recorded since the first reading is in neither.
            if position.as_u64() <= last && from.is_none_or(|from| event.event.recorded_at >= from) {
                recording.apply(event);
            }
        })
        .await?;
        workload = recording.finish();
    }
    let run = |workload: &Workload, settings: &[Setting]| {
        settings.iter().map(|setting| simulate(workload, setting)).collect()
    };
    Ok(judge(&past, &workload, terms, run))
}

/// Every event that can be read, in order.
async fn each(
    ledger: &dyn Ledger,
    mut take: impl FnMut(Position, &gitledger_events::Event),
) -> Result<(), LedgerError> {
    let mut position = Position::START;
    loop {
        let page = ledger.read_events(position, CHUNK).await?;
        if page.is_empty() {
            return Ok(());
        }
        for next in page {
            position = next.position;
            if let Ok(event) = next.event {
                take(position, &event);
            }
        }
    }
}
