//! A commit as git prints it, read: shared by `log` and `show`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::workspace;
use crate::check::text;

/// One commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Commit {
    /// Its id.
    pub oid: String,
    /// Its parents' ids; two or more for a merge, none for the first commit.
    pub parents: Vec<String>,
    /// Who wrote it.
    pub author: Signature,
    /// Who committed it.
    pub committer: Signature,
    /// The message's first line.
    pub subject: String,
    /// The rest of the message.
    pub body: String,
    /// True when the message is longer than the 16 KiB of it that are shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
}

/// A name, an address and an instant. All three are what the committer's git claimed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Signature {
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
    /// ISO 8601 with the time zone's offset.
    pub date: String,
}

const MESSAGE_BYTES_MAX: usize = 16 << 10;
const NAME_BYTES_MAX: usize = 200;
/// Fields per commit in [`FORMAT`].
const FIELDS: usize = 10;
const FORMAT: &str = "--format=%H%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%s%x00%b";

/// The arguments of a `git log` that [`parse`] reads, without options of its own and without revisions.
pub(super) fn arguments() -> Vec<String> {
    ["-c", "log.follow=false", "log", "-z", FORMAT, "--encoding=UTF-8", "--no-show-signature", "--no-notes"]
        .into_iter()
        .chain(["--no-decorate", "--no-mailmap", "--no-color", "--no-patch"])
        .map(str::to_owned)
        .collect()
}

/// Reads fields that end with a NUL byte each; a commit that is not whole is left out.
pub(super) fn parse(bytes: &[u8]) -> Vec<Commit> {
    let text = String::from_utf8_lossy(bytes);
    let ends = text.rfind('\0').unwrap_or(0);
    let fields: Vec<&str> = text[..ends].split('\0').collect();
    fields.chunks_exact(FIELDS).map_while(commit).collect()
}

fn commit(fields: &[&str]) -> Option<Commit> {
    let &[oid, parents, an, ae, ad, cn, ce, cd, subject, body] = fields else { return None };
    let signature = |name: &str, email: &str, date: &str| Signature {
        name: text::start(name, NAME_BYTES_MAX),
        email: text::start(email, NAME_BYTES_MAX),
        date: workspace::date(date),
    };
    let body = body.trim_end();
    workspace::is_oid(oid).then(|| Commit {
        oid: oid.to_owned(),
        parents: parents.split_whitespace().map(str::to_owned).collect(),
        author: signature(an, ae, ad),
        committer: signature(cn, ce, cd),
        subject: text::start(subject, MESSAGE_BYTES_MAX),
        body: text::start(body, MESSAGE_BYTES_MAX),
        cut: subject.len() > MESSAGE_BYTES_MAX || body.len() > MESSAGE_BYTES_MAX,
    })
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::git::noise::noise;

    #[test]
    fn a_commit_has_all_its_fields_and_a_cut_one_is_left_out() {
        let oid = "a".repeat(40);
        let one = format!("{oid}\0p1 p2\0A\0a@x\0d1\0C\0c@x\0d2\0subject\0body\nmore\n\0");
        let commits = parse(format!("{one}{oid}\0p\0A\0").as_bytes());
        assert_eq!(commits.len(), 1);
        assert_eq!(commits[0].parents, ["p1", "p2"]);
        assert_eq!(commits[0].committer.email, "c@x");
        assert_eq!(commits[0].body, "body\nmore");
    }

    #[test]
    fn a_message_without_end_is_cut() {
        let oid = "a".repeat(40);
        let commits = parse(format!("{oid}\0\0A\0\0\0\0\0\0s\0{}\0", "x".repeat(1 << 20)).as_bytes());
        assert_eq!((commits[0].body.len(), commits[0].cut), (16 << 10, true));
    }

    #[test]
    fn no_bytes_make_it_panic() {
        noise(1000, b"abc0 \0\0\0\n\xff").for_each(|bytes| drop(parse(&bytes)));
    }
}
