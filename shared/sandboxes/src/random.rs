//! Random numbers: what nobody may guess (a run's mark) and what spreads retries.

/// 128 random bits as hexadecimal text; `None` when the system has no randomness to give.
pub(crate) fn nonce() -> Option<String> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).ok()?;
    Some(format!("{:032x}", u128::from_be_bytes(bytes)))
}

/// From 0 to 1. Without randomness it is the middle: retries still work, only less spread.
pub(crate) fn fraction() -> f64 {
    getrandom::u32().map_or(0.5, |number| f64::from(number) / f64::from(u32::MAX))
}
