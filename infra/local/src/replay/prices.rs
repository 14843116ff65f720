//! The price tables that a replay or a simulation is asked for: lists that the program knows, and files.

use std::path::Path;

use gitledger_projections::cost::{NanoDollars, Prices, ResourceTime};

/// A price table under the name that the user knows it by.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name.
    pub name: String,
    prices: Prices,
}

impl Table {
    /// What a usage costs by the newest row of each list that counts.
    pub fn of(&self, usage: ResourceTime) -> NanoDollars {
        let newest = self.prices.used().iter().filter_map(|list| self.prices.row(list, i64::MAX));
        newest.map(|row| row.of(usage)).sum()
    }

    /// What E2B asks for by its list.
    pub fn e2b_list() -> Self {
        let prices = Prices::standard().clone();
        Self { name: prices.used().join("+"), prices }
    }

    /// A list that the program knows, or a price file (`gitledger cost --prices-example` prints one).
    pub fn named(text: &str) -> Result<Self, String> {
        let standard = Prices::standard();
        if standard.lists().contains(&text) {
            return Ok(Self { name: text.to_owned(), prices: standard.using(&[text.to_owned()])? });
        }
        let known = || standard.lists().join(", ");
        let read = std::fs::read_to_string(text);
        let file = read.map_err(|error| format!("prices {text}: {error}; known by name: {}", known()))?;
        let prices = Prices::parse(&file).map_err(|error| format!("prices {text}: {error}"))?;
        let name = Path::new(text).file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { name, prices })
    }
}
