//! What is written in TOML, in a file or on AWS in a variable: the policies and the prices.

use std::path::PathBuf;

use gitledger_operations::policy::PushRule;
use gitledger_projections::SandboxPolicy;
use gitledger_projections::cost::{Budget, Prices, budget};
use serde::Deserialize;

use super::{Settings, SettingsError, wrong};

/// The policy file in the data directory.
const POLICY_FILE: &str = "policy.toml";
/// The price file in the data directory.
const PRICES_FILE: &str = "prices.toml";

/// The contents of [`POLICY_FILE`]: policies that know nothing of each other.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policies {
    /// What may be pushed, see [`gitledger_operations::PushPolicy`].
    pub push: Vec<PushRule>,
    /// How sandboxes are chosen and kept.
    pub sandboxes: SandboxPolicy,
    /// What may be spent.
    pub budget: Vec<Budget>,
}

impl Settings {
    /// The policies: of the file that is named, which must be there; else of the variable's text; else of
    /// [`POLICY_FILE`], which need not be there. Read once, at start. What cannot be read, or is not understood, is no
    /// policy.
    pub fn policies(&self) -> Result<Policies, SettingsError> {
        let named = self.policy_file.as_ref();
        let told = Told::find(
            ["GITLEDGER_POLICY", "GITLEDGER_POLICY_TEXT"],
            named.cloned(),
            self.policy_text.as_ref(),
            self.data_dir.join(POLICY_FILE),
        )?;
        let mut policies = told.map(|told| told.policies()).transpose()?.unwrap_or_default();
        policies.sandboxes.ttl_s = self.sandbox_ttl_s.unwrap_or(policies.sandboxes.ttl_s);
        Ok(policies)
    }

    /// The prices: of the file that is named, which must be there; else of the variable's text; else of
    /// [`PRICES_FILE`], which need not be there; else what is compiled in.
    pub fn prices(&self) -> Result<Prices, SettingsError> {
        let told = Told::find(
            ["GITLEDGER_PRICES", "GITLEDGER_PRICES_TEXT"],
            self.prices_file.clone(),
            self.prices_text.as_ref(),
            self.data_dir.join(PRICES_FILE),
        )?;
        let Some(told) = told else { return Ok(Prices::standard().clone()) };
        Prices::parse(&told.text).map_err(|error| told.is_wrong(&error))
    }
}

/// A text, and where it is from.
struct Told {
    variable: &'static str,
    /// `None`: from the variable itself.
    file: Option<PathBuf>,
    text: String,
}

impl Told {
    /// Of the variables the first names a file, and the second holds the text. `None` where nothing is said.
    fn find(
        [naming, holding]: [&'static str; 2],
        named: Option<PathBuf>,
        text: Option<&String>,
        default: PathBuf,
    ) -> Result<Option<Self>, SettingsError> {
        if let Some(text) = text.filter(|_| named.is_none()) {
            return Ok(Some(Self { variable: holding, file: None, text: text.clone() }));
        }
        let must_be_there = named.is_some();
        let file = named.unwrap_or(default);
        match std::fs::read_to_string(&file) {
            Ok(text) => Ok(Some(Self { variable: naming, file: Some(file), text })),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && !must_be_there => Ok(None),
            Err(error) => Err(wrong(naming, &format!("{} cannot be read: {error}", file.display()))),
        }
    }

    fn policies(&self) -> Result<Policies, SettingsError> {
        let policies: Policies =
            toml::from_str(&self.text).map_err(|error| self.is_wrong(error.to_string().trim_end()))?;
        if let Some(fault) = policies.sandboxes.fault().or_else(|| budget::fault(&policies.budget)) {
            return Err(self.is_wrong(fault));
        }
        // Whoever sets a variable means something. A shell or a tool that cuts a text at its first space leaves a
        // comment's sign or a table's head, and with it no policy at all.
        if self.file.is_none() && says_nothing(&self.text) {
            return Err(self.is_wrong("it sets nothing; was it cut off? Unset it to have no policies"));
        }
        Ok(policies)
    }

    fn is_wrong(&self, why: &str) -> SettingsError {
        let place = self.file.as_ref().map(|file| format!("{} ", file.display())).unwrap_or_default();
        wrong(self.variable, &format!("{place}is wrong: {why}"))
    }
}

/// Whether a text has no value but empty tables.
fn says_nothing(text: &str) -> bool {
    let table = text.parse::<toml::Table>();
    table.is_ok_and(|table| table.values().all(|value| value.as_table().is_some_and(toml::Table::is_empty)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policies(text: &'static str) -> Result<Policies, SettingsError> {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().to_str().unwrap().to_owned();
        let get = |name: &str| match name {
            "GITLEDGER_POLICY_TEXT" => Some(text.to_owned()),
            "GITLEDGER_DATA" => Some(data.clone()),
            _ => None,
        };
        Settings::read(&get).unwrap().policies()
    }

    #[test]
    fn a_variable_has_the_policies_where_there_is_no_file() {
        let found = policies("# ours\n[[push]]\nrepo = \"*\"\nprotect = [\"main\"]\n").unwrap();
        assert_eq!(found.push.len(), 1);
    }

    /// What is left of such a text where it is cut at its first space or line.
    #[test]
    fn a_text_that_was_cut_off_is_no_policy() {
        for text in ["#", "# ours\n", "[sandboxes]", "[[push]]", "[[push]]\nrepo"] {
            let error = policies(text).unwrap_err();
            assert_eq!(error.variable, "GITLEDGER_POLICY_TEXT", "{text}");
            assert!(error.rule.starts_with("is wrong: "), "{error}");
        }
    }
}
