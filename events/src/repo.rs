//! Which repository an event is about, without anything secret.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `host[:port]/owner/name`: no scheme, no credentials, no `.git`, no query. Made only from a URL
/// that has been admitted, by [`Repo::from_parts`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Repo(String);

impl Repo {
    /// Joins an authority (`host` or `host:port`) and a URL path.
    pub fn from_parts(authority: &str, path: &str) -> Self {
        let path = path.trim_matches('/');
        let path = path.strip_suffix(".git").unwrap_or(path);
        Self(format!("{authority}/{path}"))
    }

    /// The text, `host/owner/name`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Repo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Repo;

    #[test]
    fn the_same_repository_has_one_name() {
        for path in ["/acme/app", "/acme/app.git", "acme/app/", "/acme/app.git/"] {
            assert_eq!(Repo::from_parts("github.com", path).as_str(), "github.com/acme/app");
        }
    }
}
