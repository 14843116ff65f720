//! More of the same: a workload with so many times the agents.

use gitledger_events::Actor;

use super::chance::Chance;
use super::workload::{Place, Workload};

/// Copies do not work in step: each agent's is shifted by up to so much, in microseconds.
const SHIFT: u64 = 15 * 60 * 1_000_000;

impl Workload {
    /// The workload of `factor` times the agents, each new one a copy of an old one at slightly other times. A
    /// fraction takes the first so many agents; 1 changes nothing.
    #[must_use]
    pub fn scaled(&self, factor: f64, seed: u64) -> Self {
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let agents = (self.agents() as f64 * factor).round().max(1.0) as usize;
        self.with_agents(agents, seed)
    }

    /// The workload of so many agents.
    #[must_use]
    pub fn with_agents(&self, agents: usize, seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let mut numbers = std::collections::BTreeMap::new();
        let agent_of: Vec<usize> = self
            .actors
            .iter()
            .map(|actor| {
                let next = numbers.len();
                *numbers.entry(actor.agent_id.clone()).or_insert(next)
            })
            .collect();
        let known = numbers.len().max(1);
        let mut scaled = Self { asks: Vec::new(), actors: Vec::new(), ..self.clone() };
        for copy in 0..agents.div_ceil(known) {
            let wanted = agents.saturating_sub(copy * known).min(known);
            let shifts: Vec<i64> = (0..known)
                .map(|_| if copy == 0 { 0 } else { i64::try_from(chance.below(SHIFT)).unwrap_or(0) })
                .collect();
            self.copy_into(&mut scaled, copy, wanted, &agent_of, &shifts);
        }
        scaled.sort();
        scaled
    }

    fn copy_into(&self, scaled: &mut Self, copy: usize, wanted: usize, agent_of: &[usize], shifts: &[i64]) {
        let first_actor = u32::try_from(scaled.actors.len()).unwrap_or(u32::MAX);
        scaled.actors.extend(self.actors.iter().map(|actor| copied(actor, copy)));
        let mut places = vec![None; self.asks.len()];
        for (index, ask) in self.asks.iter().enumerate() {
            let agent = agent_of.get(ask.actor as usize).copied().unwrap_or(0);
            if agent >= wanted {
                continue;
            }
            let moved = |other: u32| places.get(other as usize).copied().flatten();
            let mut ask = *ask;
            ask.at = ask.at.saturating_add(shifts.get(agent).copied().unwrap_or(0));
            ask.actor = first_actor.saturating_add(ask.actor);
            ask.after = ask.after.and_then(moved);
            ask.place = match ask.place {
                Place::In(other) => moved(other).map_or(Place::Opens(false), Place::In),
                Place::Ends(other) => moved(other).map_or(Place::Nowhere, Place::Ends),
                place => place,
            };
            places[index] = u32::try_from(scaled.asks.len()).ok();
            scaled.asks.push(ask);
        }
    }

    /// Puts operations into the order in which they are asked for.
    pub(super) fn sort(&mut self) {
        let mut order: Vec<usize> = (0..self.asks.len()).collect();
        order.sort_by_key(|index| (self.asks.get(*index).map(|ask| ask.at), *index));
        let mut places = vec![0u32; order.len()];
        for (place, index) in (0u32..).zip(&order) {
            places[*index] = place;
        }
        let moved = |other: u32| places.get(other as usize).copied().unwrap_or(other);
        self.asks = order
            .iter()
            .filter_map(|index| self.asks.get(*index))
            .map(|ask| {
                let mut ask = *ask;
                ask.after = ask.after.map(moved);
                ask.place = match ask.place {
                    Place::In(other) => Place::In(moved(other)),
                    Place::Ends(other) => Place::Ends(moved(other)),
                    place => place,
                };
                ask
            })
            .collect();
    }
}

fn copied(actor: &Actor, copy: usize) -> Actor {
    let agent_id = actor.agent_id.as_ref().map(|agent| match copy {
        0 => agent.clone(),
        copy => format!("{agent}~{copy}"),
    });
    Actor { agent_id, ..actor.clone() }
}
