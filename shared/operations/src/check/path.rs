//! Rules for paths inside the workspace.

use crate::Rejection;

/// The most paths in one request.
pub const PATHS_MAX: usize = 500;

/// A path below the workspace: relative, no `..`, nothing inside `.git` in any spelling, no control
/// characters, at most 1024 bytes.
pub fn path(field: &str, text: &str) -> Result<(), Rejection> {
    let rule = if text.is_empty() {
        "must not be empty"
    } else if text.len() > 1024 {
        "must be at most 1024 bytes"
    } else if text.starts_with('/') || text.starts_with('~') {
        "must be relative to the workspace"
    } else if text.split('/').any(|part| part == "..") {
        "must not contain '..'"
    } else if text.chars().any(char::is_control) {
        "must not contain control characters"
    } else if text.split(['/', '\\']).any(names_git) {
        "must not lead into .git"
    } else {
        return Ok(());
    };
    Err(Rejection::argument(field, rule))
}

/// A path as git itself writes it, so that it can be compared: no `.` and no empty parts either.
pub fn file(field: &str, text: &str) -> Result<(), Rejection> {
    path(field, text)?;
    if text.split('/').any(|part| part.is_empty() || part == ".") {
        return Err(Rejection::argument(field, "must name a file, without '.' or empty parts"));
    }
    Ok(())
}

/// Several paths; each is named by its place when it breaks a rule.
pub fn paths(field: &str, all: &[String]) -> Result<(), Rejection> {
    if all.len() > PATHS_MAX {
        return Err(Rejection::argument(field, format!("must be at most {PATHS_MAX} paths")));
    }
    all.iter().enumerate().try_for_each(|(index, text)| path(&format!("{field}[{index}]"), text))
}

/// `.git` as file systems may read it: any case, with trailing dots and spaces, with the code points that
/// HFS+ ignores, and NTFS's short name.
fn names_git(part: &str) -> bool {
    let ignored = |c: &char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    let seen: String = part.chars().filter(|c| !ignored(c)).flat_map(char::to_lowercase).collect();
    let seen = seen.split(':').next().unwrap_or_default().trim_end_matches(['.', ' ']);
    seen == ".git" || seen == "git~1"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_in_the_workspace_and_out_of_git() {
        let bad = [
            "",
            "/etc/passwd",
            "../../etc/passwd",
            "a/../../b",
            "~/x",
            ".git/config",
            "a/.GIT/hooks/x",
            ".git.",
            ".git ",
            "git~1/x",
            ".g\u{200c}it/config",
            ".git::$INDEX_ALLOCATION",
            ".git\\config",
            "a\nb",
        ];
        for text in bad {
            assert!(path("path", text).is_err(), "{text:?}");
        }
        for text in ["a", "a/b.txt", ".gitignore", ".github/x", "-x", ":(top)x", "a b", "ü/ß"] {
            assert!(path("path", text).is_ok(), "{text:?}");
        }
    }
}
