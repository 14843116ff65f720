//! What is spent of the budgets: kept like the projections, in a state of its own, and only where there are budgets.

use std::collections::BTreeMap;
use std::sync::Arc;

use gitledger_events::Repo;
use gitledger_ledger::{Ledger, LedgerError, Position, ProjectionKey, SavedProjection};
use gitledger_operations::Rejection;
use gitledger_projections::cost::budget::{Period, Spending as State};
use gitledger_projections::cost::{Budget, Budgets, Prices, Scope, Standing};
use jiff::Timestamp;
use tokio::sync::{Mutex, MutexGuard};

/// How many events are read at once.
const CHUNK: usize = 5000;
const KEY: ProjectionKey = ProjectionKey { name: Budgets::NAME, version: Budgets::VERSION };

/// The budgets of one process, and how far they are spent.
pub struct Spending {
    ledger: Arc<dyn Ledger>,
    kept: Mutex<Kept>,
    has_budgets: bool,
}

struct Kept {
    budgets: Budgets,
    position: Position,
    saved: Position,
    /// How far each was spent when it was last logged, and until when that holds.
    told: BTreeMap<(usize, String), (State, Timestamp)>,
}

impl Spending {
    /// Takes up the saved state, if it was made with the same budgets and prices.
    pub async fn load(
        ledger: Arc<dyn Ledger>,
        rules: Vec<Budget>,
        prices: Prices,
    ) -> Result<Self, LedgerError> {
        let mut budgets = Budgets::new(rules, prices);
        let has_budgets = !budgets.is_empty();
        let stored = if has_budgets { ledger.load_projection(&KEY).await? } else { None };
        let saved = stored.as_ref().map_or(Position::START, |stored| stored.position);
        let known = stored.is_some_and(|stored| budgets.take_up(&stored.state));
        let position = if known { saved } else { Position::START };
        let kept = Mutex::new(Kept { budgets, position, saved, told: BTreeMap::new() });
        Ok(Self { ledger, kept, has_budgets })
    }

    /// Whether there are any.
    pub fn has_budgets(&self) -> bool {
        self.has_budgets
    }

    /// How every budget stands; logs those that have come to their warning or their end since the last look.
    pub async fn standings(&self, now: Timestamp) -> Result<Vec<Standing>, LedgerError> {
        if !self.has_budgets {
            return Ok(Vec::new());
        }
        let mut kept = self.caught_up().await?;
        let standings = kept.budgets.standings(now);
        kept.tell_all(&standings, now);
        Ok(standings)
    }

    /// Why nothing new is begun for this agent, task and repository; `None`: nothing is in the way.
    pub async fn refusal(
        &self,
        agent: Option<&str>,
        task: Option<&str>,
        repo: Option<&Repo>,
        now: Timestamp,
    ) -> Result<Option<Rejection>, LedgerError> {
        if !self.has_budgets {
            return Ok(None);
        }
        let unknown = gitledger_projections::cost::attribution::UNKNOWN_AGENT;
        let kept = self.caught_up().await?;
        let stopped = kept.budgets.stopped(agent.unwrap_or(unknown), task.unwrap_or(unknown), repo, now);
        Ok(stopped.map(|standing| rejection(&standing)))
    }

    /// Saves state and position in one write; `false` when another process was there first, whose state is as good.
    pub async fn save(&self) -> Result<bool, LedgerError> {
        if !self.has_budgets {
            return Ok(true);
        }
        let mut kept = self.caught_up().await?;
        if kept.saved == kept.position {
            return Ok(true);
        }
        let state = kept.budgets.to_bytes().map_err(|error| LedgerError::Engine(error.to_string()))?;
        let position = kept.position;
        let stood =
            self.ledger.save_projection(&KEY, kept.saved, SavedProjection { position, state }).await?;
        kept.saved = if stood {
            position
        } else {
            let stored = self.ledger.load_projection(&KEY).await?;
            stored.map_or(Position::START, |stored| stored.position)
        };
        Ok(stood)
    }

    async fn caught_up(&self) -> Result<MutexGuard<'_, Kept>, LedgerError> {
        let mut kept = self.kept.lock().await;
        loop {
            let page = self.ledger.read_events(kept.position, CHUNK).await?;
            if page.is_empty() {
                return Ok(kept);
            }
            for next in page {
                // What cannot be read is parked by the projector.
                if let Ok(event) = next.event {
                    kept.budgets.apply(&event);
                }
                kept.position = next.position;
            }
        }
    }
}

impl Kept {
    /// Tells what is new. What was told of a period that is over is forgotten: tasks come and go for ever.
    fn tell_all(&mut self, standings: &[Standing], now: Timestamp) {
        self.told.retain(|_, (_, until)| *until > now);
        for standing in standings {
            self.tell(standing);
        }
    }

    fn tell(&mut self, standing: &Standing) {
        let key = (standing.budget, standing.name.clone());
        let news = (standing.state, standing.renewed_at);
        let before = self.told.insert(key, news);
        if standing.state == State::Within || before == Some(news) {
            return;
        }
        let (spent, limit) = (standing.spent_nano_dollars, standing.limit_nano_dollars);
        let (budget, name, stops) = (standing.budget, &standing.name, standing.stop);
        if standing.state == State::Spent {
            tracing::error!(budget, name, %spent, %limit, stops, "a budget is spent");
        } else {
            tracing::warn!(budget, name, %spent, %limit, stops, "a budget has come to its warning");
        }
    }
}

/// Says whose budget it is, how much of it is spent, and whose move it is.
fn rejection(standing: &Standing) -> Rejection {
    let field = match standing.scope {
        Scope::All => "budget",
        Scope::Agent => "agent_id",
        Scope::Task => "task_id",
        Scope::Repo => "repo_url",
    };
    let whose = if standing.name.is_empty() { String::new() } else { format!(" of {}", standing.name) };
    let period = match standing.per {
        Period::Month => "month",
        Period::Day => "day",
    };
    let rule = format!(
        "is over budget: {} of this {period}'s {}{whose} are spent (budget[{}] of the policy); nothing was begun. \
         The operator can raise it; else it begins anew at {}",
        standing.spent_nano_dollars, standing.limit_nano_dollars, standing.budget, standing.renewed_at
    );
    Rejection { code: "budget-exceeded", field: field.to_owned(), rule }
}

#[cfg(test)]
mod tests {
    use gitledger_projections::cost::NanoDollars;
    use gitledger_projections::cost::windows::DAY_MICROS;

    use super::*;

    fn of_a_task(number: i64, day: i64) -> Standing {
        Standing {
            budget: 1,
            scope: Scope::Task,
            name: format!("a1/t{number}"),
            per: Period::Day,
            limit_nano_dollars: NanoDollars::new(10),
            spent_nano_dollars: NanoDollars::new(10),
            state: State::Spent,
            stop: true,
            renewed_at: Timestamp::from_microsecond((day + 1) * DAY_MICROS).unwrap(),
        }
    }

    #[test]
    fn what_was_told_of_a_period_that_is_over_is_forgotten() {
        let budgets = Budgets::new(Vec::new(), Prices::standard().clone());
        let (position, told) = (Position::START, BTreeMap::new());
        let mut kept = Kept { budgets, position, saved: position, told };
        for day in 0..100 {
            let now = Timestamp::from_microsecond(day * DAY_MICROS + 1).unwrap();
            let todays: Vec<Standing> = (0..10).map(|task| of_a_task(10 * day + task, day)).collect();
            kept.tell_all(&todays, now);
            kept.tell_all(&todays, now);
            assert_eq!(kept.told.len(), 10, "day {day}");
        }
    }
}
