//! Patterns for repositories and references: `*` stands for any characters, `/` included, as in a refspec.

use gitledger_events::Repo;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Rejection;

/// The longest pattern, in bytes.
const PATTERN_BYTES_MAX: usize = 300;

/// `host[:port]/owner/name` with `*` in the path, or `*` alone. The host is always written out: `*` in it
/// would admit names that only end like the one that is meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct RepoPattern(String);

/// The full name of a reference with `*` in it. What does not start with `refs/` is a branch.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct RefPattern(String);

impl RepoPattern {
    /// Checks a pattern; the field is what the caller calls it.
    pub fn new(field: &str, text: &str) -> Result<Self, Rejection> {
        let (host, path) = text.split_once('/').unwrap_or((text, ""));
        let whole = !host.is_empty() && !host.contains('*') && !path.is_empty();
        if is_plain(text) && (text == "*" || whole) && !text.contains("://") {
            return Ok(Self(text.trim_end_matches(".git").to_owned()));
        }
        Err(Rejection::argument(field, "must be host/owner/name with '*' in owner or name only, or '*'"))
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is this repository, letter by letter: for what a pattern permits.
    pub fn permits(&self, repo: &Repo) -> bool {
        fits(&self.0, repo.as_str())
    }

    /// Whether it may be this repository, upper and lower case alike: for what a pattern restricts. Many
    /// hosts take `Acme/App` for `acme/app`.
    pub fn restricts(&self, repo: &Repo) -> bool {
        fits(&self.0.to_ascii_lowercase(), &repo.as_str().to_ascii_lowercase())
    }
}

impl RefPattern {
    /// Checks a pattern; the field is what the caller calls it.
    pub fn new(field: &str, text: &str) -> Result<Self, Rejection> {
        if !is_plain(text) {
            return Err(Rejection::argument(field, "must be a branch or a reference, with '*' for any text"));
        }
        Ok(Self(if text.starts_with("refs/") { text.to_owned() } else { format!("refs/heads/{text}") }))
    }

    /// The full name, with `*`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is this reference, named in full.
    pub fn matches(&self, reference: &str) -> bool {
        fits(&self.0, reference)
    }
}

fn is_plain(text: &str) -> bool {
    (1..=PATTERN_BYTES_MAX).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// `*` stands for any characters, also for none. Linear in the text for each part of the pattern.
fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

impl TryFrom<String> for RepoPattern {
    type Error = Rejection;

    fn try_from(text: String) -> Result<Self, Rejection> {
        Self::new("repo", &text)
    }
}

impl TryFrom<String> for RefPattern {
    type Error = Rejection;

    fn try_from(text: String) -> Result<Self, Rejection> {
        Self::new("pattern", &text)
    }
}

impl From<RepoPattern> for String {
    fn from(pattern: RepoPattern) -> Self {
        pattern.0
    }
}

impl From<RefPattern> for String {
    fn from(pattern: RefPattern) -> Self {
        pattern.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repo(text: &str) -> Repo {
        let (host, path) = text.split_once('/').unwrap();
        Repo::from_parts(host, path)
    }

    #[test]
    fn a_star_is_any_text_and_everything_else_is_itself() {
        for (pattern, text) in
            [("*", ""), ("*", "a/b"), ("a*", "a"), ("a*c", "abc"), ("a*c", "ac"), ("*a*a*", "aa"), ("a", "a")]
        {
            assert!(fits(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [("a", "ab"), ("a", "b"), ("a*a", "a"), ("a*c", "acb"), ("*aa*aa", "aaa")] {
            assert!(!fits(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn a_pattern_for_one_owner_is_not_for_one_whose_name_begins_alike() {
        let pattern = RepoPattern::new("repo", "github.com/acme/*").unwrap();
        assert!(pattern.permits(&repo("github.com/acme/app")));
        for other in
            ["github.com/acme-evil/app", "github.com.evil.com/acme/app", "evil.com/github.com/acme/app"]
        {
            assert!(!pattern.permits(&repo(other)) && !pattern.restricts(&repo(other)), "{other}");
        }
    }

    #[test]
    fn another_case_is_restricted_alike_and_permitted_never() {
        let pattern = RepoPattern::new("repo", "github.com/acme/*").unwrap();
        assert!(pattern.restricts(&repo("github.com/ACME/app")));
        assert!(!pattern.permits(&repo("github.com/ACME/app")));
    }

    #[test]
    fn a_pattern_names_its_host() {
        for bad in ["", "github.com", "*/acme/app", "*.com/a/b", "https://github.com/a/b", "a b/c", "/a"] {
            assert!(RepoPattern::new("repo", bad).is_err(), "{bad}");
        }
        for good in ["*", "github.com/*", "127.0.0.1:8090/acme/app", "h/a*/b"] {
            assert!(RepoPattern::new("repo", good).is_ok(), "{good}");
        }
    }
}
