//! Staging and committing: shared by `add`, `commit` and `push`.

use crate::check;
use crate::plan::Input;
use crate::{Context, Rejection, Step};

/// The longest author's name or address, in bytes.
const IDENTITY_BYTES_MAX: usize = 200;

/// Stages these paths, deletions included; everything when `all`.
pub(crate) fn add_step(files: &[String], all: bool) -> Step {
    if all {
        return Step::git(["add", "--all", "--no-warn-embedded-repo"]);
    }
    Step::git(["add", "--no-warn-embedded-repo", "--pathspec-from-file=-", "--pathspec-file-nul"])
        .reading(Input::Fields(files.to_vec()))
}

/// Looks at files that were written, which git takes for changed until then, even if their contents are as
/// before. Fails where some are changed.
pub(crate) fn refresh_step() -> Step {
    Step::git(["update-index", "-q", "--refresh"]).may_fail()
}

/// Exits with 1 when something is staged.
pub(crate) fn staged_step() -> Step {
    Step::git(["diff", "--cached", "--quiet", "--no-ext-diff", "--no-textconv"]).may_fail()
}

/// Commits what is staged. Hooks do not run: they are switched off for every git process.
pub(crate) fn commit_step(message: &str, allow_empty: bool) -> Step {
    let mut argv = vec!["commit", "--quiet", "--no-verify", "--no-gpg-sign", "--cleanup=verbatim"];
    argv.extend(["--no-status", "--file=-"]);
    if allow_empty {
        argv.push("--allow-empty");
    }
    Step::git(argv).reading(Input::Text(tidy(message)))
}

/// The message without white space at its end, with one line end.
pub(crate) fn tidy(message: &str) -> String {
    let lines: Vec<_> = message.trim().lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}

/// Who commits, and when: the operation's own instant, so that a repeat makes the same commit.
pub(crate) fn identity(
    context: &Context<'_>,
    name: Option<&str>,
    email: Option<&str>,
) -> Vec<(String, String)> {
    let agent = context.actor.agent_id.as_deref().filter(|id| check::text::id("agent_id", id).is_ok());
    let name = name.map_or_else(|| agent.unwrap_or("gitledger").to_owned(), |name| name.trim().to_owned());
    let email = email.map_or_else(
        || format!("{}@agents.invalid", agent.unwrap_or("agent")),
        |email| email.trim().to_owned(),
    );
    let date = format!("@{} +0000", context.requested_at.as_second());
    ["AUTHOR", "COMMITTER"]
        .iter()
        .flat_map(|role| {
            [
                (format!("GIT_{role}_NAME"), name.clone()),
                (format!("GIT_{role}_EMAIL"), email.clone()),
                (format!("GIT_{role}_DATE"), date.clone()),
            ]
        })
        .collect()
}

/// A name or an address that git takes as it is.
pub(crate) fn check_identity(field: &str, text: Option<&str>) -> Result<(), Rejection> {
    let Some(text) = text else { return Ok(()) };
    let fits = text.len() <= IDENTITY_BYTES_MAX
        && text.chars().any(char::is_alphanumeric)
        && !text.chars().any(|c| c.is_control() || c == '<' || c == '>');
    if fits {
        return Ok(());
    }
    let rule = "must have a letter or a digit, no '<', '>' or control characters, at most 200 bytes";
    Err(Rejection::argument(field, rule))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_ends_with_one_line_end() {
        assert_eq!(tidy("  a  \r\n\nb \n\n\n"), "a\n\nb\n");
    }

    #[test]
    fn an_identity_cannot_break_out_of_its_header() {
        for bad in ["", "...", "a<b", "a\nb", "a>"] {
            assert!(check_identity("author_name", Some(bad)).is_err(), "{bad:?}");
        }
        assert!(check_identity("author_name", Some("Ada L.")).is_ok());
    }
}
