//! Tokens for git remotes, each for one host only.

use std::collections::BTreeMap;
use std::path::Path;

use gitledger_operations::Remote;
use gitledger_sandboxes::Secret;

use super::{SettingsError, wrong};

/// Tokens by the authority (`host` or `host:port`) of the remotes they are for.
#[derive(Debug, Default)]
pub struct Tokens(BTreeMap<String, Secret>);

impl Tokens {
    pub(super) fn read(get: &dyn Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let mut tokens = Self::default();
        if let Some(file) = get("GITLEDGER_GIT_TOKENS") {
            tokens.add_file(Path::new(&file))?;
        }
        if let Some(token) = get("GITHUB_TOKEN") {
            tokens.add("github.com", token);
        }
        Ok(tokens)
    }

    /// Adds the token of one authority.
    pub fn add(&mut self, authority: &str, token: String) {
        self.0.insert(authority.to_ascii_lowercase(), Secret::new(token));
    }

    /// The token for a remote, if its host has one.
    pub fn for_remote(&self, remote: &Remote) -> Option<&Secret> {
        self.0.get(&remote.authority().to_ascii_lowercase())
    }

    fn add_file(&mut self, file: &Path) -> Result<(), SettingsError> {
        const VARIABLE: &str = "GITLEDGER_GIT_TOKENS";
        private(file).map_err(|rule| wrong(VARIABLE, &rule))?;
        let text = std::fs::read_to_string(file)
            .map_err(|error| wrong(VARIABLE, &format!("{} cannot be read: {error}", file.display())))?;
        self.add_lines(VARIABLE, &text)
    }

    /// Adds `host = token` lines. `of` is where they are from, for whoever has to mend them.
    pub fn add_lines(&mut self, of: &str, text: &str) -> Result<(), SettingsError> {
        for (number, line) in numbered(text) {
            // The line itself is never shown: it holds a token.
            let Some((host, token)) = line.split_once('=') else {
                return Err(wrong(of, &format!("line {number} must be `host = token`")));
            };
            self.add(host.trim(), token.trim().to_owned());
        }
        Ok(())
    }
}

/// The lines that say something, each with its number in the text.
pub(super) fn numbered(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let numbered = text.lines().enumerate().map(|(before, line)| (before + 1, line.trim()));
    numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

/// A file of secrets must be its owner's alone.
fn private(file: &Path) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = std::fs::metadata(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let others = metadata.permissions().mode() & 0o077;
    if others == 0 {
        return Ok(());
    }
    Err(format!("{} can be read by others; run `chmod 600` on it", file.display()))
}

#[cfg(test)]
mod tests {
    use gitledger_operations::Remotes;

    use super::*;

    #[test]
    fn a_token_file_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "# mine\n127.0.0.1:8090 = canary-token\n").unwrap();
        let mut tokens = Tokens::default();
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
        assert!(tokens.add_file(file.path()).is_err());
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o600)).unwrap();
        tokens.add_file(file.path()).unwrap();
        let remotes = Remotes::allowing("http://127.0.0.1:8090/").unwrap();
        assert!(
            tokens.for_remote(&remotes.admit("repo_url", "http://127.0.0.1:8090/a/b").unwrap()).is_some()
        );
    }
}
