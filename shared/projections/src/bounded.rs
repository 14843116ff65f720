//! Maps that stay small whatever the events contain.

use std::collections::BTreeMap;

/// The catch-all for what is not in a bounded set.
pub const OTHER: &str = "other";

/// How many distinct names one map takes in before the rest goes under [`OTHER`]. Names come from
/// tables with some dozens of entries; the limit is for ledgers that somebody else has written to.
pub const MAX_NAMES: usize = 128;

/// The entry of a name, or of [`OTHER`] when the map is full.
pub fn entry<'a, V: Default>(map: &'a mut BTreeMap<String, V>, name: &str) -> &'a mut V {
    entry_within(map, name, MAX_NAMES)
}

/// Like [`entry`], with another limit.
pub fn entry_within<'a, V: Default>(map: &'a mut BTreeMap<String, V>, name: &str, limit: usize) -> &'a mut V {
    let name = if map.len() >= limit && !map.contains_key(name) { OTHER } else { name };
    map.entry(name.to_owned()).or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{MAX_NAMES, OTHER, entry};

    #[test]
    fn a_flood_of_names_ends_up_under_other() {
        let mut map = BTreeMap::<String, u64>::new();
        for n in 0..1000 {
            *entry(&mut map, &format!("name-{n}")) += 1;
        }
        assert_eq!(map.len(), MAX_NAMES + 1);
        assert_eq!(map[OTHER], 1000 - MAX_NAMES as u64);
    }
}
