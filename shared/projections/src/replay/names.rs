//! Names as numbers: agents, tasks, repositories, operations, codes and sandboxes of one ledger.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Agent, repository, operation and sandbox: in each, what came last often comes next.
const PLACES: usize = 4;

/// A dictionary that only grows. Number 0 stands for "no name".
#[derive(Clone, Debug)]
pub struct Names {
    numbers: HashMap<Box<str>, u32, BuildHasherDefault<Quick>>,
    texts: Vec<Box<str>>,
    /// The last name in each of a few places.
    last: [u32; PLACES],
}

impl Default for Names {
    fn default() -> Self {
        let mut names = Self { numbers: HashMap::default(), texts: Vec::new(), last: [0; PLACES] };
        names.number("");
        names
    }
}

impl Names {
    /// The number of a name; a new one if it was never seen.
    pub fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = u32::try_from(self.texts.len()).unwrap_or(u32::MAX);
        self.numbers.insert(name.into(), number);
        self.texts.push(name.into());
        number
    }

    /// The number of a name that may be missing.
    pub fn optional(&mut self, name: Option<&str>) -> u32 {
        name.map_or(0, |name| self.number(name))
    }

    /// The same, for a place in which what came last often comes again.
    #[inline]
    pub(super) fn again(&mut self, place: usize, name: Option<&str>) -> u32 {
        let Some(name) = name else { return 0 };
        let last = self.last.get(place).copied().unwrap_or(0);
        if self.name(last) == name {
            return last;
        }
        let number = self.number(name);
        if let Some(last) = self.last.get_mut(place) {
            *last = number;
        }
        number
    }

    /// The name of a number; empty for one that was never given.
    pub fn name(&self, number: u32) -> &str {
        self.texts.get(number as usize).map_or("", |name| name)
    }

    /// How many there are, "no name" included.
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Never: "no name" is always there.
    pub fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }

    /// Those from a number on, in the order in which they were first seen.
    pub fn since(&self, number: usize) -> impl Iterator<Item = &str> {
        self.texts.iter().skip(number).map(|name| &**name)
    }
}

/// A short hash for short names and for their numbers. They come from our own ledger: nobody gains by making them collide but
/// whoever may write there, and then only time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quick(u64);

const FACTOR: u64 = 0x9E37_79B9_7F4A_7C15;

impl Hasher for Quick {
    fn write(&mut self, bytes: &[u8]) {
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            let word = word.try_into().map_or(0, u64::from_le_bytes);
            self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(FACTOR);
        }
        let mut rest = [0u8; 8];
        for (to, from) in rest.iter_mut().zip(words.remainder()) {
            *to = *from;
        }
        self.0 = (self.0.rotate_left(5) ^ u64::from_le_bytes(rest)).wrapping_mul(FACTOR);
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = (self.0.rotate_left(5) ^ u64::from(number)).wrapping_mul(FACTOR);
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}

#[cfg(test)]
mod tests {
    use super::Names;

    #[test]
    fn a_name_keeps_its_number() {
        let mut names = Names::default();
        let (one, two) = (names.number("agent-1"), names.number("agent-2"));
        assert_eq!((one, two, names.number("agent-1")), (1, 2, 1));
        assert_eq!((names.name(2), names.name(0), names.name(9)), ("agent-2", "", ""));
        assert_eq!((names.optional(None), names.len()), (0, 3));
        assert_eq!(names.since(2).collect::<Vec<_>>(), ["agent-2"]);
        let again = ["agent-2", "agent-2", "agent-1", "", "agent-3"].map(|name| names.again(1, Some(name)));
        assert_eq!((again, names.again(1, None)), ([2, 2, 1, 0, 3], 0));
    }
}
