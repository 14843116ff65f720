//! The price tables that a replay or a simulation is asked for: those that the program knows, and files.

use std::path::Path;

use gitledger_projections::cost::{NanoDollars, Price, ResourceTime};
use serde::Deserialize;

/// A price table under the name that the user knows it by.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name.
    pub name: String,
    price: Price,
}

impl Table {
    /// What a usage costs.
    pub fn of(&self, usage: ResourceTime) -> NanoDollars {
        self.price.of(usage)
    }

    /// What E2B asks for by its list.
    pub fn e2b_list() -> Self {
        Self { name: Price::E2B_LIST.name.to_owned(), price: Price::E2B_LIST }
    }

    /// A name that the program knows, or a file.
    pub fn named(text: &str) -> Result<Self, String> {
        if let Some(price) = Price::ALL.iter().find(|price| price.name == text) {
            return Ok(Self { name: text.to_owned(), price: *price });
        }
        file(Path::new(text))
    }
}

/// `vcpu_second`, `gib_second` and `sandbox_hour` in dollars; what is missing costs nothing.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: Option<String>,
    #[serde(default)]
    vcpu_second: f64,
    #[serde(default)]
    gib_second: f64,
    #[serde(default)]
    sandbox_hour: f64,
}

fn file(path: &Path) -> Result<Table, String> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let known: Vec<_> = Price::ALL.iter().map(|price| price.name).collect();
        format!("prices {}: {error}; known by name: {}", path.display(), known.join(", "))
    })?;
    let file: File = toml::from_str(&text).map_err(|error| format!("prices {}: {error}", path.display()))?;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // saturates; a price is small
    let nano = |dollars: f64| (dollars * 1e9).round() as u64;
    let price = Price {
        name: "file",
        as_of: "",
        vcpu_second_nano: nano(file.vcpu_second),
        gib_second_nano: nano(file.gib_second),
        sandbox_hour_nano: nano(file.sandbox_hour),
    };
    let name = file.name.unwrap_or_else(|| path.file_stem().unwrap_or_default().to_string_lossy().into_owned());
    Ok(Table { name, price })
}
