//! Budgets: limits on what an agent, a task, a repository or everything together may cost a month or a day, and how
//! much of them is spent.
//!
//! Deliberately absent: prices in the saved state's key. The state knows which rules and prices it was made with,
//! and is thrown away when they are others.

use std::collections::BTreeMap;

use gitledger_events::{Event, Repo};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use super::estimate::month_of;
use super::prices::{day_of, fnv};
use super::windows::DAY_MICROS;
use super::{Attribution, CostFold, Exact, NanoDollars, Prices, Whose};
use crate::bounded;
use crate::sandbox_policy::fits;

/// So many agents, tasks or repositories are told apart by one budget in one period; the rest share one.
const NAMES_MAX: usize = 10_000;
/// So many periods of each budget are kept: an event of a clock that was ahead makes one of its own, and clears none.
const PERIODS_MAX: usize = 3;
/// So many budgets there can be.
const BUDGETS_MAX: usize = 100;

/// One `[[budget]]` of the policies' file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Budget {
    /// Each agent that this names (`*` for any characters) has this budget.
    #[serde(default)]
    pub agent: Option<String>,
    /// Each task that this names, of whatever agent, has this budget.
    #[serde(default)]
    pub task: Option<String>,
    /// Each repository that this names has this budget.
    #[serde(default)]
    pub repo: Option<String>,
    /// The limit.
    #[serde(deserialize_with = "dollars")]
    pub dollars: NanoDollars,
    /// For how long.
    #[serde(default)]
    pub per: Period,
    /// It is warned when so many hundredths of it are spent.
    #[serde(default = "eighty")]
    pub warn_at_percent: u8,
    /// True: nothing new is begun once it is spent. False: it is only shown.
    #[serde(default)]
    pub stop: bool,
}

fn eighty() -> u8 {
    80
}

fn dollars<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NanoDollars, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Text(String),
        Whole(u64),
        Decimal(f64),
    }
    let text = match Written::deserialize(deserializer)? {
        Written::Text(text) => text,
        Written::Whole(number) => number.to_string(),
        Written::Decimal(number) => number.to_string(),
    };
    let wrong = || serde::de::Error::custom("dollars must be like 12.50, with at most nine decimals");
    NanoDollars::parse(&text).ok_or_else(wrong)
}

/// For how long a budget is; both end at midnight UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Period {
    /// A calendar month.
    #[default]
    Month,
    /// A day.
    Day,
}

/// Whose budget it is; a label's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Everything together.
    All,
    /// An agent's.
    Agent,
    /// A task's.
    Task,
    /// A repository's.
    Repo,
}

/// How far a budget is spent; a label's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Spending {
    /// Not as far as the warning.
    Within,
    /// As far as the warning.
    Warned,
    /// All of it.
    Spent,
}

/// How one budget stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Standing {
    /// Which `[[budget]]` of the file, from 1.
    pub budget: usize,
    /// Whose.
    pub scope: Scope,
    /// The agent, `agent/task`, the repository, or nothing.
    pub name: String,
    /// For how long.
    pub per: Period,
    /// The limit, in billionths of a dollar.
    pub limit_nano_dollars: NanoDollars,
    /// What is spent of this period's, in billionths of a dollar.
    pub spent_nano_dollars: NanoDollars,
    /// How far that is.
    pub state: Spending,
    /// Whether nothing new is begun once it is spent.
    pub stop: bool,
    /// When the next period begins.
    pub renewed_at: Timestamp,
}

impl Standing {
    /// How much of it is spent; 1 is all of it.
    pub fn used(&self) -> f64 {
        self.spent_nano_dollars.as_dollars_f64() / self.limit_nano_dollars.as_dollars_f64()
    }
}

/// What is spent, by budget.
#[derive(Clone, Debug)]
pub struct Budgets {
    rules: Vec<Budget>,
    prices: Prices,
    state: State,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    made_with: String,
    attribution: Attribution,
    /// By budget and the number of the period.
    spent: Vec<BTreeMap<i64, Names>>,
}

/// What is spent in a period, by name.
type Names = BTreeMap<String, Exact>;

impl Budget {
    /// Whose it is.
    pub fn scope(&self) -> Scope {
        match (&self.agent, &self.task, &self.repo) {
            (Some(_), ..) => Scope::Agent,
            (_, Some(_), _) => Scope::Task,
            (.., Some(_)) => Scope::Repo,
            _ => Scope::All,
        }
    }

