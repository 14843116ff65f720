//! The one table of failure codes: used on the wire, as metric label and in the documentation.
//!
//! Codes are stable; messages are not. The HTTP-like meaning of a code is deliberately absent: a failure
//! is an answer, not a transport error.

use serde::{Deserialize, Serialize};

/// The original's bounded set, kept as the coarse metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorType {
    /// Took too long.
    Timeout,
    /// The credential is missing or does not suffice.
    Auth,
    /// Two changes do not fit together.
    Conflict,
    /// The remote could not be reached or broke off.
    Network,
    /// The sandbox is gone.
    SandboxNotFound,
    /// Anything else.
    Other,
}

impl ErrorType {
    /// Every value, for metrics that start at zero.
    pub const ALL: [Self; 6] =
        [Self::Timeout, Self::Auth, Self::Conflict, Self::Network, Self::SandboxNotFound, Self::Other];

    /// The label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Auth => "auth",
            Self::Conflict => "conflict",
            Self::Network => "network",
            Self::SandboxNotFound => "sandbox_not_found",
            Self::Other => "other",
        }
    }
}

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// Stable, kebab case.
    pub name: &'static str,
    /// The coarse label.
    pub error_type: ErrorType,
    /// Whether the same request may work later without anybody doing anything.
    pub retryable: bool,
    /// What it means and whose move it is.
    pub meaning: &'static str,
    /// What to do, where there is something.
    pub remedy: Option<&'static str>,
}

macro_rules! code_table {
    ($($constant:ident $name:literal $kind:ident $retry:literal $meaning:literal $remedy:expr;)*) => {
        /// The rows, by name.
        pub mod codes {
            use super::{Code, ErrorType};
            $(#[doc = $meaning] pub const $constant: Code = Code {
                name: $name, error_type: ErrorType::$kind, retryable: $retry, meaning: $meaning, remedy: $remedy,
            };)*
        }
        /// The whole table.
        pub const CODES: &[Code] = &[$(codes::$constant,)*];
    };
}

