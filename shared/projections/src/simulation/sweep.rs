//! Many settings at once: a grid of policies, and those of it that nothing else beats.

use serde::Serialize;

use super::latency::duration;
use super::outcome::{Outcome, OutcomeFigures};
use super::setting::{Brief, Setting};
use crate::cost::NanoDollars;
use crate::sandbox_policy::ReuseRule;

/// More settings than this are no question but an accident.
pub const SETTINGS_MAX: usize = 10_000;

/// A grid: for each thing that may be otherwise, the values to try.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sweep {
    axes: Vec<Axis>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Axis {
    TtlS(Vec<u64>),
    PauseAfterS(Vec<u64>),
    Pool(Vec<u64>),
    Limit(Vec<u64>),
    Vcpu(Vec<u64>),
    MemoryMb(Vec<u64>),
    Reuse(Vec<ReuseRule>),
}

/// One setting with what came of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Point {
    /// The setting.
    pub setting: Brief,
    /// What came of it.
    pub figures: OutcomeFigures,
    /// What it costs a month of 30 days.
    pub monthly: NanoDollars,
    /// Nothing else in the grid costs less without being slower.
    pub on_frontier: bool,
}

/// `ttl=5m..2h,pool=0..10,pause=30s..10m,limit=..,vcpu=1..8,memory=512..4096,reuse=task|repo`. A range of times or
/// sizes is cut into steps that each grow by the same factor, one of counts into equal ones; `a|b|c` are just these.
impl std::str::FromStr for Sweep {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let axes = text.split(',').map(axis).collect::<Result<Vec<_>, _>>()?;
        let sweep = Self { axes };
        let count = sweep.len();
        if count > SETTINGS_MAX {
            return Err(format!("{count} settings are too many; at most {SETTINGS_MAX}"));
        }
        Ok(sweep)
    }
}

fn axis(text: &str) -> Result<Axis, String> {
    let (name, values) =
        text.split_once('=').ok_or_else(|| format!("'{text}' should be as ttl=5m..2h or pool=0..10"))?;
    let seconds = |text: &str| duration(text).map(|micros| micros / 1_000_000);
    let whole = |text: &str| text.trim().parse::<u64>().map_err(|_| format!("'{text}' is no whole number"));
    Ok(match name.trim() {
        "ttl" => Axis::TtlS(steps(values, seconds, 10, true)?),
        "pause" => Axis::PauseAfterS(steps(values, seconds, 10, true)?),
        "pool" => Axis::Pool(steps(values, whole, 11, false)?),
        "limit" => Axis::Limit(steps(values, whole, 11, false)?),
        "vcpu" => Axis::Vcpu(steps(values, whole, 8, false)?),
        "memory" => Axis::MemoryMb(steps(values, whole, 5, true)?),
        "reuse" => Axis::Reuse(values.split('|').map(reuse).collect::<Result<_, _>>()?),
        other => {
            return Err(format!(
                "'{other}' cannot be varied; ttl, pause, pool, limit, vcpu, memory, reuse can"
            ));
        }
    })
}

fn reuse(text: &str) -> Result<ReuseRule, String> {
    match text.trim() {
        "never" => Ok(ReuseRule::Never),
        "task" => Ok(ReuseRule::Task),
        "repo" => Ok(ReuseRule::Repo),
        other => Err(format!("'{other}' is no rule; never, task or repo")),
    }
}

/// The values of `a`, `a|b|c` or `a..b`.
fn steps(
    text: &str,
    read: impl Fn(&str) -> Result<u64, String>,
    most: usize,
    by_factor: bool,
) -> Result<Vec<u64>, String> {
    let Some((least, greatest)) = text.split_once("..") else { return text.split('|').map(read).collect() };
    let (least, greatest) = (read(least)?, read(greatest)?);
    if least > greatest {
        return Err(format!("'{text}' is upside down"));
    }
    if !by_factor && greatest - least < most as u64 {
        return Ok((least..=greatest).collect());
    }
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let value = |step: usize| {
        let share = step as f64 / (most - 1) as f64;
        let (low, high) = (least as f64, greatest as f64);
        let value =
            if by_factor && least > 0 { low * (high / low).powf(share) } else { low + (high - low) * share };
        value.round() as u64
    };
    let mut values: Vec<u64> = (0..most).map(value).collect();
    values.dedup();
    Ok(values)
}

impl Sweep {
    /// How many settings it has.
    pub fn len(&self) -> usize {
        self.axes.iter().map(Axis::len).product()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them, each a change of the same one.
    pub fn settings(&self, base: &Setting) -> Vec<Setting> {
        let mut settings = vec![base.clone()];
        for axis in &self.axes {
            settings = settings
                .iter()
                .flat_map(|setting| (0..axis.len()).map(move |place| axis.set(setting, place)))
                .collect();
        }
        settings
    }
}

impl Axis {
    fn len(&self) -> usize {
        match self {
            Self::TtlS(values)
            | Self::PauseAfterS(values)
            | Self::Pool(values)
            | Self::Limit(values)
            | Self::Vcpu(values)
            | Self::MemoryMb(values) => values.len(),
            Self::Reuse(values) => values.len(),
        }
    }

    fn set(&self, setting: &Setting, place: usize) -> Setting {
        let mut set = setting.clone();
        let at = |values: &Vec<u64>| values.get(place).copied().unwrap_or(0);
        let short = |values: &Vec<u64>| u32::try_from(at(values)).unwrap_or(u32::MAX);
        match self {
            Self::TtlS(values) => set.policy.ttl_s = at(values),
            Self::PauseAfterS(values) => set.policy.pause_after_s = at(values),
            Self::Pool(values) => set.policy.pool = short(values),
            Self::Limit(values) => set.limit = short(values),
            Self::Vcpu(values) => set.vcpu = short(values),
            Self::MemoryMb(values) => set.memory_mb = short(values),
            Self::Reuse(values) => set.policy.reuse = values.get(place).copied().unwrap_or_default(),
        }
        set
    }
}

/// Setting and outcome, with a price on it.
pub fn point(setting: &Setting, outcome: &Outcome, monthly: NanoDollars) -> Point {
    Point { setting: setting.brief(), figures: outcome.figures(), monthly, on_frontier: false }
}

/// Marks those that nothing beats: none has fewer failures, a shorter 95th percentile and a lower cost together.
pub fn mark_frontier(points: &mut [Point]) {
    let key = |point: &Point| (point.figures.failed, point.figures.durations.p95_us, point.monthly);
    let keys: Vec<_> = points.iter().map(key).collect();
    for (point, own) in points.iter_mut().zip(&keys) {
        let beaten =
            keys.iter().any(|other| other != own && other.0 <= own.0 && other.1 <= own.1 && other.2 <= own.2);
        point.on_frontier = !beaten;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_is_read_as_people_write_it() {
        let sweep: Sweep = "ttl=5m..2h,pool=0..10".parse().unwrap();
        let settings = sweep.settings(&Setting::default());
        assert_eq!((sweep.len(), settings.len()), (110, 110));
        let ttl = |setting: &Setting| setting.policy.ttl_s;
        assert_eq!((ttl(&settings[0]), ttl(&settings[109]), settings[109].policy.pool), (300, 7200, 10));
        let few: Sweep = "reuse=task|repo,pause=30s|2m".parse().unwrap();
        assert_eq!(few.len(), 4);
        for wrong in
            ["", "ttl", "ttl=fast", "ttl=2h..5m", "colour=red", "reuse=all", "limit=0..9999,ttl=1..9,x=1"]
        {
            assert!(wrong.parse::<Sweep>().is_err(), "{wrong}");
        }
    }
}
