//! The configuration files that a clone writes. They replace what an agent may have written before.

use crate::Remote;

/// The workspace's: its remote, and the agent's branch following the same name there.
pub(super) fn workspace(remote: &Remote, agent_branch: &str, filter: Option<&str>) -> String {
    let url = quoted(remote.url());
    let branch = quoted(agent_branch);
    let followed = quoted(&format!("refs/heads/{agent_branch}"));
    let partial = filter.map(partial).unwrap_or_default();
    let version = u8::from(filter.is_some());
    format!(
        "[core]\n\trepositoryformatversion = {version}\n\tfilemode = true\n\tbare = false\n\
         \tlogallrefupdates = true\n{extension}[remote \"origin\"]\n\turl = {url}\n\
         \tfetch = +refs/heads/*:refs/remotes/origin/*\n{partial}[branch {branch}]\n\tremote = origin\n\
         \tmerge = {followed}\n",
        extension = extension(filter),
    )
}

/// The clean room's, where a filter is used: git must know from whom the missing objects can be had.
pub(super) fn room(remote: &Remote, filter: &str) -> String {
    format!(
        "[core]\n\trepositoryformatversion = 1\n\tbare = true\n{}[remote \"origin\"]\n\turl = {}\n{}",
        extension(Some(filter)),
        quoted(remote.url()),
        partial(filter),
    )
}

fn extension(filter: Option<&str>) -> &'static str {
    if filter.is_some() { "[extensions]\n\tpartialClone = origin\n" } else { "" }
}

fn partial(filter: &str) -> String {
    format!("\tpromisor = true\n\tpartialclonefilter = {}\n", quoted(filter))
}

fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}
