//! Chance with a seed: the same numbers on every machine, every time.

/// A `SplitMix64` generator.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed ^ 0x5851_F42D_4C95_7F2D)
    }

    /// Any number.
    pub fn any(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `count`; 0 when there is none.
    pub fn below(&mut self, count: u64) -> u64 {
        let wide = u128::from(self.any()) * u128::from(count);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// From 0 to just below 1.
    #[allow(clippy::cast_precision_loss)] // 53 bits are what fits
    pub fn share(&mut self) -> f64 {
        (self.any() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Exponential with this mean.
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.share()).ln()
    }

    /// Normal with mean 0 and deviation 1.
    pub fn normal(&mut self) -> f64 {
        let (radius, angle) = (-2.0 * (1.0 - self.share()).ln(), self.share() * std::f64::consts::TAU);
        radius.sqrt() * angle.cos()
    }
}

#[cfg(test)]
mod tests {
    use super::Chance;

    #[test]
    fn the_same_seed_gives_the_same_numbers_and_they_spread() {
        let numbers = |seed| {
            let mut chance = Chance::new(seed);
            (0..1000).map(|_| chance.below(10)).collect::<Vec<_>>()
        };
        assert_eq!(numbers(1), numbers(1));
        assert_ne!(numbers(1), numbers(2));
        for digit in 0..10 {
            let count = numbers(3).iter().filter(|number| **number == digit).count();
            assert!((60..150).contains(&count), "{digit}: {count}");
        }
        let mut chance = Chance::new(4);
        let mean = (0..20_000).map(|_| chance.exponential(5.0)).sum::<f64>() / 20_000.0;
        assert!((mean - 5.0).abs() < 0.2, "{mean}");
        assert_eq!(chance.below(0), 0);
    }
}