    /// The rule that is broken, if one is.
    pub fn fault(&self) -> Option<&'static str> {
        let names = [&self.agent, &self.task, &self.repo];
        if names.into_iter().flatten().count() > 1 {
            Some("a budget is for an agent, a task or a repository, not for several of these")
        } else if names.into_iter().flatten().any(String::is_empty) {
            Some("a budget must name somebody, or * for each")
        } else if self.dollars == NanoDollars::ZERO {
            Some("a budget must be more than nothing")
        } else if !(1..=100).contains(&self.warn_at_percent) {
            Some("warn_at_percent must be 1 to 100")
        } else {
            None
        }
    }

    /// Under which name somebody's cost counts here, if it does. A repository's upper and lower case are alike, as
    /// for all that restricts: to many hosts `Acme/App` is `acme/app`, and two spellings would be two purses.
    fn name(&self, agent: &str, task: &str, repo: &str) -> Option<String> {
        let named = |pattern: &Option<String>, value: &str| {
            pattern.as_deref().is_some_and(|pattern| fits(pattern, value))
        };
        match self.scope() {
            Scope::All => Some(String::new()),
            Scope::Agent => named(&self.agent, agent).then(|| agent.to_owned()),
            Scope::Task => named(&self.task, task).then(|| format!("{agent}/{task}")),
            Scope::Repo => {
                let repo = repo.to_ascii_lowercase();
                named(&self.repo.as_deref().map(str::to_ascii_lowercase), &repo).then_some(repo)
            }
        }
    }

    fn period(&self, day: i64) -> i64 {
        match self.per {
            Period::Day => day,
            Period::Month => Timestamp::from_microsecond(day.saturating_mul(DAY_MICROS)).map_or(day, |at| {
                let date = at.to_zoned(TimeZone::UTC).date();
                i64::from(date.year()) * 12 + i64::from(date.month())
            }),
        }
    }

    fn renewed_at(&self, now: Timestamp) -> Timestamp {
        let micros = match self.per {
            Period::Day => day_of(now.as_microsecond()).saturating_add(1).saturating_mul(DAY_MICROS),
            Period::Month => month_of(now).until,
        };
        Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
    }
}

/// The rule that is broken, if one is.
pub fn fault(rules: &[Budget]) -> Option<&'static str> {
    if rules.len() > BUDGETS_MAX {
        return Some("there can be at most 100 budgets");
    }
    rules.iter().find_map(Budget::fault)
}

impl Budgets {
    /// The name of the saved state.
    pub const NAME: &'static str = "budgets";
    /// The version of the fold and of the state's shape.
    pub const VERSION: u32 = 2;

    /// Nothing is spent yet.
    pub fn new(rules: Vec<Budget>, prices: Prices) -> Self {
        let rules_text = serde_json::to_string(&rules).unwrap_or_default();
        let made_with = format!("{}-{:08x}", prices.digest(), fnv(rules_text.as_bytes()));
        let spent = vec![BTreeMap::new(); rules.len()];
        Self { rules, prices, state: State { made_with, attribution: Attribution::default(), spent } }
    }

    /// Takes up a saved state. False when it was made with other rules or prices, or cannot be read: then it has to
    /// be folded again from the first event.
    pub fn take_up(&mut self, bytes: &[u8]) -> bool {
        match serde_json::from_slice::<State>(bytes) {
            Ok(state) if state.made_with == self.state.made_with => {
                self.state = state;
                true
            }
            _ => false,
        }
    }

