//! The environment that every git process gets, in one place.
//!
//! Built from nothing: whoever runs a plan passes on `PATH` and this, and no other variable. Each setting
//! closes something that was seen open on git 2.39 and 2.47; a later git's hooks in configuration
//! (2.54) and filters, drivers and hooks named in a repository's own configuration are found and
//! switched off by the plan's runner, because their names are only known inside the sandbox.

/// Plain variables.
const VARIABLES: &[(&str, &str)] = &[
    ("LC_ALL", "C"),
    ("TZ", "UTC"),
    // No ~/.gitconfig, no ~/.netrc.
    ("HOME", "/nonexistent"),
    ("GIT_CONFIG_NOSYSTEM", "1"),
    ("GIT_CONFIG_SYSTEM", "/dev/null"),
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_TERMINAL_PROMPT", "0"),
    // SSH_ASKPASS is asked for HTTPS too, and hangs, unless this is set.
    ("GIT_ASKPASS", "/bin/false"),
    ("SSH_ASKPASS_REQUIRE", "never"),
    ("GIT_EDITOR", "true"),
    ("GIT_SEQUENCE_EDITOR", "true"),
    ("GIT_PAGER", "cat"),
    ("GIT_MERGE_AUTOEDIT", "no"),
    ("GIT_LITERAL_PATHSPECS", "1"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
    // Since git 2.45. What is missing is missing: it is fetched in the clean room or not at all.
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_ADVICE", "0"),
    ("GIT_SSH_COMMAND", "/bin/false"),
];

/// Configuration at command scope, which beats the repository's own for the same key.
const CONFIGURATION: &[(&str, &str)] = &[
    // A bare repository hidden in a subdirectory must not be discovered: its config runs commands.
    ("safe.bareRepository", "explicit"),
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.untrackedCache", "false"),
    ("core.sshCommand", "/bin/false"),
    ("core.gitProxy", "none"),
    ("core.askPass", "/bin/false"),
    ("core.alternateRefsCommand", "true"),
    ("core.protectHFS", "true"),
    ("core.protectNTFS", "true"),
    ("core.quotePath", "false"),
    ("core.pager", "cat"),
    ("core.editor", "true"),
    ("core.filesRefLockTimeout", "1000"),
    ("core.packedRefsTimeout", "10000"),
    // Resets every helper, those of the repository included.
    ("credential.helper", ""),
    ("credential.interactive", "never"),
    // A token in a header would follow a redirect to another host.
    ("http.followRedirects", "false"),
    ("http.lowSpeedLimit", "1000"),
    ("http.lowSpeedTime", "30"),
    ("http.saveCookies", "false"),
    ("http.cookieFile", ""),
    ("transfer.credentialsInUrl", "die"),
    ("transfer.fsckObjects", "true"),
    // Real histories have these three; Gitaly ignores them too.
    ("fetch.fsck.missingSpaceBeforeDate", "ignore"),
    ("fetch.fsck.zeroPaddedFilemode", "ignore"),
    ("fetch.fsck.badTimezone", "ignore"),
    ("transfer.bundleURI", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("submodule.recurse", "false"),
    ("push.recurseSubmodules", "no"),
    ("diff.external", ""),
    ("diff.noprefix", "false"),
    ("diff.mnemonicPrefix", "false"),
    ("interactive.diffFilter", ""),
    ("log.showSignature", "false"),
    ("color.ui", "false"),
    ("column.ui", "never"),
    ("status.showUntrackedFiles", "all"),
    ("commit.gpgSign", "false"),
    ("tag.gpgSign", "false"),
    ("push.gpgSign", "false"),
    // No process may be left behind by a function that has answered.
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("merge.conflictStyle", "zdiff3"),
    ("rerere.enabled", "false"),
    ("rebase.autoStash", "false"),
    ("user.useConfigOnly", "true"),
    ("advice.detachedHead", "false"),
    ("init.defaultBranch", "main"),
    ("protocol.allow", "never"),
];

/// The variable that says which protocols git may speak. Overrides every `protocol.*` setting, the
/// repository's too. An empty list would allow all.
pub const PROTOCOLS: &str = "GIT_ALLOW_PROTOCOL";

/// What `git -c` hands to its own children: settings in single quotes, read by every git there is. The
/// documented way is two variables for each setting, and a hundred variables cost a millisecond to filter.
const SETTINGS: &str = "GIT_CONFIG_PARAMETERS";

/// The whole environment of a plan, but for `PATH`. With it git talks to nobody: the workspace's
/// configuration names remotes too, from which git would fetch an object that is missing. Who may talk to
/// a remote says so in its step ([`crate::clean_room::git`]).
pub fn environment(writes: bool) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = VARIABLES.iter().map(|(k, v)| ((*k).into(), (*v).into())).collect();
    all.push((PROTOCOLS.into(), "none".into()));
    if !writes {
        all.push(("GIT_OPTIONAL_LOCKS".into(), "0".into()));
    }
    let settings: Vec<_> = CONFIGURATION.iter().map(|(key, value)| format!("'{key}={value}'")).collect();
    all.push((SETTINGS.into(), settings.join(" ")));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_need_no_quoting() {
        let env = environment(true);
        assert!(CONFIGURATION.iter().all(|(key, value)| !format!("{key}{value}").contains(['\'', '!'])));
        assert!(env.iter().any(|(name, text)| name == SETTINGS && text.starts_with("'safe.bareRepository=")));
        assert!(env.contains(&("GIT_ALLOW_PROTOCOL".to_owned(), "none".to_owned())));
    }
}
