//! What figures and simulations cost: by the price file in force, or by others, list by list.

use std::path::Path;

use gitledger_functions::Settings;
use gitledger_projections::cost::{Exact, NanoDollars, Prices, ResourceTime, Usage};
use gitledger_projections::replay::Figures;

/// One list of one price file, or the lists that a file adds up.
#[derive(Clone, Debug)]
pub struct Table {
    /// What it is called here.
    pub name: String,
    prices: Prices,
}

impl Table {
    /// What E2B asks for by its list.
    pub fn e2b_list() -> Self {
        Self { name: "e2b-list".to_owned(), prices: Prices::standard().clone() }
    }

    /// Those in force in a data directory, with the flat rate beside them; or those asked for: each the name of a
    /// list, or a price file, whose lists in use are added up.
    pub fn all(asked: &[String], data: &Path) -> Result<Vec<Self>, String> {
        let mut settings = Settings::from_env().map_err(|error| error.to_string())?;
        data.clone_into(&mut settings.data_dir);
        let prices = settings.prices().map_err(|error| error.to_string())?;
        if !asked.is_empty() {
            return asked.iter().map(|text| Self::named(text, &prices)).collect();
        }
        let mut tables = vec![Self { name: prices.used().join("+"), prices: prices.clone() }];
        let flat = "original-flat".to_owned();
        if !prices.used().contains(&flat) {
            tables.extend(
                prices.using(std::slice::from_ref(&flat)).ok().map(|prices| Self { name: flat, prices }),
            );
        }
        Ok(tables)
    }

    /// One that was asked for by `--prices`: a list of these prices by its name, or a price file.
    pub fn named(text: &str, prices: &Prices) -> Result<Self, String> {
        if prices.lists().contains(&text) {
            return Ok(Self { name: text.to_owned(), prices: prices.using(&[text.to_owned()])? });
        }
        let path = Path::new(text);
        let file = std::fs::read_to_string(path).map_err(|error| {
            format!("--prices {text}: {error}; lists known by name: {}", prices.lists().join(", "))
        })?;
        let prices = Prices::parse(&file).map_err(|error| format!("--prices {text}: {error}"))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { name, prices })
    }

    /// The rows, day by day.
    pub fn prices(&self) -> &Prices {
        &self.prices
    }

    /// What figures cost: each day by the rows that held on it, rounded once.
    pub fn figures(&self, figures: &Figures) -> NanoDollars {
        figures
            .days
            .iter()
            .map(|(day, found)| self.prices.exact(*day, &found.cost_usage()))
            .sum::<Exact>()
            .rounded()
    }

    /// What a usage of one day costs.
    pub fn day(&self, day: i64, usage: &Usage) -> NanoDollars {
        self.prices.exact(day, usage).rounded()
    }

    /// What sandboxes' time costs by the newest rows: a simulation is about what comes.
    pub fn of(&self, sandboxes: ResourceTime) -> NanoDollars {
        self.day(i64::MAX / 2, &Usage::from(sandboxes))
    }
}

#[cfg(test)]
mod tests {
    use gitledger_projections::replay::figures::DayFigures;

    use super::*;

    /// An hour of one processor on each of these days (since 1970).
    fn worked_on(days: &[i64]) -> Figures {
        let micros = 3_600_000_000;
        let usage = ResourceTime { running_micros: micros, vcpu_micros: micros, mib_micros: 0 };
        let day = |number: &i64| (*number, DayFigures { usage, ..DayFigures::default() });
        Figures { usage, days: days.iter().map(day).collect(), ..Figures::default() }
    }

    #[test]
    fn a_day_costs_by_the_row_that_held_on_it_whenever_it_is_asked() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("ours.toml");
        let row = |from: &str, dollars: &str| {
            format!("[[price]]\nlist = \"ours\"\nfrom = \"{from}\"\nsandbox_hour = {dollars}\n")
        };
        let rows = row("2026-03-10", "0.000001") + &row("2026-03-12", "0.00005");
        std::fs::write(&file, format!("use = [\"ours\"]\n{rows}")).unwrap();
        let asked = [file.display().to_string()];
        let table = Table::all(&asked, dir.path()).unwrap().pop().unwrap();
        // 2026-03-10 is day 20522.
        let cost = |days: &[i64]| table.figures(&worked_on(days)).as_u64();
        assert_eq!(cost(&[20_522]), 1_000);
        assert_eq!(cost(&[20_523]), 1_000, "the day before the new row");
        assert_eq!(cost(&[20_524]), 50_000);
        assert_eq!(cost(&[20_521, 20_522, 20_523, 20_524, 20_999]), 3 * 1_000 + 2 * 50_000);
        // What is simulated is about what comes.
        assert_eq!(table.of(worked_on(&[0]).usage).as_u64(), 50_000);
    }
}
