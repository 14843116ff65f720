//! Reads `git ls-remote --symref`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::git::workspace::is_oid;

/// A reference of a remote.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RemoteRef {
    /// The full name.
    pub name: String,
    /// The object's id: a commit, or a tag that has a message.
    pub oid: String,
    /// Of a tag that has a message: the id of what it points to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peeled: Option<String>,
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) refs: Vec<RemoteRef>,
    pub(super) default_branch: Option<String>,
    pub(super) head: Option<String>,
}

/// Lines of `<oid> TAB <name>`, for HEAD also `ref: <name> TAB HEAD`. HEAD is no reference of its own. Of a
/// list that was `cut` the last line may not be whole.
pub(super) fn read(text: &str, cut: bool) -> Listed {
    let whole = if cut { text.rsplit_once('\n').map_or("", |(whole, _)| whole) } else { text };
    let mut listed = Listed::default();
    for (value, name) in whole.lines().filter_map(|line| line.split_once('\t')) {
        if name == "HEAD" {
            match value.strip_prefix("ref: refs/heads/") {
                Some(branch) => listed.default_branch = Some(branch.to_owned()),
                None => listed.head = Some(value.to_owned()).filter(|oid| is_oid(oid)),
            }
        } else if !is_oid(value) {
            // What another name points to, by `--symref`.
        } else if let Some(tag) = name.strip_suffix("^{}") {
            if let Some(last) = listed.refs.last_mut().filter(|last| last.name == tag) {
                last.peeled = Some(value.to_owned());
            }
        } else if listed.refs.last().is_none_or(|last| last.name != name) {
            listed.refs.push(RemoteRef { name: name.to_owned(), oid: value.to_owned(), peeled: None });
        }
    }
    listed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_has_what_it_points_to_and_head_is_no_reference() {
        let [a, b] = ["a", "b"].map(|digit| digit.repeat(40));
        let text = format!(
            "ref: refs/heads/main\tHEAD\n{a}\tHEAD\n{a}\trefs/heads/main\n{b}\trefs/tags/v1\n{a}\trefs/tags/v1^{{}}\n{a}\trefs/ta"
        );
        let listed = read(&text, true);
        assert_eq!((listed.default_branch.as_deref(), listed.head.as_ref()), (Some("main"), Some(&a)));
        let names: Vec<_> = listed.refs.iter().map(|one| (one.name.as_str(), one.peeled.is_some())).collect();
        assert_eq!(names, [("refs/heads/main", false), ("refs/tags/v1", true)]);
    }

    #[test]
    fn no_bytes_make_it_panic() {
        for bytes in crate::git::noise::noise(1000, b"ref: refs/heads/HEAD\t\n^{}a\xff") {
            read(&String::from_utf8_lossy(&bytes), bytes.len() % 2 == 0);
        }
    }
}