    /// The state as it is saved.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&self.state)
    }

    /// Whether there are any.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Takes in the next event, in the ledger's order.
    pub fn apply(&mut self, event: &Event) {
        let Self { rules, prices, state } = self;
        let State { attribution, spent, .. } = state;
        let today = day_of(event.event.recorded_at.as_microsecond());
        attribution.apply(event, CostFold::EVER, &mut |whose, day, usage| {
            let exact = prices.exact(day, usage);
            if exact == Exact::ZERO {
                return;
            }
            for (rule, periods) in rules.iter().zip(spent.iter_mut()) {
                let Some(name) = rule.name(whose.agent, whose.task, whose.repo) else { continue };
                let names = periods.entry(rule.period(day)).or_default();
                *bounded::entry_within(names, &name, NAMES_MAX) += exact;
                keep_nearest(periods, rule.period(today));
            }
        });
    }

    /// How every budget stands that somebody has spent something of in this period.
    pub fn standings(&self, now: Timestamp) -> Vec<Standing> {
        let all = self.spent(now, |_, _| true).into_iter().enumerate();
        all.flat_map(|(index, names)| {
            names.into_iter().map(move |(name, spent)| self.standing(index, name, spent.rounded(), now))
        })
        .collect()
    }

    /// The first budget that is spent and stops what is for this agent, task and repository.
    pub fn stopped(&self, agent: &str, task: &str, repo: Option<&Repo>, now: Timestamp) -> Option<Standing> {
        let repo = repo.map_or(super::attribution::UNKNOWN_AGENT, Repo::as_str);
        let wanted: Vec<Option<String>> =
            self.rules.iter().map(|rule| rule.name(agent, task, repo)).collect();
        let spent = self.spent(now, |index, name| {
            wanted[index].as_deref().is_some_and(|wanted| wanted == name || name == bounded::OTHER)
        });
        let standing = |(index, mut names): (usize, BTreeMap<String, Exact>)| {
            let name = wanted[index].clone()?;
            // Who came when the list was full shares what the others there have.
            let full = self.names(index, now).is_some_and(|names| names.len() > NAMES_MAX);
            let spent = names.remove(&name).or_else(|| names.remove(bounded::OTHER).filter(|_| full))?;
            Some(self.standing(index, name, spent.rounded(), now))
        };
        let mut standings = spent.into_iter().enumerate().filter_map(standing);
        standings.find(|standing| standing.stop && standing.state == Spending::Spent)
    }

    fn standing(&self, index: usize, name: String, spent: NanoDollars, now: Timestamp) -> Standing {
        let rule = &self.rules[index];
        let (limit, percent) = (u128::from(rule.dollars.as_u64()), u128::from(rule.warn_at_percent));
        let hundredfold = u128::from(spent.as_u64()) * 100;
        let state = if hundredfold >= limit * 100 {
            Spending::Spent
        } else if hundredfold >= limit * percent {
            Spending::Warned
        } else {
            Spending::Within
        };
        Standing {
            budget: index + 1,
            scope: rule.scope(),
            name,
            per: rule.per,
            limit_nano_dollars: rule.dollars,
            spent_nano_dollars: spent,
            state,
            stop: rule.stop,
            renewed_at: rule.renewed_at(now),
        }
    }

    /// What is spent of a budget in this period, without what is running.
    fn names(&self, index: usize, now: Timestamp) -> Option<&Names> {
        let period = self.rules.get(index)?.period(day_of(now.as_microsecond()));
        self.state.spent.get(index)?.get(&period)
    }

    /// What is spent in this period, by budget and name, with what is running; of the names that are wanted.
    fn spent(&self, now: Timestamp, wanted: impl Fn(usize, &str) -> bool) -> Vec<BTreeMap<String, Exact>> {
        let today = day_of(now.as_microsecond());
        let mut spent = Vec::with_capacity(self.rules.len());
        for index in 0..self.rules.len() {
            let kept = self.names(index, now).into_iter().flatten().filter(|(name, _)| wanted(index, name));
            spent.push(kept.map(|(name, spent)| (name.clone(), *spent)).collect::<BTreeMap<_, _>>());
        }
        let running = &mut |whose: Whose<'_>, day: i64, usage: &super::Usage| {
            let exact = self.prices.exact(day, usage);
            for (index, rule) in self.rules.iter().enumerate() {
                let name = rule.name(whose.agent, whose.task, whose.repo);
                if let Some(name) = name.filter(|name| wanted(index, name))
                    && rule.period(day) == rule.period(today)
                {
                    *spent[index].entry(name).or_default() += exact;
                }
            }
        };
        self.state.attribution.open(now, CostFold::EVER, running);
        spent
    }
}

/// Lets the period go that is furthest from this one, if there are too many. Not the oldest: those that a clock has
/// made that was ahead would stay for ever, and leave no place for those that come.
fn keep_nearest(periods: &mut BTreeMap<i64, Names>, this: i64) {
    if periods.len() > PERIODS_MAX
        && let Some(furthest) = periods.keys().copied().max_by_key(|period| period.abs_diff(this))
    {
        periods.remove(&furthest);
    }
}
