//! The sandboxes of a replay: which run since when, and how many at once.
//!
//! The rules are those of [`crate::running`], on whole microseconds. Whose the time is is told by
//! [`crate::cost::attribution`] and not again here.

use super::brief::{Brief, Kind};

/// A stretch of running time, and of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub from: i64,
    pub until: i64,
    pub vcpu: u16,
    pub memory_mb: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Machine {
    alive: bool,
    running: bool,
    vcpu: u16,
    memory_mb: u32,
    since: i64,
    expires: i64,
}

/// All sandboxes that there are, by a small number of their own.
#[derive(Clone, Debug, Default)]
pub struct Machines {
    /// By the number of the name: its place in `all`, plus one.
    places: Vec<u32>,
    all: Vec<Machine>,
    running: Vec<u32>,
}

/// What one event did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// Time that has ended.
    pub ended: Option<Stretch>,
    /// One began to run, and now so many do.
    pub running: Option<u32>,
}

impl Machines {
    /// Takes in an event of a sandbox's stream.
    pub fn apply(&mut self, brief: &Brief) -> Effect {
        let Some(place) = self.place(brief) else { return Effect::default() };
        let Some(machine) = self.all.get_mut(place as usize) else { return Effect::default() };
        if brief.kind == Kind::Created && !machine.alive {
            *machine =
                Machine { alive: true, vcpu: brief.small, memory_mb: brief.code, ..Machine::default() };
        }
        if !machine.alive {
            return Effect::default();
        }
        let ran = machine.running;
        let ended = machine.turn(brief).map(|span| machine.stretch(span));
        if matches!(brief.kind, Kind::Killed | Kind::Expired | Kind::Lost) {
            machine.alive = false;
        }
        let runs = machine.running;
        let mut effect = Effect { ended, running: None };
        match (ran, runs) {
            (false, true) => {
                self.running.push(place);
                effect.running = Some(self.count(brief.at));
            }
            (true, false) => self.running.retain(|one| *one != place),
            _ => {}
        }
        effect
    }

    /// What is still open at this instant.
    pub fn open(&self, now: i64) -> impl Iterator<Item = Stretch> {
        let alive = self.all.iter().filter(|machine| machine.alive);
        alive.filter_map(move |machine| machine.open(now).map(|span| machine.stretch(span)))
    }

    /// How many run at this instant.
    pub fn count(&self, now: i64) -> u32 {
        let runs = |place: &&u32| self.all.get(**place as usize).is_some_and(|one| now < one.expires);
        u32::try_from(self.running.iter().filter(runs).count()).unwrap_or(u32::MAX)
    }

    fn place(&mut self, brief: &Brief) -> Option<u32> {
        let name = brief.sandbox as usize;
        let known = self.places.get(name).copied().unwrap_or(0);
        if known > 0 {
            return Some(known - 1);
        }
        if brief.kind != Kind::Created {
            return None;
        }
        let place = u32::try_from(self.all.len()).ok()?;
        self.all.push(Machine::default());
        if self.places.len() <= name {
            self.places.resize(name + 1 + name / 2, 0);
        }
        if let Some(slot) = self.places.get_mut(name) {
            *slot = place + 1;
        }
        Some(place)
    }
}

impl Machine {
    fn until(&self, at: i64) -> (i64, i64) {
        (self.since, at.min(self.expires).max(self.since))
    }

    fn open(&self, now: i64) -> Option<(i64, i64)> {
        self.running.then(|| self.until(now))
    }

    /// Running or not; gives the span that ended.
    fn turn(&mut self, brief: &Brief) -> Option<(i64, i64)> {
        let expires = brief.b.cast_signed();
        match brief.kind {
            Kind::Created | Kind::Resumed if self.running && brief.at <= self.expires => {
                self.expires = expires;
                None
            }
            Kind::Created | Kind::Resumed => {
                let ended = self.open(brief.at);
                (self.running, self.since, self.expires) = (true, brief.at, expires);
                ended
            }
            Kind::Extended => {
                self.expires = if self.running { expires } else { self.expires };
                None
            }
            Kind::Paused | Kind::Killed | Kind::Expired | Kind::Lost => {
                let ended = self.open(brief.at);
                self.running = false;
                ended
            }
            _ => None,
        }
    }

    fn stretch(&self, (from, until): (i64, i64)) -> Stretch {
        Stretch { from, until, vcpu: self.vcpu, memory_mb: self.memory_mb }
    }
}