code_table! {
    AUTH_REQUIRED "auth-required" Auth false "The remote asks for a credential and there is none for its host." Some("set GITHUB_TOKEN, or add a `host = token` line to the file named by GITLEDGER_GIT_TOKENS");
    AUTH_FAILED "auth-failed" Auth false "The remote refused the credential." Some("check that the token is valid and not expired");
    PERMISSION_DENIED "permission-denied" Auth false "The credential is valid but not allowed to do this." Some("give the token write access to this repository");
    REPOSITORY_NOT_FOUND "repository-not-found" Other false "There is no such repository, or the credential may not see it." Some("check repo_url, and that the token may read the repository");
    REPOSITORY_MOVED "repository-moved" Other false "The remote redirects to another address; redirects are not followed with a credential." Some("use the repository's new URL");
    RATE_LIMITED "rate-limited" Network true "The remote asks for fewer requests." Some("try again later");
    REMOTE_UNAVAILABLE "remote-unavailable" Network true "The remote answered with a server error." Some("try again later");
    NETWORK_DNS "network-dns" Network true "The remote's host name could not be resolved." Some("check the host name in repo_url");
    NETWORK_CONNECT "network-connect" Network true "No connection to the remote could be made." Some("check that the remote is reachable from the sandbox");
    NETWORK_INTERRUPTED "network-interrupted" Network true "The connection broke off." Some("try again");
    NETWORK_TOO_SLOW "network-too-slow" Timeout true "The remote sent almost nothing for half a minute." Some("try again, or clone less (depth, filter)");
    TLS_ERROR "tls-error" Network false "The remote's certificate could not be verified." None;
    TRANSPORT_FORBIDDEN "transport-forbidden" Other false "git was led to a transport that is not admitted." None;
    NOT_A_GIT_SERVER "not-a-git-server" Other false "The address answers, but not as a git server." Some("check repo_url");
    EMPTY_REPOSITORY "empty-repository" Other false "The repository has no commits yet." Some("commit and push first");
    REF_NOT_FOUND "ref-not-found" Other false "There is no such branch, tag or commit." Some("ask `branch-list` what there is");
    REF_AMBIGUOUS "ref-ambiguous" Other false "More than one object's id starts with these digits." Some("give more digits");
    HISTORY_TRUNCATED "history-truncated" Other false "The workspace's history is shallow and ends before what is needed." Some("fetch with `unshallow`");
    LAZY_FETCH_FAILED "lazy-fetch-failed" Network true "An object left out by the clone's filter could not be fetched." Some("fetch again without a filter");
    INVALID_REF "invalid-ref" Other false "git does not accept this name." None;
    REF_NAME_CONFLICT "ref-name-conflict" Conflict false "A branch cannot be both a name and a folder of names." Some("choose another name");
    BRANCH_EXISTS "branch-exists" Conflict false "A branch of this name exists." Some("switch to it, or choose another name");
    TAG_EXISTS "tag-exists" Conflict false "A tag of this name exists." Some("choose another name, or delete it first");
    BRANCH_IN_USE "branch-in-use" Conflict false "HEAD or another worktree is on this branch, or it is being rebased." Some("switch to another branch first");
    NOT_FULLY_MERGED "not-fully-merged" Conflict false "The branch has commits that are nowhere else." Some("merge or push it, or use `force`");
    REF_MOVED "ref-moved" Conflict false "The branch or tag is not where it was expected to be." Some("look again, then decide anew");
    MERGE_CONFLICT "merge-conflict" Conflict false "Both sides changed the same lines." Some("with `on_conflict` `keep` it stays open: `conflict-list`, `conflict-show`, `conflict-resolve`, then `sequencer`");
    UNMERGED_PATHS "unmerged-paths" Conflict false "Conflicts of an earlier operation are not resolved." Some("`conflict-list`, then `conflict-resolve` for each, then `sequencer` or `commit`");
    OPERATION_IN_PROGRESS "operation-in-progress" Conflict false "A merge, rebase or pick is not finished." Some("`sequencer` with `continue`, `skip`, `abort` or `quit`");
    NO_OPERATION_IN_PROGRESS "no-operation-in-progress" Other false "No merge, rebase, cherry-pick or revert is unfinished." None;
    ACTION_NOT_POSSIBLE "action-not-possible" Other false "What is unfinished does not know this action." Some("`continue` or `abort` it");
    PATH_NOT_CONFLICTED "path-not-conflicted" Other false "The file has no conflict." Some("ask `conflict-list` which files have");
    MARKERS_LEFT "markers-left" Conflict false "Conflict markers would be left in the file." Some("choose for every hunk, or set `allow_markers`");
    NO_HUNKS "no-hunks" Conflict false "The conflict is not one of lines: a side is missing or is not text, or there is no such hunk." Some("take `ours`, `theirs` or `delete`, or give the `content`");
    LOCAL_CHANGES_OVERWRITTEN "local-changes-overwritten" Conflict false "Changes that are not committed would be lost." Some("commit them first");
    PATCH_FAILED "patch-failed" Conflict false "The patch does not fit the files, or is not one." Some("read `output.rejected`, look at these files, and make the patch anew");
    UNTRACKED_OVERWRITTEN "untracked-overwritten" Conflict false "Files that git does not know would be lost." Some("add and commit them, or remove them");
    STASH_NOT_FOUND "stash-not-found" Other false "There is no stash of this number." Some("ask `stash-list` what there is");
    STASH_MOVED "stash-moved" Conflict false "The stash of this number is not the one that was expected." Some("ask `stash-list` for its number");
    WORKTREE_NOT_FOUND "worktree-not-found" Other false "There is no working copy of this name." None;
    WORKTREE_DIRTY "worktree-dirty" Conflict false "The working copy has changes that are not committed." Some("commit them there, or use `force`");
    NOTHING_TO_COMMIT "nothing-to-commit" Other false "There is nothing to commit." None;
    EMPTY_CHANGE "empty-change" Conflict false "The commit changes nothing here: what it does is there already." Some("leave it out; when it stays open, `sequencer` with `skip`");
    MAINLINE_MISMATCH "mainline-mismatch" Other false "`mainline` is needed for a merge commit, and must be one of its parents." None;
    DIVERGED "diverged" Conflict false "Both sides have commits of their own." Some("pull with `auto_rebase`");
    UNRELATED_HISTORIES "unrelated-histories" Conflict false "The two histories have no commit in common." None;
    REMOTE_EXISTS "remote-exists" Conflict false "A remote of this name exists." Some("remove it first, or choose another name");
    REMOTE_NOT_FOUND "remote-not-found" Other false "There is no remote of this name." None;
    SUBMODULE_ERROR "submodule-error" Other false "A submodule could not be brought to its commit." Some("read `output.submodules`: each has its own code");
    NO_UPSTREAM "no-upstream" Other false "The sandbox has no workspace with a remote." Some("clone first");
    DETACHED_HEAD "detached-head" Other false "HEAD is not on a branch." Some("switch to a branch first");
    NON_FAST_FORWARD "non-fast-forward" Conflict true "Somebody else pushed in between, every time." Some("pull, then push again");
    STALE_LEASE "stale-lease" Conflict true "The remote's reference is not what was expected." Some("fetch and look again");
    PROTECTED_BRANCH "protected-branch" Auth false "The remote protects this branch." Some("push to a branch of your own and ask for a merge");
    POLICY_DENIED "policy-denied" Auth false "The operator's push policy does not allow this; nothing was sent." Some("push to a branch that the policy allows and ask for a merge");
    HOOK_DECLINED "hook-declined" Other false "A hook of the remote declined the push." Some("read what the remote says and change the commits");
    LARGE_FILE "large-file" Other false "A file is over the remote's limit." Some("take the file out of the commits");
    SECRET_DETECTED "secret-detected" Other false "The remote found a secret in the commits." Some("take the secret out of the commits, and revoke it");
    HEAD_MOVED "head-moved" Conflict false "HEAD is not where it was expected to be." Some("look again with `status`, then decide anew");
    CURSOR_EXPIRED "cursor-expired" Conflict false "What the cursor belongs to has changed since." Some("ask again without a cursor");
    LOCK_CONTENTION "lock-contention" Conflict true "Another git process holds a lock." Some("try again");
    DISK_FULL "disk-full" Other false "The sandbox's disk is full." None;
    OUT_OF_MEMORY "out-of-memory" Other false "git was killed for want of memory." Some("clone less (depth, filter), or use a larger sandbox");
    TIMEOUT "timeout" Timeout true "It took longer than its budget." None;
    CANCELLED "cancelled" Other false "It was cancelled." None;
    NOT_A_REPOSITORY "not-a-repository" Other false "There is no repository in the workspace." Some("clone first");
    PATH_NOT_FOUND "path-not-found" Other false "No such file." None;
    LINES_NOT_FOUND "lines-not-found" Other false "The file has fewer lines." Some("ask for lines that it has");
    FILE_TOO_LARGE "file-too-large" Other false "The file is larger than what is read at once." None;
    INVALID_PATTERN "invalid-pattern" Other false "git does not understand the pattern." Some("search for fixed text, or correct the regular expression");
    PATH_NOT_A_FILE "path-not-a-file" Other false "The path is a folder." None;
    PATH_EXISTS "path-exists" Conflict false "Something has this name already." Some("choose another name");
    DESTINATION_NOT_EMPTY "destination-not-empty" Conflict false "The workspace has files or commits already." Some("go on in the sandbox of `output.sandbox_id`, or use another task_id");
    PATH_OUTSIDE_REPO "path-outside-repo" Other false "The path leads out of the workspace." None;
    PATH_IGNORED "path-ignored" Other false "A .gitignore file excludes this path." None;
    IDENTITY_MISSING "identity-missing" Other false "A commit needs a name and an address." None;
    HOOK_FAILED "hook-failed" Other false "A hook of the repository declined." None;
    LFS_MISSING "lfs-missing" Other false "The repository needs git-lfs, which the sandbox does not have." None;
    REPOSITORY_CORRUPT "repository-corrupt" Other false "The workspace's object database is damaged." Some("clone again");
    UNSAFE_OBJECTS "unsafe-objects" Other false "The remote sent an object that git's checks refuse: malformed, or made to harm whoever checks it out." Some("the repository's owner must rewrite the commit that the message names");
    REMOTE_CORRUPT "remote-corrupt" Other false "The remote's object database is damaged." None;
    UNKNOWN_ENCODING "unknown-encoding" Other false "The repository's attributes name an encoding that git cannot convert." Some("correct `working-tree-encoding` in .gitattributes");
    PATH_TOO_LONG "path-too-long" Other false "A name in the repository is longer than the sandbox's file system allows." None;
    GIT_MISSING "git-missing" Other false "The sandbox has no git." Some("use a template with git");
    GIT_UNSUPPORTED "git-unsupported" Other false "The sandbox's git is too old for this." Some("use a template with a newer git: 2.39, for previews 2.40");
    OPERATION_NOT_FOUND "operation-not-found" Other false "The ledger has no such operation." Some("ask `operation-list` what there is");
    NOT_RUNNING "not-running" Other false "Nothing of the operation runs now." Some("ask `operation-get` how it ended");
    NOT_UNDOABLE "not-undoable" Other false "The operation cannot be undone." None;
    SANDBOX_NOT_FOUND "sandbox-not-found" SandboxNotFound false "There is no such sandbox, or it has ended." Some("clone again");
    SANDBOX_LOST "sandbox-lost" SandboxNotFound true "The sandbox went away while it worked." Some("clone again; ask the operation's record what became of it");
    LEASE_LOST "lease-lost" Conflict true "The operation was late: its lease had lapsed, and another has the workspace." Some("look again with `status`, then ask anew");
    SANDBOX_BUSY "sandbox-busy" Conflict true "Another operation has the workspace." Some("try again");
    SANDBOX_QUOTA "sandbox-quota" Other true "No further sandbox is allowed now." Some("kill sandboxes that are not needed, or try again later");
    SANDBOX_UNAVAILABLE "sandbox-unavailable" Network true "No sandbox could be had." Some("try again later");
    UNKNOWN_OUTCOME "unknown-outcome" Other true "The answer was lost and the remote could not be asked." Some("ask `GET /operations/{id}` again");
    UNKNOWN_GIT_ERROR "unknown-git-error" Other false "git said something that is not in the table." None;
}

#[cfg(test)]
mod tests {
    use super::CODES;

    #[test]
    fn every_code_is_kebab_case_and_stands_once() {
        let mut names: Vec<_> = CODES.iter().map(|code| code.name).collect();
        assert!(names.iter().all(|name| name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-')));
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
