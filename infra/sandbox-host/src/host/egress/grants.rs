//! Headers that are added for a while, by name: each operation opens its own way and closes it, whatever
//! others do at the same time. One that nobody closes lapses. Not E2B's.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::policy::{NetworkBody, Rules};

/// Of one sandbox at once; those that have lapsed do not count.
const GRANTS_MAX: usize = 64;
/// However long was asked for.
const LAPSES_MAX: Duration = Duration::from_hours(1);

/// What a client asks for.
#[derive(Deserialize)]
pub(in crate::host) struct GrantBody {
    /// Where what is added, as for the sandbox's own rules.
    #[serde(flatten)]
    network: NetworkBody,
    lapses_after_ms: u64,
}

/// There are as many as there may be.
#[derive(Debug)]
pub(in crate::host) struct GrantsFull;

/// The grants of one sandbox. No `Debug`: they hold credentials.
#[derive(Default)]
pub(in crate::host) struct Grants(Mutex<HashMap<String, (Rules, Instant)>>);

impl GrantBody {
    /// What is granted, and for how long. The reason is for the client.
    pub(in crate::host) fn read(self) -> Result<(Rules, Duration), &'static str> {
        let lapses_after = Duration::from_millis(self.lapses_after_ms).min(LAPSES_MAX);
        Ok((self.network.rules()?, lapses_after))
    }
}

impl Grants {
    /// Opens one, or replaces the one of this name.
    pub(in crate::host) fn open(
        &self,
        name: String,
        rules: Rules,
        lapses_after: Duration,
    ) -> Result<(), GrantsFull> {
        let now = Instant::now();
        let mut grants = self.lock();
        grants.retain(|_, (_, lapses)| *lapses > now);
        if grants.len() >= GRANTS_MAX && !grants.contains_key(&name) {
            return Err(GrantsFull);
        }
        grants.insert(name, (rules, now + lapses_after));
        Ok(())
    }

    /// Closes one. False when there was none.
    pub(in crate::host) fn close(&self, name: &str) -> bool {
        self.lock().remove(name).is_some()
    }

    /// The rules with what is granted now.
    pub(super) fn joined(&self, rules: Rules) -> Rules {
        let now = Instant::now();
        let grants = self.lock();
        let live = grants.values().filter(|(_, lapses)| *lapses > now);
        live.fold(rules, |rules, (granted, _)| rules.with_added_of(granted))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, (Rules, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(lapses_after_ms: u64) -> (Rules, Duration) {
        let body = serde_json::json!({"lapses_after_ms": lapses_after_ms, "rules": {"a.example": [
            {"path": "/r", "transform": {"headers": {"Authorization": "Basic x"}}}]}});
        serde_json::from_value::<GrantBody>(body).unwrap().read().unwrap()
    }

    fn added(grants: &Grants) -> usize {
        grants.joined(Rules::default()).added("a.example", None, "/r/info/refs").0.len()
    }

    #[test]
    fn each_is_open_until_it_is_closed_whatever_becomes_of_others() {
        let grants = Grants::default();
        for name in ["one", "two"] {
            let (rules, lapses_after) = body(60_000);
            grants.open(name.to_owned(), rules, lapses_after).unwrap();
        }
        assert!(grants.close("one") && !grants.close("one"));
        assert_eq!(added(&grants), 1);
        assert!(grants.close("two"));
        assert_eq!(added(&grants), 0);
    }

    #[test]
    fn one_that_nobody_closes_lapses_and_makes_room() {
        let grants = Grants::default();
        for number in 0..GRANTS_MAX {
            let (rules, lapses_after) = body(0);
            grants.open(number.to_string(), rules, lapses_after).unwrap();
        }
        assert_eq!(added(&grants), 0);
        for number in 0..GRANTS_MAX {
            let (rules, lapses_after) = body(60_000);
            grants.open(format!("lives-{number}"), rules, lapses_after).unwrap();
        }
        let (rules, lapses_after) = body(60_000);
        assert!(grants.open("one too many".to_owned(), rules, lapses_after).is_err());
        assert_eq!(body(u64::MAX).1, LAPSES_MAX);
    }
}
