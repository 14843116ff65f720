//! `remote-list`: which remotes the workspace knows.

use std::collections::BTreeMap;

use gitledger_events::operation::Effect;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::script::Script;
use super::workspace;
use crate::check::text;
use crate::failure::classify_exit;
use crate::plan::Ended;
use crate::{Budget, Context, Decision, Done, Exit, Exits, Operation, Place, Rejection, Remotes, Step};
use gitledger_events::operation::SideEffect;

/// Lists the remotes in the workspace's configuration. What `fetch`, `pull` and `push` talk to is
/// `repo_url`, whatever stands there.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoteList {
    /// The sandbox to look into.
    pub sandbox_id: String,
}

/// Remotes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RemoteListOutput {
    /// Where the workspace was cloned from, by the ledger.
    pub repo_url: String,
    /// By name, at most 200.
    pub remotes: Vec<RemoteEntry>,
    /// How many there are.
    pub remotes_total: u64,
}

/// One remote.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RemoteEntry {
    /// Its name.
    pub name: String,
    /// Its URL, without user, password, query or fragment.
    pub url: String,
    /// The URL for pushing, where there is another, without the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub push_url: Option<String>,
    /// True when something was left out of a URL: a credential may stand in the workspace's configuration.
    pub redacted: bool,
    /// True when it is the ledger's remote.
    pub ledger: bool,
}

const REMOTES_MAX: usize = 200;
const TEXT_BYTES_MAX: usize = 500;

impl Operation for RemoteList {
    const NAME: &'static str = "remote-list";
    const EFFECT: Effect = Effect::Reads;
    const BUDGET: Budget = Budget::LOCAL;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1"}"#;
    type Output = RemoteListOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        let opened = match workspace::opened(context) {
            Ok(opened) => opened,
            Err(failure) => return failure.into(),
        };
        let list = ["config", "-z", "--get-regexp", r"^remote\..+\.(url|pushurl)$"];
        let script = Script::default().step("list", Step::git(list).may_fail());
        let Some(exits) = rounds.first() else {
            return Decision::run(script.reading(context, Self::BUDGET, rounds));
        };
        let exit = exits.get(0).cloned().unwrap_or_default();
        // 1 is a configuration without any.
        if exits.ended != Ended::Normally || exit.code > 1 {
            return match script.failure(exits, SideEffect::None) {
                Some(failure) => failure.into(),
                None => classify_exit(&exit, SideEffect::None).into(),
            };
        }
        let mut remotes = parse(&exit, &opened.repo_url);
        let remotes_total = remotes.len() as u64;
        remotes.truncate(REMOTES_MAX);
        Done::with(RemoteListOutput { repo_url: opened.repo_url.clone(), remotes, remotes_total }).into()
    }
}

/// Reads `remote.<name>.<key> LF <value>`, NUL after each. Of several URLs the first is fetched from.
fn parse(exit: &Exit, ledger: &str) -> Vec<RemoteEntry> {
    let said = exit.text();
    let mut remotes: BTreeMap<&str, RemoteEntry> = BTreeMap::new();
    for record in said.split('\0') {
        let (key, value) = record.split_once('\n').unwrap_or((record, ""));
        let Some((name, key)) = key.strip_prefix("remote.").and_then(|key| key.rsplit_once('.')) else {
            continue;
        };
        let remote = remotes.entry(name).or_insert_with(|| RemoteEntry {
            name: text::start(name, TEXT_BYTES_MAX),
            ..RemoteEntry::default()
        });
        let (shown, redacted) = without_secrets(value);
        remote.redacted |= redacted;
        match key {
            "pushurl" => drop(remote.push_url.get_or_insert(shown)),
            _ if remote.url.is_empty() => {
                remote.ledger = plain(&shown) == plain(ledger);
                remote.url = shown;
            }
            _ => {}
        }
    }
    remotes.into_values().collect()
}

/// As two spellings of the same URL are alike.
fn plain(url: &str) -> &str {
    let url = url.trim_end_matches('/');
    url.strip_suffix(".git").unwrap_or(url)
}

/// A URL without what may be a secret, and whether there was something. A password may contain anything, an
/// `@` and a `/` too: where it is not plain that an `@` stands in the path, everything before the last one
/// goes. Of a transport that runs a command only its name is told.
fn without_secrets(url: &str) -> (String, bool) {
    if let Some((transport, _)) = url.split_once("::") {
        return (format!("{}::", text::start(transport, TEXT_BYTES_MAX)), true);
    }
    let (bare, cut) =
        url.find(['?', '#']).filter(|_| !url.contains('@')).map_or((url, false), |at| (&url[..at], true));
    let (scheme, rest) = bare.split_once("://").map_or(("", bare), |(scheme, rest)| (scheme, rest));
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let kept = if plain_host(host) { rest } else { rest.rsplit('@').next().unwrap_or_default() };
    let end = kept.find(['?', '#']).unwrap_or(kept.len());
    let shown = match scheme {
        "" => kept[..end].to_owned(),
        scheme => format!("{scheme}://{}", &kept[..end]),
    };
    (text::start(&shown, TEXT_BYTES_MAX), cut || end < kept.len() || kept.len() < rest.len())
}

/// A host with a dot in it, and a port or none.
fn plain_host(host: &str) -> bool {
    let (name, port) = host.split_once(':').unwrap_or((host, ""));
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    name.contains('.') && name.bytes().all(inner) && port.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::noise::noise;

    #[test]
    fn no_part_of_a_password_is_shown() {
        for (url, shown) in [
            ("https://u:p@h.example/a/b.git", "https://h.example/a/b.git"),
            ("https://user:p@ss/w:rd#1@github.com/a/b.git", "https://github.com/a/b.git"),
            ("https://user:p/ss@github.com/a/b.git", "https://github.com/a/b.git"),
            ("https://tok@h/a?access_token=x", "https://h/a"),
            ("https://h.example/a?access_token=x", "https://h.example/a"),
            ("https://h.example/a#p@q", "https://h.example/a"),
            ("ssh://git@h:22/a", "ssh://h:22/a"),
            ("git@github.com:a/b.git", "github.com:a/b.git"),
            ("ext::sh -c 'curl -H secret'", "ext::"),
        ] {
            assert_eq!(without_secrets(url), (shown.to_owned(), true), "{url}");
        }
        for url in
            ["https://h.example/@scope/a", "https://github.com/a/b", "/srv/git/a", "http://127.0.0.1:80/a"]
        {
            assert_eq!(without_secrets(url), (url.to_owned(), false), "{url}");
        }
    }

    #[test]
    fn a_name_may_have_dots_and_the_ledgers_remote_is_known_by_its_url() {
        let stdout = b"remote.a.b.url\nhttps://h.example/x/\0remote.o.pushurl\nhttps://u:p@h.example/y\0\
                       remote.o.url\nhttps://h.example/z\0remote.o.url\nhttps://h.example/second"
            .to_vec();
        let remotes = parse(&Exit { stdout, ..Exit::default() }, "https://h.example/x.git");
        assert_eq!((remotes[0].name.as_str(), remotes[0].ledger, remotes[0].redacted), ("a.b", true, false));
        assert_eq!((remotes[1].url.as_str(), remotes[1].redacted), ("https://h.example/z", true));
        assert_eq!(remotes[1].push_url.as_deref(), Some("https://h.example/y"));
    }

    #[test]
    fn no_bytes_make_it_panic_or_show_a_password() {
        for stdout in noise(2000, b"remote.url\n\0:/@?#\xff\xc3\xa9") {
            parse(&Exit { stdout, ..Exit::default() }, "x");
        }
    }
}
