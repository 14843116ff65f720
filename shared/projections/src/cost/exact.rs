//! Amounts of money before they are rounded, and how a whole is divided without losing a part of it.

use std::ops::{Add, AddAssign};

use serde::{Deserialize, Serialize};

use super::NanoDollars;

/// Billionths of a dollar are cut into so many pieces that every rate times every usage is a whole number:
/// microseconds (10^6), GiB in MiB (1024), hours in seconds (3600), rates in billionths of a thousandth (1000).
pub(super) const PIECES_A_NANO: u128 = PIECES_A_PICO * 1000;
/// The same for a thousandth of a billionth, in which rates are kept.
pub(super) const PIECES_A_PICO: u128 = 3600 * 1024 * 1_000_000;

/// An exact amount; added up without rounding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Exact(u128);

impl Exact {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// From pieces of a nano-dollar, [`PIECES_A_NANO`] of them.
    pub(super) const fn of_pieces(pieces: u128) -> Self {
        Self(pieces)
    }

    /// Rounded once, half up.
    pub fn rounded(self) -> NanoDollars {
        nano(self.0.saturating_add(PIECES_A_NANO / 2) / PIECES_A_NANO)
    }

    fn floor(self) -> u128 {
        self.0 / PIECES_A_NANO
    }

    fn remainder(self) -> u128 {
        self.0 % PIECES_A_NANO
    }
}

impl From<NanoDollars> for Exact {
    fn from(amount: NanoDollars) -> Self {
        Self(u128::from(amount.as_u64()) * PIECES_A_NANO)
    }
}

impl Add for Exact {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Exact {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl std::iter::Sum for Exact {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::ZERO, Add::add)
    }
}

/// The parts in nano-dollars, so that they add up exactly to their rounded sum: each is rounded down, and what is
/// missing goes one by one to those that lost most (the largest remainder; of equals, the first).
pub fn apportion(parts: &[Exact]) -> Vec<NanoDollars> {
    let whole = parts.iter().copied().sum::<Exact>().rounded();
    let floors: u128 = parts.iter().map(|part| part.floor()).sum();
    let missing = usize::try_from(u128::from(whole.as_u64()).saturating_sub(floors)).unwrap_or(0);
    let mut by_loss: Vec<usize> = (0..parts.len()).collect();
    by_loss.sort_by_key(|&part| std::cmp::Reverse(parts[part].remainder()));
    let mut amounts: Vec<u128> = parts.iter().map(|part| part.floor()).collect();
    for &part in by_loss.iter().take(missing) {
        amounts[part] += 1;
    }
    amounts.into_iter().map(nano).collect()
}

/// A whole number divided in proportion to the weights (in equal parts where they are all 0), by the largest
/// remainder: the parts add up to it. Nothing where there are no weights.
pub fn divide(whole: u64, weights: &[u64]) -> Vec<u64> {
    let sum: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
    let weight = |part: usize| if sum == 0 { 1 } else { u128::from(weights[part]) };
    let sum = if sum == 0 { weights.len() as u128 } else { sum };
    if sum == 0 {
        return Vec::new();
    }
    let share = |part: usize| u128::from(whole) * weight(part);
    // No part is greater than the whole.
    let floor = |part: usize| u64::try_from(share(part) / sum).unwrap_or(whole);
    let mut parts: Vec<u64> = (0..weights.len()).map(floor).collect();
    let missing = usize::try_from(whole - parts.iter().sum::<u64>()).unwrap_or(0);
    let mut by_loss: Vec<usize> = (0..weights.len()).collect();
    by_loss.sort_by_key(|&part| std::cmp::Reverse(share(part) % sum));
    for &part in by_loss.iter().take(missing) {
        parts[part] += 1;
    }
    parts
}

fn nano(number: u128) -> NanoDollars {
    NanoDollars::new(u64::try_from(number).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn third() -> Exact {
        Exact::of_pieces(PIECES_A_NANO / 3)
    }

    #[test]
    fn three_thirds_are_one_and_the_first_gets_it() {
        let parts = apportion(&[third(), third(), third()]);
        assert_eq!(parts.iter().map(|part| part.as_u64()).collect::<Vec<_>>(), [1, 0, 0]);
        assert!(apportion(&[]).is_empty());
    }

    #[test]
    fn whatever_the_parts_are_they_add_up_to_the_whole() {
        let mut seed = 7_u128;
        for count in 1..60 {
            let parts: Vec<Exact> = (0..count)
                .map(|_| {
                    seed =
                        seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    Exact::of_pieces(seed % (PIECES_A_NANO * 3))
                })
                .collect();
            let whole = parts.iter().copied().sum::<Exact>().rounded();
            assert_eq!(apportion(&parts).into_iter().sum::<NanoDollars>(), whole, "{count} parts");
        }
    }

    #[test]
    fn time_is_divided_without_a_rest() {
        assert_eq!(divide(100, &[1, 1, 1]), [34, 33, 33]);
        assert_eq!(divide(7, &[0, 0]), [4, 3]);
        assert_eq!(divide(10, &[0, 3, 1]), [0, 8, 2], "7.5 and 2.5: of equal remainders the first");
        assert_eq!(
            divide(u64::MAX, &[u64::MAX, u64::MAX]).iter().map(|part| u128::from(*part)).sum::<u128>(),
            u128::from(u64::MAX)
        );
        assert!(divide(5, &[]).is_empty());
    }
}
