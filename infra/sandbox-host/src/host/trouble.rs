//! Trouble made on purpose: slow creation, and creation that fails, for experiments.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How much trouble there is to be. The same seed gives the same trouble to the same order of creations.
#[derive(Clone, Debug)]
pub struct Trouble {
    /// How long a creation takes at least, chosen evenly from this range; what it really takes comes on top.
    pub create_latency: RangeInclusive<Duration>,
    /// The share of creations that are answered with 503 after that time, with nothing made; 0 to 1.
    pub fail_rate: f64,
    /// Where chance starts.
    pub seed: u64,
}

impl Default for Trouble {
    fn default() -> Self {
        Self { create_latency: Duration::ZERO..=Duration::ZERO, fail_rate: 0.0, seed: 0 }
    }
}

/// What one creation meets.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fate {
    pub(super) latency: Duration,
    pub(super) fails: bool,
}

/// Hands out fates.
pub(super) struct Fates {
    trouble: Trouble,
    drawn: AtomicU64,
}

impl Fates {
    pub(super) fn new(trouble: Trouble) -> Self {
        Self { trouble, drawn: AtomicU64::new(0) }
    }

    /// The next creation's.
    pub(super) fn draw(&self) -> Fate {
        let number = self.drawn.fetch_add(2, Ordering::Relaxed);
        let (least, most) = (*self.trouble.create_latency.start(), *self.trouble.create_latency.end());
        let chance = |number| unit(self.trouble.seed, number);
        let latency = least + most.saturating_sub(least).mul_f64(chance(number));
        Fate { latency, fails: chance(number + 1) < self.trouble.fail_rate }
    }
}

/// The `number`th of the seed's numbers in 0..1 (`SplitMix64`).
fn unit(seed: u64, number: u64) -> f64 {
    let mut mixed = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    // 32 bits are exact in a float.
    f64::from(u32::try_from(mixed >> 32).unwrap_or(u32::MAX)) / 4_294_967_296.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fates(seed: u64) -> Vec<Fate> {
        let create_latency = Duration::from_secs(2)..=Duration::from_secs(8);
        let fates = Fates::new(Trouble { create_latency, fail_rate: 0.05, seed });
        (0..2000).map(|_| fates.draw()).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_trouble_and_another_seed_another() {
        assert_eq!(fates(7), fates(7));
        assert_ne!(fates(7), fates(8));
    }

    #[test]
    fn latencies_fill_their_range_and_failures_have_their_share() {
        let drawn = fates(1);
        let (two, eight) = (Duration::from_secs(2), Duration::from_secs(8));
        assert!(drawn.iter().all(|fate| (two..=eight).contains(&fate.latency)));
        let mean = drawn.iter().map(|fate| fate.latency).sum::<Duration>() / 2000;
        assert!((Duration::from_millis(4800)..Duration::from_millis(5200)).contains(&mean), "{mean:?}");
        let failed = drawn.iter().filter(|fate| fate.fails).count();
        assert!((60..140).contains(&failed), "{failed} of 2000");
    }

    #[test]
    fn without_trouble_nothing_waits_and_nothing_fails() {
        let fates = Fates::new(Trouble::default());
        assert!((0..100).all(|_| fates.draw() == Fate { latency: Duration::ZERO, fails: false }));
    }
}
