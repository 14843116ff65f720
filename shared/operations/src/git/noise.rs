//! Noise for the parsers' tests.

/// Many short texts made of these bytes, always the same: what a sandbox that lies might print.
pub(crate) fn noise(texts: u64, alphabet: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let next = |state: u64| state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
    (0..texts).map(move |seed| {
        let mut state = next(next(seed.wrapping_mul(7919)));
        let length = (state >> 33) % 120;
        let mut draw = || {
            state = next(state);
            alphabet[usize::try_from(state >> 33).unwrap() % alphabet.len()]
        };
        (0..length).map(|_| draw()).collect()
    })
}
