//! What every operation in a named sandbox needs: its workspace, its remote, where HEAD is.

use gitledger_events::sandbox::WorkspaceOpened;

use super::script::Script;
use crate::failure::codes;
use crate::{Context, Exits, Failure, Rejection, Remote, Step};

/// A sandbox's id: lower case letters, digits and `-`, at most 64.
pub(crate) fn sandbox_id(text: &str) -> Result<(), Rejection> {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if (1..=64).contains(&text.len()) && text.bytes().all(inner) {
        return Ok(());
    }
    Err(Rejection::argument("sandbox_id", "must be 1 to 64 lower case letters, digits or '-'"))
}

/// The workspace, or the failure of an operation that comes before any clone.
pub(crate) fn opened<'a>(context: &Context<'a>) -> Result<&'a WorkspaceOpened, Box<Failure>> {
    context.workspace.ok_or_else(|| {
        let message = "There is no repository in this sandbox: clone first.";
        Box::new(Failure::new(codes::NOT_A_REPOSITORY, message))
    })
}

/// The remote that the ledger knows for the workspace; never the one in the workspace's own
/// configuration. It is admitted again: what is admitted may have changed since the clone.
pub(crate) fn remote(context: &Context<'_>) -> Result<Remote, Box<Failure>> {
    let workspace = opened(context)?;
    context
        .remotes
        .admit("repo_url", &workspace.repo_url)
        .map_err(|rejection| Box::new(Failure::new(codes::TRANSPORT_FORBIDDEN, rejection.to_string())))
}

/// Where HEAD is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    /// The commit; `None` before the first.
    pub(crate) oid: Option<String>,
    /// The branch; `None` when HEAD is detached, or before the first commit.
    pub(crate) branch: Option<String>,
}

/// Prints HEAD's commit and the full name of its branch. Fails before the first commit.
pub(crate) fn head_step() -> Step {
    Step::git(["rev-parse", "HEAD", "--symbolic-full-name", "HEAD"]).may_fail()
}

/// Reads what [`head_step`] printed.
pub(crate) fn head(script: &Script, exits: &Exits, name: &str) -> Head {
    let Some(exit) = script.exit(exits, name).filter(|exit| exit.ok()) else {
        return Head::default();
    };
    let text = exit.text();
    let mut lines = text.lines();
    let oid = lines.next().filter(|oid| is_oid(oid)).map(str::to_owned);
    let branch = lines.next().and_then(|name| name.strip_prefix("refs/heads/")).map(str::to_owned);
    Head { oid, branch }
}

pub(crate) use crate::check::reference::is_object_id as is_oid;

/// An instant as git writes it in ISO 8601, the same from every git: until 2.43 UTC was `+00:00`.
pub(crate) fn date(text: &str) -> String {
    text.strip_suffix("+00:00").map_or_else(|| text.to_owned(), |local| format!("{local}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sandbox_id_is_not_an_option_a_path_or_empty() {
        for bad in ["", "../x", "A", "a b", "a\u{0}", &"a".repeat(65)] {
            assert!(sandbox_id(bad).is_err(), "{bad:?}");
        }
        assert!(sandbox_id("i2k9x-1").is_ok());
    }
}
