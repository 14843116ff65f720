//! A stretch of event time, cut into equal steps.

use jiff::Timestamp;

/// Steps that people can read off an axis, in seconds.
const STEPS_S: [i64; 17] =
    [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 24 * 3600];
/// So many steps at most, when the step is chosen here.
const STEPS_WANTED: i64 = 120;
/// So many steps at most, whatever is asked for.
pub const STEPS_MAX: i64 = 1000;

const SECOND: i64 = 1_000_000;

/// From the beginning of one step to the end of another; microseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    from: i64,
    step: i64,
    steps: i64,
}

impl Window {
    /// The steps that cover the time from `from` to `until`. Without a step, one that gives about a hundred; one
    /// that would give more than [`STEPS_MAX`] is made longer.
    pub fn covering(from: Timestamp, until: Timestamp, step_s: Option<u64>) -> Self {
        let (from, until) = (from.as_microsecond(), until.as_microsecond());
        let length = until.saturating_sub(from).max(SECOND);
        let asked = step_s.and_then(|step| i64::try_from(step).ok()).filter(|step| *step > 0);
        let shortest = length / STEPS_MAX;
        let step = match asked {
            Some(step) if step.saturating_mul(SECOND) >= shortest => step.saturating_mul(SECOND),
            Some(_) => readable(shortest),
            None => readable(length / STEPS_WANTED),
        };
        let first = from.div_euclid(step);
        let last = from.saturating_add(length).saturating_sub(1).div_euclid(step);
        Self { from: first.saturating_mul(step), step, steps: last - first + 1 }
    }

    /// Its beginning.
    pub fn from(&self) -> i64 {
        self.from
    }

    /// Its end, which is not part of it.
    pub fn until(&self) -> i64 {
        self.from.saturating_add(self.step.saturating_mul(self.steps))
    }

    /// How long a step is, in microseconds.
    pub fn step(&self) -> i64 {
        self.step
    }

    /// How many steps there are.
    pub fn len(&self) -> usize {
        usize::try_from(self.steps).unwrap_or(0)
    }

    /// Never: a window has a step at least.
    pub fn is_empty(&self) -> bool {
        self.steps == 0
    }

    /// The step that an instant is in.
    pub fn index(&self, at: i64) -> Option<usize> {
        let index = at.saturating_sub(self.from).div_euclid(self.step);
        (0..self.steps).contains(&index).then(|| usize::try_from(index).unwrap_or(0))
    }

    /// Whether an instant is in it.
    pub fn contains(&self, at: i64) -> bool {
        self.index(at).is_some()
    }

    /// The ends of all steps.
    pub fn ends(&self) -> impl Iterator<Item = i64> + '_ {
        (1..=self.steps).map(|index| self.from.saturating_add(index.saturating_mul(self.step)))
    }
}

/// The shortest readable step that is not shorter; whole days beyond the table.
fn readable(shortest: i64) -> i64 {
    let found = STEPS_S.iter().map(|step| step * SECOND).find(|step| *step >= shortest);
    let day = 24 * 3600 * SECOND;
    found.unwrap_or_else(|| shortest.saturating_add(day - 1).div_euclid(day).saturating_mul(day))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{STEPS_MAX, Window};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_window_covers_what_was_asked_for_in_steps_that_people_can_read() {
        for (length, step) in [(1, 1), (60, 1), (900, 10), (3600, 30), (86_400, 900), (30 * 86_400, 6 * 3600)]
        {
            let window = Window::covering(at(1_000_007), at(1_000_007 + length), None);
            assert_eq!(window.step(), step * 1_000_000, "{length}");
            assert!(window.from() <= 1_000_007_000_000 && window.from() % window.step() == 0);
            assert!(window.until() >= (1_000_007 + length) * 1_000_000);
            assert!(window.len() <= 121, "{length}: {}", window.len());
        }
    }

    #[test]
    fn no_step_is_so_short_that_there_are_too_many() {
        for step in [Some(1), Some(0), None] {
            let window = Window::covering(at(0), at(400 * 365 * 86_400), step);
            assert!(window.len() <= usize::try_from(STEPS_MAX).unwrap() + 1, "{step:?}: {}", window.len());
        }
    }

    #[test]
    fn an_instant_is_in_one_step() {
        let window = Window::covering(at(100), at(160), Some(20));
        assert_eq!(window.len(), 3);
        assert_eq!(window.index(99_999_999), None);
        assert_eq!(window.index(100_000_000), Some(0));
        assert_eq!(window.index(119_999_999), Some(0));
        assert_eq!(window.index(120_000_000), Some(1));
        assert_eq!(window.index(160_000_000), None);
        assert_eq!(window.ends().collect::<Vec<_>>(), [120_000_000, 140_000_000, 160_000_000]);
    }
}
