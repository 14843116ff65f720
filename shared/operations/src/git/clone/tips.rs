//! Reads `git ls-remote --symref <url> HEAD refs/heads/*`.

/// What a remote has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tips {
    /// No branch at all.
    Empty,
    /// Branches, and this is the one to start from.
    Branch(String),
}

/// HEAD's branch; where HEAD is none, the branch at HEAD's commit, `main`, `master`, or the first.
pub(super) fn read(text: &str) -> Tips {
    let mut head = None;
    let mut branches = Vec::new();
    for line in text.lines() {
        let Some((value, name)) = line.split_once('\t') else { continue };
        if let Some(target) = value.strip_prefix("ref: refs/heads/") {
            if name == "HEAD" {
                return Tips::Branch(target.to_owned());
            }
        } else if name == "HEAD" {
            head = Some(value);
        } else if let Some(branch) = name.strip_prefix("refs/heads/") {
            branches.push((branch, value));
        }
    }
    let chosen = branches
        .iter()
        .find(|(_, oid)| Some(*oid) == head)
        .or_else(|| branches.iter().find(|(name, _)| *name == "main"))
        .or_else(|| branches.iter().find(|(name, _)| *name == "master"))
        .or_else(|| branches.first());
    chosen.map_or(Tips::Empty, |(name, _)| Tips::Branch((*name).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{Tips, read};

    #[test]
    fn the_default_branch_is_heads_or_the_likeliest() {
        let branch = |name: &str| Tips::Branch(name.to_owned());
        assert_eq!(read(""), Tips::Empty);
        assert_eq!(read("ref: refs/heads/dev\tHEAD\naa\tHEAD\naa\trefs/heads/dev\n"), branch("dev"));
        assert_eq!(read("bb\tHEAD\naa\trefs/heads/main\nbb\trefs/heads/x\n"), branch("x"));
        assert_eq!(read("aa\trefs/heads/a\nbb\trefs/heads/master\n"), branch("master"));
    }

    #[test]
    fn no_bytes_make_it_panic() {
        for bytes in crate::git::noise::noise(1000, b"ref: refs/heads/HEAD\t\n\xff") {
            read(&String::from_utf8_lossy(&bytes));
        }
    }
}
