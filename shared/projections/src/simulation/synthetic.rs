//! Made-up workloads, for teams that have no history yet.

use gitledger_events::{Actor, Repo};

use super::chance::Chance;
use super::workload::{Ask, Place, Workload};

/// How a team works.
#[derive(Clone, Debug, PartialEq)]
pub struct Team {
    /// Agents.
    pub agents: u32,
    /// Operations of one agent a day, on average.
    pub operations_a_day: u32,
    /// Days.
    pub days: u32,
    /// Repositories; agents are spread over them.
    pub repos: u32,
    /// In how many hours of a day, from 08:00 UTC, sessions begin.
    pub hours: u32,
    /// How long an agent thinks between two operations of a session, in seconds, on average.
    pub think_s: f64,
    /// Of 100 sessions, how many go on with the task of the one before.
    pub same_task_percent: u64,
}

/// 2026-01-05, a Monday, in microseconds since 1970: made-up work has to be at some time.
const START: i64 = 1_767_571_200_000_000;
const DAY: i64 = 86_400_000_000;
const HOUR: u64 = 3_600_000_000;

/// A session: name, whether it has the sandbox for itself, median and 95th percentile of its git time in ms.
const SESSION: [(&str, bool, u64, u64); 5] = [
    ("clone", true, 1500, 5000),
    ("status", false, 60, 150),
    ("diff", false, 70, 200),
    ("commit", true, 150, 400),
    ("push", true, 1200, 4000),
];
/// What fetching into a working copy that is there takes instead of the first: the same, in microseconds.
const FETCH: (u64, u64) = (500_000, 1_500_000);
/// All else of an operation, in microseconds.
const OTHER: u64 = 25_000;
/// A lease lasts so long at most, in microseconds: the budget of a clone.
const LEASE: u64 = 310_000_000;

impl Team {
    /// The team that the original was meant for: 10 agents, 20 operations a day each, for 30 days. The pause between
    /// two operations, 45 seconds, is what makes its "one sandbox minute an operation" come out.
    pub const SEED_BASELINE: Self = Self {
        agents: 10,
        operations_a_day: 20,
        days: 30,
        repos: 3,
        hours: 10,
        think_s: 45.0,
        same_task_percent: 50,
    };

    /// The team that a name stands for.
    pub fn named(name: &str) -> Result<Self, String> {
        match name {
            "seed-baseline" => Ok(Self::SEED_BASELINE),
            _ => Err(format!("'{name}' is no workload; there is: seed-baseline")),
        }
    }

    /// Its work.
    pub fn workload(&self, seed: u64) -> Workload {
        let mut workload = Workload {
            repos: (0..self.repos.max(1))
                .map(|repo| Repo::from_parts("github.com", &format!("acme/app{repo}")))
                .collect(),
            operations: SESSION.iter().map(|(name, ..)| (*name).to_owned()).collect(),
            from: START,
            until: START + i64::from(self.days) * DAY,
            ..Workload::default()
        };
        let mut chance = Chance::new(seed);
        for agent in 0..self.agents {
            self.agent(&mut workload, agent, &mut chance);
        }
        workload.sort();
        workload
    }

    /// One agent's days: sessions at any moment of the working hours.
    fn agent(&self, workload: &mut Workload, agent: u32, chance: &mut Chance) {
        let length = u32::try_from(SESSION.len()).unwrap_or(1);
        let sessions = self.operations_a_day.div_ceil(length).max(1);
        let mut task = 0;
        let mut actor = None;
        for day in 0..self.days {
            let mut starts: Vec<u64> =
                (0..sessions).map(|_| 8 * HOUR + chance.below(u64::from(self.hours.max(1)) * HOUR)).collect();
            starts.sort_unstable();
            for start in starts {
                if actor.is_none() || chance.below(100) >= self.same_task_percent {
                    task += 1;
                    actor = u32::try_from(workload.actors.len()).ok();
                    workload.actors.push(Actor::new(format!("agent-{agent:03}"), format!("task-{task}")));
                }
                let at = START + i64::from(day) * DAY + i64::try_from(start).unwrap_or(0);
                self.session(workload, (agent, actor.unwrap_or(0)), at, chance);
            }
        }
    }

    fn session(&self, workload: &mut Workload, (agent, actor): (u32, u32), at: i64, chance: &mut Chance) {
        let opener = u32::try_from(workload.asks.len()).unwrap_or(u32::MAX);
        let mut before: Option<u32> = None;
        for (name, (_, leases, median, p95)) in (0u16..).zip(SESSION) {
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let think = if before.is_some() { (chance.exponential(self.think_s) * 1e6) as u64 } else { 0 };
            let git = super::Latency::Around(median * 1000, p95 * 1000).draw(chance);
            let fetch = before.is_none().then(|| super::Latency::Around(FETCH.0, FETCH.1).draw(chance));
            let place = if before.is_none() { Place::Opens(false) } else { Place::In(opener) };
            let index = u32::try_from(workload.asks.len()).ok();
            workload.asks.push(Ask {
                at,
                after: before,
                think,
                actor,
                repo: agent % self.repos.max(1),
                operation: name,
                place,
                leases,
                git,
                fetch,
                other: OTHER,
                lease: LEASE,
                ..Ask::BLANK
            });
            before = index;
        }
    }
}
