//! The price file: dated lists of rates, and which of them count.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::windows::DAY_MICROS;
use super::{Exact, Price, Usage};

/// The file that is compiled in, for people to copy and edit.
pub const STANDARD: &str = include_str!("../../prices.toml");

/// So many lists there can be: each is a label value.
const LISTS_MAX: usize = 8;
/// So many rows there can be in all.
const ROWS_MAX: usize = 500;

/// What a price file says, checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Prices {
    /// The lists that are added up to one amount.
    used: Vec<String>,
    /// By list, then by day.
    rows: Vec<Price>,
    /// The first day of each row, in days since 1970.
    #[serde(skip)]
    days: Vec<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    r#use: Vec<String>,
    price: Vec<Price>,
}

impl Prices {
    /// The prices that are compiled in.
    pub fn standard() -> &'static Self {
        // That the file can be read is tested; without it everything would cost nothing.
        static READ: LazyLock<Prices> = LazyLock::new(|| {
            Prices::parse(STANDARD).unwrap_or(Prices { used: Vec::new(), rows: Vec::new(), days: Vec::new() })
        });
        &READ
    }

    /// Reads a file's text; the error says which rule is broken.
    pub fn parse(text: &str) -> Result<Self, String> {
        let File { r#use: used, price: mut rows } =
            toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
        let lists: BTreeSet<&str> = rows.iter().map(|row| row.list.as_str()).collect();
        if lists.len() > LISTS_MAX || rows.len() > ROWS_MAX {
            return Err(format!("there can be at most {LISTS_MAX} lists and {ROWS_MAX} rows"));
        }
        if let Some(wrong) = lists.iter().find(|name| !is_name(name)) {
            return Err(format!("list {wrong:?} must be 1 to 40 lower-case letters, digits and hyphens"));
        }
        check_use(&used, &lists)?;
        rows.sort_by(|one, other| (&one.list, one.from).cmp(&(&other.list, other.from)));
        let same = |pair: &&[Price]| (&pair[0].list, pair[0].from) == (&pair[1].list, pair[1].from);
        if let Some(pair) = rows.windows(2).find(same) {
            return Err(format!("list {:?} has two rows from {}", pair[0].list, pair[0].from));
        }
        let days = rows.iter().map(Price::from_day).collect();
        Ok(Self { used, rows, days })
    }

    /// The same rows, with other lists added up.
    pub fn using(&self, lists: &[String]) -> Result<Self, String> {
        check_use(lists, &self.lists().into_iter().collect())?;
        Ok(Self { used: lists.to_vec(), ..self.clone() })
    }

    /// Every list's name, in order.
    pub fn lists(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.rows.iter().map(|row| row.list.as_str()).collect();
        names.dedup();
        names
    }

    /// The lists that are added up.
    pub fn used(&self) -> &[String] {
        &self.used
    }

    /// Every row, by list and day.
    pub fn rows(&self) -> &[Price] {
        &self.rows
    }

    /// The row of a list that holds on a day (in days since 1970, UTC).
    pub fn row(&self, list: &str, day: i64) -> Option<&Price> {
        let of_list = self.rows.iter().zip(&self.days).filter(|(row, _)| row.list == list);
        // Rows come in order: the last that has begun, else the first of all.
        let mut found = None;
        for (row, from) in of_list {
            if found.is_none() || *from <= day {
                found = Some(row);
            }
        }
        found
    }

    /// What a usage of one day costs by one list.
    pub fn exact_by(&self, list: &str, day: i64, usage: &Usage) -> Exact {
        self.row(list, day).map_or(Exact::ZERO, |row| row.exact(usage))
    }

    /// What a usage of one day costs by all lists that count.
    pub fn exact(&self, day: i64, usage: &Usage) -> Exact {
        self.used.iter().map(|list| self.exact_by(list, day, usage)).sum()
    }

    /// Eight hex digits that are others when anything in the file is another: what was made with these prices
    /// is told from what was made with other ones. Not a secure hash.
    pub fn digest(&self) -> String {
        let text = serde_json::to_string(self).unwrap_or_default();
        format!("{:08x}", fnv(text.as_bytes()))
    }
}

/// The day of an instant, in days since 1970 (UTC).
pub fn day_of(micros: i64) -> i64 {
    micros.div_euclid(DAY_MICROS)
}

/// FNV-1a, folded to 32 bits.
pub(crate) fn fnv(bytes: &[u8]) -> u32 {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    #[allow(clippy::cast_possible_truncation)] // folded
    let folded = (hash >> 32) as u32 ^ hash as u32;
    folded
}

fn check_use(used: &[String], lists: &BTreeSet<&str>) -> Result<(), String> {
    let known = || lists.iter().copied().collect::<Vec<_>>().join(", ");
    if used.is_empty() {
        return Err(format!("`use` must name at least one list; there are: {}", known()));
    }
    if let Some(unknown) = used.iter().find(|name| !lists.contains(name.as_str())) {
        return Err(format!("{unknown:?} is not a list; there are: {}", known()));
    }
    let mut seen = BTreeSet::new();
    match used.iter().find(|name| !seen.insert(*name)) {
        Some(twice) => Err(format!("{twice:?} would be counted twice")),
        None => Ok(()),
    }
}

fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=40).contains(&name.len()) && name.bytes().all(fits)
}
