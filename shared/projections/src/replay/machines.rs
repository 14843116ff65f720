//! The sandboxes of a replay: who runs since when, whose time it is, and how many run at once.
//!
//! The rules are those of [`crate::running`] and of [`crate::cost::attribution`], on whole microseconds.

use super::brief::{Brief, Kind};

/// The "operation" of a lease whose event does not name one.
pub const UNNAMED: u32 = u32::MAX;

/// A stretch of running time, and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    pub from: i64,
    pub until: i64,
    pub vcpu: u16,
    pub memory_mb: u32,
    pub agent: u32,
    pub repo: u32,
    /// The name of the operation that held the lease; 0: nobody did; [`UNNAMED`].
    pub operation: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Machine {
    alive: bool,
    running: bool,
    vcpu: u16,
    memory_mb: u32,
    since: i64,
    expires: i64,
    given_until: i64,
    agent: u32,
    repo: u32,
    holder: u32,
    epoch: u64,
}

/// All sandboxes that there are, by a small number of their own.
#[derive(Clone, Debug, Default)]
pub struct Machines {
    /// By the number of the name: its place in `machines`, plus one.
    places: Vec<u32>,
    machines: Vec<Machine>,
    running: Vec<u32>,
}

/// What one event did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// Time that now belongs to somebody.
    pub given: Option<Stretch>,
    /// One began to run, and now so many do.
    pub running: Option<u32>,
}

impl Machines {
    /// Takes in an event of a sandbox's stream.
    pub fn apply(&mut self, brief: &Brief) -> Effect {
        let Some(place) = self.place(brief) else { return Effect::default() };
        let Some(machine) = self.machines.get_mut(place as usize) else { return Effect::default() };
        if brief.kind == Kind::Created && !machine.alive {
            *machine = Machine {
                alive: true,
                vcpu: brief.small,
                memory_mb: brief.code,
                agent: brief.agent,
                ..Machine::default()
            };
        }
        if !machine.alive {
            return Effect::default();
        }
        let ran = machine.running;
        let open = machine.open(brief.at);
        let given = machine.turn(brief).or(open).and_then(|span| machine.give(span));
        machine.tell(brief);
        let runs = machine.running;
        let mut effect = Effect { given, running: None };
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

    /// What is not yet given at this instant.
    pub fn open(&self, now: i64) -> impl Iterator<Item = Stretch> {
        self.machines.iter().filter(|machine| machine.alive).filter_map(move |machine| {
            let mut machine = *machine;
            machine.open(now).and_then(|span| machine.give(span))
        })
    }

    /// How many run at this instant.
    pub fn count(&self, now: i64) -> u32 {
        let runs = |place: &&u32| self.machines.get(**place as usize).is_some_and(|one| now < one.expires);
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
        let place = u32::try_from(self.machines.len()).ok()?;
        self.machines.push(Machine::default());
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

    /// Gives what of a span is not given yet to whoever has the sandbox.
    fn give(&mut self, (from, until): (i64, i64)) -> Option<Stretch> {
        let from = from.max(self.given_until);
        let until = until.max(from);
        self.given_until = self.given_until.max(until);
        (until > from).then_some(Stretch {
            from,
            until,
            vcpu: self.vcpu,
            memory_mb: self.memory_mb,
            agent: self.agent,
            repo: self.repo,
            operation: self.holder,
        })
    }

    /// Whose it is from now on.
    fn tell(&mut self, brief: &Brief) {
        if brief.repo != 0 {
            self.repo = brief.repo;
        }
        match brief.kind {
            Kind::Leased => {
                self.agent = brief.agent;
                self.epoch = brief.a;
                self.holder = if brief.operation == 0 { UNNAMED } else { brief.operation };
            }
            Kind::Released if self.epoch == brief.a => self.holder = 0,
            Kind::Killed | Kind::Expired | Kind::Lost => self.alive = false,
            _ => {}
        }
    }
}
