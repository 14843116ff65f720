//! What happens to sandboxes that nobody asks for: paused, ended, expired.

use gitledger_events::sandbox::KillReason;

use super::Engine;
use super::clock::Step;
use super::machine::instant;
use crate::sandbox_state::Phase;
use crate::sandboxes::{Due, due};

impl Engine<'_> {
    /// The reaper looks at it at its first round after the policy could want something.
    pub(super) fn look_later(&mut self, machine: u32) {
        let Some(known) = self.machines.get_mut(machine as usize).filter(|known| !known.gone) else { return };
        let policy = &self.setting.policy;
        let after_s = match known.state.phase {
            Phase::Running => match policy.pause_after_s(&known.state) {
                Some(after_s) => after_s,
                None => return,
            },
            Phase::Paused => policy.ttl_s(&known.state),
            Phase::Unknown | Phase::Gone(_) => return,
        };
        let used = known.state.last_used_at.map_or(self.now, jiff::Timestamp::as_microsecond);
        let due =
            used.saturating_add(i64::try_from(after_s.saturating_mul(1_000_000)).unwrap_or(i64::MAX / 4));
        let round = i64::try_from(self.setting.reap_every.max(1)).unwrap_or(1);
        let since = due.max(self.now).saturating_sub(self.workload.from);
        let rounds = since.div_euclid(round) + i64::from(since.rem_euclid(round) > 0);
        let at = self.workload.from.saturating_add(rounds.saturating_mul(round));
        // One look is enough: the earlier one finds out when the next is due.
        if known.look_at.is_none_or(|other| at < other || other < self.now) {
            known.look_at = Some(at);
            self.clock.at(at, Step::Look(machine));
        }
    }

    pub(super) fn look(&mut self, machine: u32) {
        let Some(known) = self.machines.get_mut(machine as usize) else { return };
        if known.gone || known.look_at != Some(self.now) {
            return;
        }
        known.look_at = None;
        match due(&known.state, &self.setting.policy, instant(self.now)) {
            Some(Due::Pause) if known.reading > 0 => {
                self.after(self.setting.reap_every, Step::Look(machine));
                if let Some(known) = self.machines.get_mut(machine as usize) {
                    let wait = i64::try_from(self.setting.reap_every).unwrap_or(0);
                    known.look_at = Some(self.now.saturating_add(wait));
                }
            }
            Some(Due::Pause) => {
                known.pause(self.now);
                self.outcome.slept += 1;
                self.stopped(machine);
                self.look_later(machine);
            }
            Some(Due::End) => {
                self.outcome.ended += 1;
                self.kill(machine, KillReason::Idle);
            }
            // Whoever has it is looked after when it is given back.
            None if known.held_by.is_none() => self.look_later(machine),
            None => {}
        }
    }

    pub(super) fn expires(&mut self, machine: u32) {
        let Some(known) = self.machines.get_mut(machine as usize) else { return };
        if known.gone || known.state.phase != Phase::Running {
            return;
        }
        if known.expires() > self.now {
            let at = known.expires();
            self.clock.at(at, Step::Expires(machine));
            return;
        }
        known.expire(self.now);
        self.outcome.expired += 1;
        self.stopped(machine);
        self.forget(machine);
    }

    pub(super) fn kill(&mut self, machine: u32, reason: KillReason) {
        let Some(known) = self.machines.get_mut(machine as usize).filter(|known| !known.gone) else { return };
        known.kill(self.now, reason);
        self.stopped(machine);
        self.forget(machine);
    }

    /// Whoever waits for it learns that it is gone.
    fn forget(&mut self, machine: u32) {
        let waiting = self.machines.get_mut(machine as usize).map(|known| std::mem::take(&mut known.queue));
        for ask in waiting.into_iter().flatten() {
            self.after(0, Step::Done(ask));
            if let Some(got) = self.got.get_mut(ask as usize) {
                *got = Some(machine);
            }
        }
        if self.warm.contains(&machine) {
            self.warm.retain(|one| *one != machine);
            self.look_at_pool(self.now);
        }
    }
}
