//! Which submodules are looked at: everything that `.gitmodules` says is checked here.

use super::Refused;
use super::modules::{Entry, Link};
use crate::failure::codes;
use crate::{Code, Remote, Remotes, check};

/// A submodule that may be fetched.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) path: String,
    pub(super) name: String,
    pub(super) commit: String,
    pub(super) remote: Remote,
}

impl Job {
    /// Its repository, relative to the workspace. One folder for each, never one inside another, whatever
    /// the names are; of plain names it is git's own.
    pub(super) fn git_dir(&self) -> String {
        let plain = |(index, byte): (usize, u8)| match byte {
            b'.' if index == 0 => "%2e".to_owned(),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.' => char::from(byte).to_string(),
            other => format!("%{other:02x}"),
        };
        let folder: String = self.name.bytes().enumerate().map(plain).collect();
        format!(".git/modules/{folder}")
    }
}

/// The job of this path, or why there is none. `base`: the workspace's own remote.
pub(super) fn job(
    path: &str,
    entries: &[Entry],
    link: Option<&Link>,
    base: &Remote,
    remotes: &Remotes,
) -> Result<Job, Refused> {
    let refuse = |code: Code, message: &str| Err(Refused { code: Some(code), message: message.to_owned() });
    let Some(link) = link else {
        return refuse(codes::PATH_NOT_FOUND, "No submodule is recorded at this path.");
    };
    let Some(commit) = link.commit.clone() else {
        return refuse(codes::UNMERGED_PATHS, "Which commit it is to be at is in conflict.");
    };
    let Some(entry) = entries.iter().find(|entry| entry.path.as_deref() == Some(path)) else {
        return refuse(codes::SUBMODULE_ERROR, "No section of .gitmodules has this path.");
    };
    let update = entry.update.as_deref().unwrap_or_default().trim_start();
    if update.starts_with('!') {
        return refuse(codes::SUBMODULE_ERROR, "Its section of .gitmodules names a command; none is run.");
    }
    if update == "none" {
        return Err(Refused { code: None, message: "Its section of .gitmodules says so.".to_owned() });
    }
    if !is_name(&entry.name) {
        return refuse(codes::SUBMODULE_ERROR, "Its name in .gitmodules is not admitted.");
    }
    let url = resolved(entry.url.as_deref().unwrap_or_default(), base);
    let admitted = url.and_then(|url| remotes.admit("url", &url).map_err(|rejection| rejection.rule));
    match admitted {
        Ok(remote) => Ok(Job { path: path.to_owned(), name: entry.name.clone(), commit, remote }),
        Err(rule) => refuse(codes::TRANSPORT_FORBIDDEN, &format!("Its URL in .gitmodules {rule}.")),
    }
}

/// git refuses `..` too; a name becomes part of a key of the configuration.
fn is_name(name: &str) -> bool {
    check::path::path("name", name).is_ok() && !name.starts_with('-') && name.len() <= 200
}

/// A URL as it stands, or relative to the workspace's own remote (`./x`, `../x`), whose host it cannot leave.
fn resolved(url: &str, base: &Remote) -> Result<String, String> {
    let mut rest = url;
    if !rest.starts_with("./") && !rest.starts_with("../") {
        return Ok(url.to_owned());
    }
    let origin = base.origin();
    let path = base.url().strip_prefix(&origin).unwrap_or_default();
    let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    loop {
        if let Some(next) = rest.strip_prefix("./") {
            rest = next;
        } else if let Some(next) = rest.strip_prefix("../") {
            if parts.pop().is_none() {
                return Err("must not lead above the remote's host".to_owned());
            }
            rest = next;
        } else {
            break;
        }
    }
    if rest.split('/').any(|part| part == "..") {
        return Err("must have '..' at its start only".to_owned());
    }
    parts.push(rest);
    Ok(format!("{origin}/{}", parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> Remote {
        Remotes::default().admit("u", "https://github.com/acme/app.git").unwrap()
    }

    fn with(name: &str, url: &str, update: Option<&str>) -> Result<Job, Refused> {
        let entry = Entry {
            name: name.to_owned(),
            path: Some("lib".to_owned()),
            url: Some(url.to_owned()),
            update: update.map(str::to_owned),
        };
        let link = Link { path: "lib".to_owned(), commit: Some("1".repeat(40)) };
        job("lib", &[entry], Some(&link), &base(), &Remotes::default())
    }

    #[test]
    fn a_relative_url_is_the_remotes_neighbour_and_stays_on_its_host() {
        let at = |url: &str| with("lib", url, None).map(|job| job.remote.url().to_owned()).ok();
        assert_eq!(at("../lib.git").as_deref(), Some("https://github.com/acme/lib.git"));
        assert_eq!(at("../../other/lib").as_deref(), Some("https://github.com/other/lib"));
        assert_eq!(at("./sub").as_deref(), Some("https://github.com/acme/app.git/sub"));
        assert_eq!(at("https://gitlab.com/a/b").as_deref(), Some("https://gitlab.com/a/b"));
        for bad in ["../../../x", "../../../../evil.example/x", "../a/../../../x", "../", "../?x", "..//x@y"]
        {
            let told = at(bad);
            assert!(
                told.as_deref().is_none_or(|url| url.starts_with("https://github.com/")),
                "{bad}: {told:?}"
            );
        }
        assert!(at("../../../x").is_none());
    }

    #[test]
    fn what_is_no_url_of_a_public_host_is_refused() {
        let bad = [
            "",
            "-u./payload",
            "--upload-pack=touch x",
            "ext::sh -c 'touch x'",
            "file:///etc",
            "/etc",
            "../../../../etc",
            "git@github.com:a/b",
            "ssh://-oProxyCommand=x/y",
            "https://u:p@github.com/a/b",
            "https://127.0.0.1/a/b",
            "https://github.com/a\n/b",
            "lib",
        ];
        for url in bad {
            let refused = with("lib", url, None).unwrap_err();
            assert_eq!(refused.code, Some(codes::TRANSPORT_FORBIDDEN), "{url}");
        }
    }

    #[test]
    fn names_and_commands_that_git_was_once_led_by_are_refused() {
        let good = "https://github.com/a/b";
        for name in ["", "../x", "a/../../x", "-x", ".git/modules", "/x", "a\nb"] {
            assert!(with(name, good, None).is_err(), "{name:?}");
        }
        assert!(with("lib", good, Some("!touch x")).is_err());
        assert_eq!(with("lib", good, Some("none")).unwrap_err().code, None);
        assert!(with("lib", good, Some("merge")).is_ok());
    }

    #[test]
    fn no_submodules_repository_lies_in_anothers() {
        let dir = |name: &str| with(name, "https://github.com/a/b", None).unwrap().git_dir();
        assert_eq!(dir("lib"), ".git/modules/lib");
        assert_eq!(dir("lib/hooks"), ".git/modules/lib%2fhooks");
        assert_eq!(dir(".lib"), ".git/modules/%2elib");
    }
}
