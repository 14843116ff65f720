//! The pool: filled one after the other, whenever it is looked at and something is missing.

use gitledger_events::Actor;

use super::clock::Step;
use super::machine::{Machine, instant};
use super::{Engine, TEMPLATE};
use crate::sandboxes::pooled;

/// How long the pool is left alone after it could not be filled, in microseconds.
const FILL_AGAIN: u64 = 30_000_000;

impl Engine<'_> {
    /// It is looked at in the next round after an instant, if it is not looked at before.
    pub(super) fn look_at_pool(&mut self, at: i64) {
        if self.setting.policy.pool == 0 {
            return;
        }
        let round = i64::try_from(self.setting.fill_every.max(1)).unwrap_or(1);
        let since = at.max(self.now).saturating_sub(self.workload.from);
        let rounds = since.div_euclid(round) + i64::from(since.rem_euclid(round) > 0);
        let at = self.workload.from.saturating_add(rounds.saturating_mul(round));
        if self.fill_at.is_none_or(|other| at < other || other < self.now) {
            self.fill_at = Some(at);
            self.clock.at(at, Step::Fill);
        }
    }

    pub(super) fn fill(&mut self) {
        if self.fill_at != Some(self.now) {
            return;
        }
        self.fill_at = None;
        // One at a time; when it is there, the pool is looked at again.
        if self.stocking > 0 {
            return;
        }
        if self.missing() == 0 {
            return self.look_before_one_expires();
        }
        if !self.may_start() {
            let wait = i64::try_from(FILL_AGAIN).unwrap_or(0);
            return self.look_at_pool(self.now.saturating_add(wait));
        }
        self.stocking = 1;
        let micros = self.creation.draw(&mut self.chance);
        self.after(micros, Step::Stocked);
    }

    pub(super) fn stocked(&mut self) {
        self.stocking = 0;
        let Ok(number) = u32::try_from(self.machines.len()) else { return };
        let life = i64::try_from(self.setting.policy.ttl_s.saturating_mul(1_000_000)).unwrap_or(i64::MAX / 4);
        let expires = self.now.saturating_add(life);
        let size = (self.setting.vcpu, self.setting.memory_mb);
        let machine = Machine::made(number as usize, self.now, size, expires, Actor::default(), None);
        self.machines.push(machine);
        self.warm.push(number);
        self.outcome.created += 1;
        self.started();
        self.clock.at(expires, Step::Expires(number));
        if self.missing() > 0 && self.may_start() {
            self.stocking = 1;
            let micros = self.creation.draw(&mut self.chance);
            self.after(micros, Step::Stocked);
        } else {
            self.look_before_one_expires();
        }
    }

    /// One about to expire is replaced before it does.
    fn look_before_one_expires(&mut self) {
        let early = i64::try_from((self.setting.policy.ttl_s / 8).saturating_mul(1_000_000)).unwrap_or(0);
        let machines = self.warm.iter().filter_map(|machine| self.machines.get(*machine as usize));
        let due = machines.map(|machine| machine.expires().saturating_sub(early).saturating_add(1));
        if let Some(due) = due.filter(|due| *due > self.now).min() {
            self.look_at_pool(due);
        }
    }

    fn missing(&self) -> u32 {
        let policy = &self.setting.policy;
        let waiting = self.warm.iter().filter_map(|machine| self.machines.get(*machine as usize));
        let waiting = pooled(waiting.map(|machine| &machine.state), TEMPLATE, policy, instant(self.now));
        policy.pool.saturating_sub(waiting)
    }
}
