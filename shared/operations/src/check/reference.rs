//! Rules for names of branches and for revisions.

use crate::Rejection;

/// A branch's name as a caller may write it: what `git check-ref-format --branch` accepts, less what git
/// would take for something else (`-x`, `+x`, `refs/x`, `@`, `HEAD`).
pub fn branch(field: &str, name: &str) -> Result<(), Rejection> {
    if is_branch(name) {
        return Ok(());
    }
    let rule = "must be a branch name: no leading '-', '+' or 'refs/', no spaces, control characters, \
                '~^:?*[\\', '..', '//' or '@{', no part that starts with '.' or ends with '.lock' or '.', \
                at most 200 bytes";
    Err(Rejection::argument(field, rule))
}

/// A tag's name, by the same rules.
pub fn tag(field: &str, name: &str) -> Result<(), Rejection> {
    branch(field, name).map_err(|rejection| Rejection {
        rule: rejection.rule.replacen("a branch name", "a tag name", 1),
        ..rejection
    })
}

/// A branch name, tag name or (abbreviated) object id. Nothing that git would calculate with (`a^`, `a..b`).
pub fn revision(field: &str, text: &str) -> Result<(), Rejection> {
    if text == "HEAD" || is_branch(text) || is_branch(text.strip_prefix("refs/").unwrap_or("-")) {
        return Ok(());
    }
    Err(Rejection::argument(field, "must be HEAD, a branch, a tag or an object id"))
}

/// A pattern of names: a branch name in which `*` and `?` may stand.
pub fn pattern(field: &str, text: &str) -> Result<(), Rejection> {
    if is_branch(&text.replace(['*', '?'], "x")) {
        return Ok(());
    }
    Err(Rejection::argument(field, "must be a name in which '*' and '?' may stand"))
}

/// A full object id: 40 or 64 lower case hexadecimal digits.
pub fn is_object_id(text: &str) -> bool {
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    matches!(text.len(), 40 | 64) && text.bytes().all(hex)
}

/// A full object id, where one is given.
pub fn object_id(field: &str, text: Option<&str>) -> Result<(), Rejection> {
    if text.is_none_or(is_object_id) {
        return Ok(());
    }
    Err(Rejection::argument(field, "must be a full object id: 40 or 64 lower case hexadecimal digits"))
}

fn is_branch(name: &str) -> bool {
    let forbidden = |b: u8| b <= b' ' || b == 0x7f || b"~^:?*[\\".contains(&b);
    #[allow(clippy::case_sensitive_file_extension_comparisons)] // `lower` is lower case
    let part = |part: &str| {
        let lower = part.to_ascii_lowercase();
        !part.is_empty() && !part.starts_with('.') && !part.ends_with('.') && !lower.ends_with(".lock")
    };
    !name.is_empty()
        && name.len() <= 200
        && !name.starts_with(['-', '+'])
        && !name.starts_with("refs/")
        && name != "@"
        && name != "HEAD"
        && !name.contains("..")
        && !name.contains("@{")
        && !name.bytes().any(forbidden)
        && !name.chars().any(super::text::hides)
        && name.split('/').all(part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_would_take_for_something_else_is_refused() {
        let bad = [
            "",
            "-x",
            "--upload-pack=x",
            "+main",
            "refs/heads/main",
            "@",
            "HEAD",
            "a b",
            "a..b",
            "a//b",
            "/a",
            "a/",
            "a.lock",
            "a/.b",
            "a.",
            "a~1",
            "a^",
            "a:b",
            "a?",
            "a*",
            "a[",
            "a\\b",
            "a@{1}",
            "a\u{7f}",
            "a\u{202e}b",
            "a\u{200b}b",
            "a\nb",
        ];
        for name in bad {
            assert!(branch("branch", name).is_err(), "{name:?}");
        }
        for name in ["main", "feature/a-b", "v1.2", "agent-a-1", "ü", "a@b"] {
            assert!(branch("branch", name).is_ok(), "{name:?}");
        }
    }

    #[test]
    fn a_revision_is_a_name_and_never_a_calculation() {
        for good in ["HEAD", "main", "refs/tags/v1", "deadbeef"] {
            assert!(revision("rev", good).is_ok(), "{good}");
        }
        for bad in ["HEAD~1", "a..b", "-p", "--output=x", ":/fix", "@{u}"] {
            assert!(revision("rev", bad).is_err(), "{bad}");
        }
    }
}
