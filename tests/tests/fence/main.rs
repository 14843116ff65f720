//! Leases and what holds them: late functions, dead ones, killed sandboxes, lost answers. Each test has an arm
//! without the mechanism that it is about, which must break.
//!
//! `GITLEDGER_EXAMPLES` says how much is tried: 1000 for the long run.

mod ground;
mod leaks;
mod mid_git;
mod orphans;
mod patience;
mod restart;
mod storm;

/// How often something is tried: `usual`, or what `GITLEDGER_EXAMPLES` says of what the long run does `most` of.
fn examples(usual: usize, most: usize) -> usize {
    let asked = std::env::var("GITLEDGER_EXAMPLES").ok().and_then(|text| text.parse::<usize>().ok());
    asked.map_or(usual, |asked| (asked * most / 1000).max(1))
}

/// Numbers for moments, the same in every run with the same seed.
#[derive(Clone, Debug)]
struct Lcg(u64);

impl Lcg {
    /// From 0 to 1.
    fn fraction(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(self.0 >> 32).unwrap_or_default()) / f64::from(u32::MAX)
    }

    /// A time up to this many milliseconds.
    fn pause(&mut self, most_ms: u32) -> std::time::Duration {
        std::time::Duration::from_secs_f64(self.fraction() * f64::from(most_ms) / 1000.0)
    }
}
