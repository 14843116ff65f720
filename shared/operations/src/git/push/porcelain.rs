//! Reads `git push --porcelain`.

/// What git said of one reference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// The remote has it, now or before.
    Landed,
    /// The reference was not what was expected: somebody else was faster.
    Superseded,
    /// The remote's rules do not allow it.
    Rejected,
}

/// The line of this reference: `<flag> TAB <from>:<to> TAB <summary>`. `None` when there is none: then it
/// is not known what happened.
pub(super) fn read(text: &str, reference: &str) -> Option<Line> {
    let ours = |line: &&str| {
        let names = line.split('\t').nth(1).unwrap_or_default();
        names.rsplit_once(':').is_some_and(|(_, to)| to == reference)
    };
    let line = text.lines().find(ours)?;
    let summary = line.split('\t').nth(2).unwrap_or_default();
    match line.chars().next()? {
        ' ' | '*' | '+' | '=' | '-' => Some(Line::Landed),
        '!' => refusal(summary),
        _ => None,
    }
}

/// The remote's own lock on a reference, too, says that somebody else is at it.
fn refusal(summary: &str) -> Option<Line> {
    let race = [
        "(stale info)",
        "(fetch first)",
        "(non-fast-forward)",
        "(needs force)",
        "(remote ref updated since checkout)",
        "(failed to update ref)",
        "(incorrect old value provided)",
        "(reference already exists)",
        "cannot lock ref",
    ];
    let [rejected, remote] = ["[rejected]", "[remote rejected]"].map(|word| summary.starts_with(word));
    let lost = race.iter().any(|word| summary.contains(word));
    match (rejected, remote) {
        // Without our own rule having been broken, the remote forbids it to everybody.
        (_, true) if summary.contains("(non-fast-forward)") => Some(Line::Rejected),
        (true, _) | (_, true) if lost => Some(Line::Superseded),
        (true, _) | (_, true) => Some(Line::Rejected),
        // `[remote failure]`: the remote did not say.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Line, read};
    use crate::git::noise::noise;

    #[test]
    fn a_line_is_landed_superseded_rejected_or_says_nothing() {
        let read = |line: &str| read(&format!("To https://x/y\n{line}\nDone\n"), "refs/heads/a");
        assert_eq!(read(" \taa:refs/heads/a\t1..2"), Some(Line::Landed));
        assert_eq!(read("*\taa:refs/heads/a\t[new branch]"), Some(Line::Landed));
        assert_eq!(read("=\taa:refs/heads/a\t[up to date]"), Some(Line::Landed));
        assert_eq!(read("-\t:refs/heads/a\t[deleted]"), Some(Line::Landed));
        assert_eq!(read("!\taa:refs/heads/a\t[rejected] (stale info)"), Some(Line::Superseded));
        assert_eq!(read("!\t(delete):refs/heads/a\t[rejected] (stale info)"), Some(Line::Superseded));
        assert_eq!(
            read("!\taa:refs/heads/a\t[remote rejected] (failed to update ref)"),
            Some(Line::Superseded)
        );
        assert_eq!(
            read("!\taa:refs/heads/a\t[remote rejected] (pre-receive hook declined)"),
            Some(Line::Rejected)
        );
        assert_eq!(read("!\taa:refs/heads/a\t[remote failure] (remote failed to report status)"), None);
        assert_eq!(read("*\taa:refs/heads/ab\t[new branch]"), None);
        assert_eq!(read(""), None);
    }

    #[test]
    fn no_bytes_make_it_panic() {
        for bytes in noise(1000, b"!*= +\t:refs/heads/a[rejected]()\n\xff") {
            read(&String::from_utf8_lossy(&bytes), "refs/heads/a");
        }
    }
}
