//! Operations: how each gets its sandbox, and how it ends. The story of production, without its calls.

use gitledger_events::sandbox::{KillReason, Reuse};

use super::clock::Step;
use super::machine::{Machine, instant};
use super::{Engine, TEMPLATE};
use crate::sandbox_policy::ReuseRule;
use crate::sandbox_state::Phase;
use crate::sandboxes::{Wanted, choose};
use crate::simulation::workload::{Ask, Place};

/// The "agent" under which sandboxes are found that any agent may have.
const ANY: u32 = u32::MAX;

/// How an operation ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Succeeded,
    Failed,
    NotFound,
    Refused,
}

impl Engine<'_> {
    fn ask(&self, ask: u32) -> Ask {
        self.workload.asks.get(ask as usize).copied().unwrap_or(Ask::BLANK)
    }

    fn life(&self) -> i64 {
        i64::try_from(self.setting.policy.ttl_s.saturating_mul(1_000_000)).unwrap_or(i64::MAX / 4)
    }

    pub(super) fn arrives(&mut self, index: u32) {
        let ask = self.ask(index);
        self.outcome.asked += 1;
        if let Some(arrived) = self.arrived.get_mut(index as usize) {
            *arrived = self.now;
        }
        match ask.place {
            Place::Nowhere => self.runs(index, ask.git),
            Place::Opens(fresh) => self.opens(index, fresh),
            Place::In(opener) => match self.machine_of(opener) {
                Some(machine) => self.enters(index, machine),
                None => self.ended(index, End::NotFound),
            },
            Place::Ends(opener) => {
                if let Some(machine) = self.machine_of(opener) {
                    self.kill(machine, KillReason::Requested);
                }
                self.runs(index, ask.git);
            }
        }
    }

    /// The sandbox that an operation got, if it lives.
    fn machine_of(&self, opener: u32) -> Option<u32> {
        let machine = self.got.get(opener as usize).copied().flatten()?;
        self.machines.get(machine as usize).filter(|machine| !machine.gone).map(|_| machine)
    }

    /// In one that the policy finds, else in a new one.
    fn opens(&mut self, index: u32, fresh: bool) {
        let ask = self.ask(index);
        if let Some((machine, reuse)) = self.choice(&ask, fresh) {
            match reuse {
                Reuse::Ready => self.outcome.ready += 1,
                Reuse::Paused => self.outcome.paused += 1,
                _ => self.outcome.warm += 1,
            }
            if reuse == Reuse::Warm {
                self.warm.retain(|one| *one != machine);
                self.look_at_pool(self.now);
            }
            return self.takes(index, machine, reuse);
        }
        self.outcome.new += 1;
        if !self.may_start() {
            return self.ended(index, End::Refused);
        }
        self.creating += 1;
        let own = match (&self.setting.creation, ask.had) {
            (None, Some((Reuse::New, micros))) => Some(micros),
            _ => None,
        };
        let micros = own.unwrap_or_else(|| self.creation.draw(&mut self.chance));
        self.after(micros.saturating_add(ask.wait), Step::Made(index));
    }

    /// The policy's own choice, among those that could be meant.
    fn choice(&mut self, ask: &Ask, fresh: bool) -> Option<(u32, Reuse)> {
        let home = self.home(ask);
        let machines = &self.machines;
        let lives = |machine: &u32| machines.get(*machine as usize).is_some_and(|machine| !machine.gone);
        let known = match home.and_then(|home| self.homes.get_mut(&home)) {
            Some(known) => {
                known.retain(lives);
                known.as_slice()
            }
            None => &[],
        };
        let workload = self.workload;
        let actor = workload.actors.get(ask.actor as usize)?;
        let wanted = Wanted {
            repo: workload.repos.get(ask.repo as usize)?,
            agent_id: actor.agent_id.as_deref(),
            task_id: actor.task_id.as_deref(),
            key_id: actor.key_id.as_deref(),
            until: instant(self.now.saturating_add(i64::try_from(ask.lease).unwrap_or(0))),
        };
        let states = known.iter().chain(&self.warm).filter_map(|machine| machines.get(*machine as usize));
        let states = states.map(|machine| &machine.state);
        let found = choose(states, &wanted, TEMPLATE, fresh, &self.setting.policy, instant(self.now));
        let first = found.first()?;
        let number = first.state.id.strip_prefix('s')?.parse().ok()?;
        Some((number, first.reuse))
    }

    /// In the one that it names: at once, after whoever has it, or when it has woken.
    fn enters(&mut self, index: u32, machine: u32) {
        let ask = self.ask(index);
        let Some(known) = self.machines.get_mut(machine as usize) else { return };
        let sleeps = known.state.phase == Phase::Paused;
        if !ask.leases && !sleeps {
            known.reading += 1;
            if let Some(got) = self.got.get_mut(index as usize) {
                *got = Some(machine);
            }
            return self.runs(index, ask.git.saturating_add(ask.wait));
        }
        if known.held_by.is_some() {
            known.queue.push_back(index);
            return;
        }
        self.takes(index, machine, Reuse::Named);
    }

    /// It has the lease from now on.
    fn takes(&mut self, index: u32, machine: u32, reuse: Reuse) {
        let ask = self.ask(index);
        let (now, life) = (self.now, self.life());
        let until = now.saturating_add(i64::try_from(ask.lease).unwrap_or(0));
        let workload = self.workload;
        let who = workload.actors.get(ask.actor as usize).zip(workload.repos.get(ask.repo as usize));
        let who = if reuse == Reuse::Named { None } else { who };
        let Some(taken) = self.machines.get_mut(machine as usize) else { return };
        let there = taken.state.workspace.is_some();
        self.outcome.doubled +=
            u64::from(taken.held_by.is_some() || taken.state.lease_at(instant(now)).is_some());
        taken.lease(index, now, until, reuse, who);
        let sleeps = taken.state.phase == Phase::Paused;
        if !sleeps && taken.expires().saturating_sub(now) < life / 2 {
            taken.extend(now, now.saturating_add(life));
        }
        if let Some(got) = self.got.get_mut(index as usize) {
            *got = Some(machine);
        }
        if reuse != Reuse::Named {
            self.settles(machine, &ask);
        }
        if !sleeps {
            let git = self.git_time(&ask, there);
            return self.runs(index, git.saturating_add(ask.wait));
        }
        if !self.may_start() {
            self.gives_back(index, machine, false);
            return self.ended(index, End::Refused);
        }
        let own = match (&self.setting.resume, ask.had) {
            (None, Some((Reuse::Paused, micros))) => Some(micros),
            _ => None,
        };
        let micros = own.unwrap_or_else(|| self.resume.draw(&mut self.chance));
        self.creating += 1;
        self.after(micros, Step::Woken(index, machine));
    }

    /// Where those are found that an operation could mean.
    fn home(&self, ask: &Ask) -> Option<(u32, u32)> {
        match self.setting.policy.reuse {
            ReuseRule::Never => None,
            ReuseRule::Task => {
                Some((ask.repo, self.agent_of.get(ask.actor as usize).copied().unwrap_or(ANY)))
            }
            ReuseRule::Repo => Some((ask.repo, ANY)),
        }
    }

    /// Where it is found from now on.
    fn settles(&mut self, machine: u32, ask: &Ask) {
        let Some(home) = self.home(ask) else { return };
        let known = self.homes.entry(home).or_default();
        if !known.contains(&machine) {
            known.push(machine);
        }
    }

    pub(super) fn made(&mut self, index: u32) {
        let ask = self.ask(index);
        self.creating -= 1;
        let Ok(number) = u32::try_from(self.machines.len()) else { return };
        let workload = self.workload;
        let actor = workload.actors.get(ask.actor as usize).cloned().unwrap_or_default();
        let repo = workload.repos.get(ask.repo as usize).cloned();
        let size = (self.setting.vcpu, self.setting.memory_mb);
        let expires = self.now.saturating_add(self.life());
        let mut machine = Machine::made(number as usize, self.now, size, expires, actor, repo);
        let until = self.now.saturating_add(i64::try_from(ask.lease).unwrap_or(0));
        machine.lease(index, self.now, until, Reuse::New, None);
        self.machines.push(machine);
        self.outcome.created += 1;
        self.started();
        self.clock.at(expires, Step::Expires(number));
        if let Some(got) = self.got.get_mut(index as usize) {
            *got = Some(number);
        }
        self.settles(number, &ask);
        let git = self.git_time(&ask, false);
        self.runs(index, git);
    }

    pub(super) fn woken(&mut self, index: u32, machine: u32) {
        let ask = self.ask(index);
        self.creating -= 1;
        let expires = self.now.saturating_add(self.life());
        let Some(woken) = self.machines.get_mut(machine as usize) else { return };
        woken.resume(self.now, expires);
        let there = woken.state.workspace.is_some();
        self.outcome.woken += 1;
        self.started();
        self.clock.at(expires, Step::Expires(machine));
        if !ask.leases {
            // A read wakes it under a lease and runs without one.
            if let Some(woken) = self.machines.get_mut(machine as usize) {
                woken.reading += 1;
            }
            self.gives_back(index, machine, false);
        }
        let git = if ask.leases { self.git_time(&ask, there) } else { ask.git };
        self.runs(index, git.saturating_add(ask.wait));
    }

    /// From now on only git and the rest are waited for.
    fn runs(&mut self, index: u32, micros: u64) {
        let ask = self.ask(index);
        if matches!(ask.place, Place::Opens(_)) {
            let arrived = self.arrived.get(index as usize).copied().unwrap_or(self.now);
            let wait = self.now.saturating_sub(arrived).max(0).unsigned_abs();
            self.outcome.waits.record(wait);
        }
        self.after(micros.saturating_add(ask.other), Step::Done(index));
    }

    /// Its own git time where a working copy was there or not as it was recorded; else one like it.
    fn git_time(&mut self, ask: &Ask, there: bool) -> u64 {
        if let Some(fetch) = ask.fetch.filter(|_| there) {
            return fetch;
        }
        let Some((reuse, _)) = ask.had else { return ask.git };
        let was_there = matches!(reuse, Reuse::Ready | Reuse::Paused);
        if was_there == there || ask.fails {
            return ask.git;
        }
        let times = if there { &self.git.with } else { &self.git.without };
        let Some(times) = times.get(&ask.operation).filter(|times| !times.is_empty()) else { return ask.git };
        let place = usize::try_from(self.chance.below(times.len() as u64)).unwrap_or(0);
        times.get(place).copied().unwrap_or(ask.git)
    }

    pub(super) fn done(&mut self, index: u32) {
        let ask = self.ask(index);
        let mut end = if ask.fails { End::Failed } else { End::Succeeded };
        if !matches!(ask.place, Place::Nowhere | Place::Ends(_))
            && let Some(machine) = self.got.get(index as usize).copied().flatten()
        {
            let known = self.machines.get_mut(machine as usize);
            let alive = known.is_some_and(|known| {
                let reads = !ask.leases;
                if reads {
                    known.reading = known.reading.saturating_sub(1);
                    known.state.used(instant(self.now));
                }
                !known.gone
            });
            let made_for_nothing = ask.fails
                && matches!(ask.place, Place::Opens(_))
                && self.machines.get(machine as usize).is_some_and(|one| one.state.workspace.is_none());
            if !alive {
                end = End::NotFound;
            } else if made_for_nothing {
                self.kill(machine, KillReason::Unused);
            } else if ask.leases {
                self.gives_back(index, machine, matches!(ask.place, Place::Opens(_)) && !ask.fails);
            } else {
                self.look_later(machine);
            }
        }
        self.ended(index, end);
    }

    /// The lease ends; the next in line has it.
    fn gives_back(&mut self, index: u32, machine: u32, opened: bool) {
        let Some(known) = self.machines.get_mut(machine as usize) else { return };
        if known.held_by == Some(index) && !known.gone {
            known.release(index, self.now, opened);
        }
        let next = known.queue.pop_front();
        self.look_later(machine);
        if let Some(next) = next {
            self.enters(next, machine);
        }
    }

    fn ended(&mut self, index: u32, end: End) {
        let arrived = self.arrived.get(index as usize).copied().unwrap_or(self.now);
        let micros = self.now.saturating_sub(arrived).max(0).unsigned_abs();
        match end {
            End::Succeeded => self.outcome.succeeded += 1,
            End::Failed => self.outcome.failed += 1,
            End::NotFound => self.outcome.not_found += 1,
            End::Refused => self.outcome.refused += 1,
        }
        let ask = self.ask(index);
        let worked = ask.git > 0 || ask.wait > 0 || ask.had.is_some();
        if end == End::Succeeded || (end == End::Failed && worked) {
            self.outcome.durations.record(micros);
        }
        self.left -= 1;
        let mut next = self.first_after.get(index as usize).copied().flatten();
        while let Some(follower) = next {
            self.after(self.ask(follower).think, Step::Arrives(follower));
            next = self.next_after.get(follower as usize).copied().flatten();
        }
    }

    pub(super) fn after(&mut self, micros: u64, step: Step) {
        self.clock.at(self.now.saturating_add(i64::try_from(micros).unwrap_or(i64::MAX / 4)), step);
    }
}
