//! What git and servers really say, and the code that each is read into.

use std::time::Duration;

use gitledger_events::operation::SideEffect;
use gitledger_operations::failure::{classify, classify_exit};
use gitledger_operations::plan::Ended;
use gitledger_operations::{Exit, Exits};

/// Exit code, what was said, code.
const CORPUS: &[(i32, &str, &str)] = &[
    (128, "fatal: could not read Username for 'https://h': terminal prompts disabled", "auth-required"),
    (
        128,
        "error: unable to read askpass response from '/bin/false'\nfatal: could not read Username for 'https://h': No such device or address",
        "auth-required",
    ),
    (128, "fatal: unable to get password from user", "auth-required"),
    (128, "fatal: Authentication failed for 'https://h/a/b/'", "auth-failed"),
    (
        128,
        "remote: Invalid username or token. Password authentication is not supported for Git operations.\nfatal: Authentication failed for 'https://github.com/a/b/'",
        "auth-failed",
    ),
    (128, "remote: HTTP Basic: Access denied", "auth-failed"),
    (
        128,
        "fatal: unable to access 'https://h/a/b/': The requested URL returned error: 403",
        "permission-denied",
    ),
    (
        128,
        "remote: Permission to a/b.git denied to bot.\nfatal: unable to access 'https://github.com/a/b.git/': The requested URL returned error: 403",
        "permission-denied",
    ),
    (128, "remote: Write access to repository not granted.", "permission-denied"),
    (128, "fatal: repository 'https://h/a/b/' not found", "repository-not-found"),
    (
        128,
        "remote: Repository not found.\nfatal: repository 'https://github.com/a/b/' not found",
        "repository-not-found",
    ),
    (128, "fatal: repository '/x' does not exist", "repository-not-found"),
    (
        128,
        "fatal: 'x' does not appear to be a git repository\nfatal: Could not read from remote repository.",
        "repository-not-found",
    ),
    (
        128,
        "fatal: unable to access 'https://h/': The requested URL returned error: 410",
        "repository-not-found",
    ),
    (128, "fatal: unable to access 'https://h/': The requested URL returned error: 301", "repository-moved"),
    (128, "fatal: unable to access 'https://h/': The requested URL returned error: 429", "rate-limited"),
    (
        128,
        "fatal: unable to access 'https://h/': The requested URL returned error: 503",
        "remote-unavailable",
    ),
    (
        128,
        "error: RPC failed; HTTP 502 curl 22 The requested URL returned error: 502\nfatal: the remote end hung up unexpectedly",
        "remote-unavailable",
    ),
    (128, "fatal: unable to access 'https://no.invalid/': Could not resolve host: no.invalid", "network-dns"),
    (
        128,
        "fatal: unable to access 'http://127.0.0.1:1/': Failed to connect to 127.0.0.1 port 1 after 0 ms: Couldn't connect to server",
        "network-connect",
    ),
    (
        128,
        "error: RPC failed; curl 18 transfer closed with outstanding read data remaining\nerror: 5 bytes of body are still expected\nfetch-pack: unexpected disconnect while reading sideband packet\nfatal: early EOF\nfatal: fetch-pack: invalid index-pack output",
        "network-interrupted",
    ),
    (
        1,
        "error: RPC failed; curl 52 Empty reply from server\nsend-pack: unexpected disconnect while reading sideband packet\nfatal: the remote end hung up unexpectedly\nEverything up-to-date",
        "network-interrupted",
    ),
    (128, "fatal: the remote end hung up unexpectedly", "network-interrupted"),
    (
        128,
        "fatal: unable to access 'https://h/': Operation too slow. Less than 1000 bytes/sec transferred the last 30 seconds",
        "network-too-slow",
    ),
    (
        128,
        "fatal: unable to access 'https://h/': server certificate verification failed. CAfile: none CRLfile: none",
        "tls-error",
    ),
    (
        128,
        "fatal: unable to access 'https://h/': SSL certificate problem: self-signed certificate",
        "tls-error",
    ),
    (
        128,
        "fatal: unable to access 'https://h/': gnutls_handshake() failed: The TLS connection was non-properly terminated.",
        "tls-error",
    ),
    (128, "fatal: transport 'ext' not allowed", "transport-forbidden"),
    (128, "fatal: https://h/a/info/refs not valid: is this a git repository?", "not-a-git-server"),
    (128, "fatal: your current branch 'main' does not have any commits yet", "empty-repository"),
    (128, "fatal: bad revision 'HEAD'", "empty-repository"),
    (128, "fatal: Needed a single revision", "empty-repository"),
    (
        128,
        "warning: Could not find remote branch x to clone.\nfatal: Remote branch x not found in upstream origin",
        "ref-not-found",
    ),
    (128, "fatal: couldn't find remote ref refs/heads/x", "ref-not-found"),
    (128, "fatal: invalid reference: x", "ref-not-found"),
    (128, "fatal: bad revision 'x'", "ref-not-found"),
    (128, "error: short object ID f0acb is ambiguous\nfatal: bad revision 'f0acb'", "ref-ambiguous"),
    (128, "fatal: no such path 'x' in HEAD", "path-not-found"),
    (128, "fatal: no such path x in d4dc4299956908e89652febb9958c82c10b62418", "path-not-found"),
    (128, "fatal: Cannot lstat 'x': No such file or directory", "path-not-found"),
    (
        128,
        "fatal: path 'x' is in the index, but not at stage 2\nhint: Did you mean ':0:x'?",
        "path-not-found",
    ),
    (128, "fatal: path 'x' does not exist (neither on disk nor in the index)", "path-not-found"),
    (128, "fatal: file d/x has only 1 line", "lines-not-found"),
    (128, "fatal: file d/x has only 12 lines", "lines-not-found"),
    (128, "fatal: -e option, '[': Invalid regular expression", "invalid-pattern"),
    (1, "error: 'd4dc:d/x': unable to read a6b681bf44990ef08933f24aa3102b9ac8f2c194", "lazy-fetch-failed"),
    (128, "fatal: unable to read 36f212b021669c214ab01eb6fe61dca77bab24cf", "lazy-fetch-failed"),
    (128, "error: Could not read 77ba\nfatal: unable to read tree (77ba)", "lazy-fetch-failed"),
    (128, "fatal: unable to read blob object 36f2", "lazy-fetch-failed"),
    // The child that would fetch it was stopped, and git died of writing to it.
    (141, "fatal: transport 'http' not allowed", "lazy-fetch-failed"),
    (128, "fatal: transport 'http' not allowed", "transport-forbidden"),
    (
        128,
        "fatal: ambiguous argument 'x': unknown revision or path not in the working tree.",
        "ref-not-found",
    ),
    (128, "fatal: invalid object name 'x'.", "ref-not-found"),
    (1, "merge: x - not something we can merge", "ref-not-found"),
    (1, "error: src refspec x does not match any", "ref-not-found"),
    (128, "fatal: remote error: upload-pack: not our ref 1111", "ref-not-found"),
    (128, "fatal: could not fetch 11 from promisor remote", "lazy-fetch-failed"),
    (
        128,
        "fatal: unable to get password from user\nfatal: could not fetch 11 from promisor remote",
        "lazy-fetch-failed",
    ),
    (128, "fatal: 'a b' is not a valid branch name", "invalid-ref"),
    (
        128,
        "fatal: cannot lock ref 'refs/heads/a': 'refs/heads/a/b' exists; cannot create 'refs/heads/a'",
        "ref-name-conflict",
    ),
    (128, "fatal: a branch named 'x' already exists", "branch-exists"),
    (
        128,
        "error: 'refs/heads/a/b' exists; cannot create 'refs/heads/a'\nfatal: branch rename failed",
        "ref-name-conflict",
    ),
    (128, "fatal: tag 'x' already exists", "tag-exists"),
    (1, "error: The branch 'x' is not fully merged.", "not-fully-merged"),
    (1, "error: the branch 'x' is not fully merged", "not-fully-merged"),
    (1, "error: Cannot delete branch 'x' checked out at '/w'", "branch-in-use"),
    (1, "error: cannot delete branch 'x' used by worktree at '/w'", "branch-in-use"),
    (128, "fatal: branch refs/heads/x is being rebased at /w", "branch-in-use"),
    (128, "fatal: branch refs/heads/x is being bisected at /w", "branch-in-use"),
    (128, "fatal: 'x' is already used by worktree at '/w'", "branch-in-use"),
    (128, "fatal: 'x' is already checked out at '/w'", "branch-in-use"),
    (
        128,
        "error: Pulling is not possible because you have unmerged files.\nfatal: Exiting because of an unresolved conflict.",
        "unmerged-paths",
    ),
    (1, "f: needs merge", "unmerged-paths"),
    (1, "You must edit all merge conflicts and then\nmark them as resolved using git add", "unmerged-paths"),
    (
        128,
        "error: commit 11 is a merge but no -m option was given.\nfatal: cherry-pick failed",
        "mainline-mismatch",
    ),
    (128, "error: commit 11 does not have parent 2\nfatal: revert failed", "mainline-mismatch"),
    (128, "error: mainline was specified but commit 11 is not a merge.", "mainline-mismatch"),
    (1, "The previous cherry-pick is now empty, possibly due to conflict resolution.", "empty-change"),
    (128, "error: your local changes would be overwritten by cherry-pick.", "local-changes-overwritten"),
    (128, "fatal: You have not concluded your merge (MERGE_HEAD exists).", "operation-in-progress"),
    (128, "fatal: cannot switch branch while rebasing", "operation-in-progress"),
    (
        1,
        "error: Your local changes to the following files would be overwritten by checkout:\n\tf",
        "local-changes-overwritten",
    ),
    (1, "error: cannot rebase: You have unstaged changes.", "local-changes-overwritten"),
    (1, "error: cannot rebase: Your index contains uncommitted changes.", "local-changes-overwritten"),
    (
        1,
        "error: The following untracked working tree files would be overwritten by merge:\n\tf",
        "untracked-overwritten",
    ),
    (128, "fatal: could not resolve HEAD", "empty-repository"),
    (1, "You do not have the initial commit yet", "empty-repository"),
    (1, "error: path 'f' is unmerged", "unmerged-paths"),
    (128, "fatal: conflicted, source=f, destination=g", "unmerged-paths"),
    (128, "fatal: Cannot do a soft reset in the middle of a merge.", "operation-in-progress"),
    (
        128,
        "error: Entry 'f' not uptodate. Cannot merge.\nfatal: Could not reset index file to revision 'HEAD~1'.",
        "local-changes-overwritten",
    ),
    (1, "error: the following file has local modifications:\n    f", "local-changes-overwritten"),
    (1, "error: the following files have changes staged in the index:\n    f", "local-changes-overwritten"),
    (
        1,
        "error: the following file has staged content different from both the\nfile and the HEAD:\n    f",
        "local-changes-overwritten",
    ),
    (
        1,
        "u already exists, no checkout\nerror: could not restore untracked files from stash",
        "untracked-overwritten",
    ),
    (
        128,
        "fatal: '../worktrees/x' contains modified or untracked files, use --force to delete it",
        "worktree-dirty",
    ),
    (128, "fatal: '../worktrees/x' is not a working tree", "worktree-not-found"),
    (128, "fatal: validation failed, cannot remove working tree: '/w' does not exist", "worktree-not-found"),
    (128, "fatal: '../worktrees/x' already exists", "path-exists"),
    (
        128,
        "fatal: '../worktrees/x' is a missing but already registered worktree;\nuse 'add -f' to override",
        "path-exists",
    ),
    (128, "fatal: bad source, source=nope, destination=x", "path-not-found"),
    (128, "fatal: not under version control, source=u, destination=x", "path-not-found"),
    (128, "fatal: destination exists, source=f, destination=g", "path-exists"),
    (128, "fatal: not removing 'd' recursively without -r", "path-not-a-file"),
    (128, "error: invalid path '.git/config'", "path-outside-repo"),
    (1, "error: affected file 'link/x' is beyond a symbolic link", "path-outside-repo"),
    (1, "error: patch failed: f:1\nerror: f: patch does not apply", "patch-failed"),
    (128, "error: No valid patches in input (allow with \"--allow-empty\")", "patch-failed"),
    (128, "error: corrupt patch at line 7", "patch-failed"),
    (1, "error: n: already exists in working directory", "patch-failed"),
    (1, "error: n: already exists in index", "patch-failed"),
    (1, "error: nope: does not exist in index", "patch-failed"),
    (1, "error: f: does not match index", "patch-failed"),
    (1, "error: conflicts in index. Try without --index.", "patch-failed"),
    (1, "On branch main\nnothing to commit, working tree clean", "nothing-to-commit"),
    (1, "no changes added to commit (use \"git add\" and/or \"git commit -a\")", "nothing-to-commit"),
    (128, "fatal: Need to specify how to reconcile divergent branches.", "diverged"),
    (128, "fatal: Not possible to fast-forward, aborting.", "diverged"),
    (128, "fatal: refusing to merge unrelated histories", "unrelated-histories"),
    (128, "fatal: The current branch x has no upstream branch.", "no-upstream"),
    (128, "fatal: You are not currently on a branch.", "detached-head"),
    (
        1,
        "!\tx:refs/heads/x\t[rejected] (fetch first)\nerror: failed to push some refs to 'h'",
        "non-fast-forward",
    ),
    (1, "!\tx:refs/heads/x\t[rejected] (non-fast-forward)", "non-fast-forward"),
    (1, "!\tx:refs/heads/x\t[rejected] (stale info)", "stale-lease"),
    (
        1,
        "remote: error: GH006: Protected branch update failed for refs/heads/main.\n!\tx:refs/heads/main\t[remote rejected] (protected branch hook declined)",
        "protected-branch",
    ),
    (
        1,
        "remote: GitLab: You are not allowed to push code to protected branches on this project.\n!\tx:y\t[remote rejected] (pre-receive hook declined)",
        "protected-branch",
    ),
    (
        1,
        "remote: error: denying non-fast-forward refs/heads/main\n!\tx:y\t[remote rejected] (non-fast-forward)",
        "protected-branch",
    ),
    (1, "remote: no\n!\tx:y\t[remote rejected] (pre-receive hook declined)", "hook-declined"),
    (
        1,
        "remote: error: GH001: Large files detected.\n!\tx:y\t[remote rejected] (pre-receive hook declined)",
        "large-file",
    ),
    (
        1,
        "remote: - Push cannot contain secrets\nremote: error: GH013: Repository rule violations\n!\tx:y\t[remote rejected]",
        "secret-detected",
    ),
    (
        128,
        "fatal: Unable to create '/w/.git/index.lock': File exists.\n\nAnother git process seems to be running",
        "lock-contention",
    ),
    (255, "error: could not lock config file .git/config: File exists", "lock-contention"),
    (
        128,
        "fatal: cannot lock ref 'refs/heads/a': Unable to create '/w/.git/refs/heads/a.lock': File exists.",
        "lock-contention",
    ),
    (
        128,
        "fatal: write error: No space left on device\nfatal: fetch-pack: invalid index-pack output",
        "disk-full",
    ),
    (
        128,
        "error: index-pack died of signal 9\nfatal: fetch-pack: invalid index-pack output",
        "out-of-memory",
    ),
    (128, "fatal: not a git repository (or any of the parent directories): .git", "not-a-repository"),
    (128, "fatal: pathspec 'x' did not match any files", "path-not-found"),
    (128, "fatal: /etc/passwd: '/etc/passwd' is outside repository at '/w'", "path-outside-repo"),
    (128, "fatal: pathspec 'l/x' is beyond a symbolic link", "path-outside-repo"),
    (1, "The following paths are ignored by one of your .gitignore files:\nx", "path-ignored"),
    (128, "fatal: no email was given and auto-detection is disabled", "identity-missing"),
    (
        128,
        "git-lfs filter-process: line 1: git-lfs: not found\nfatal: the remote end hung up unexpectedly",
        "lfs-missing",
    ),
    (
        128,
        "error: object file .git/objects/11/22 is empty\nfatal: loose object 1122 (stored in .git/objects/11/22) is corrupt",
        "repository-corrupt",
    ),
    (128, "fatal: bad object HEAD", "repository-corrupt"),
    (
        128,
        "fatal: cannot update ref 'refs/heads/x': trying to write ref 'refs/heads/x' with nonexistent object 11",
        "repository-corrupt",
    ),
    (
        128,
        "error: object 11: hasDotgit: contains '.git'\nfatal: fsck error in packed object\nfatal: index-pack failed",
        "unsafe-objects",
    ),
    (
        128,
        "remote: fatal: unable to read 11\nremote: aborting due to possible repository corruption on the remote side.\nfatal: protocol error: bad pack header",
        "remote-corrupt",
    ),
    (128, "fatal: failed to encode 'f' from EVIL to UTF-8", "unknown-encoding"),
    (128, "error: cannot stat 'xx': File name too long", "path-too-long"),
    (128, "fatal: cannot create directory at 'dd/dd/d", "path-too-long"),
    (128, "fatal: cannot create directory at 'dd': Permission denied", "unknown-git-error"),
    (128, "fatal: unsupported file type sub", "path-not-a-file"),
    (129, "error: unknown option `empty=drop'\nusage: git rebase", "git-unsupported"),
    (129, "usage: git something", "git-unsupported"),
    (127, "env: 'git': No such file or directory", "git-missing"),
    (137, "", "out-of-memory"),
    (124, "", "timeout"),
    (128, "fatal: something new", "unknown-git-error"),
];

#[test]
fn what_git_says_is_read_into_its_code() {
    for (code, said, expected) in CORPUS {
        let exit = Exit { code: *code, stderr: said.as_bytes().to_vec(), ..Exit::default() };
        assert_eq!(classify_exit(&exit, SideEffect::None).code.name, *expected, "{said}");
    }
}

#[test]
fn how_the_plan_ended_counts_before_what_was_said() {
    let exit = Exit { code: 128, stderr: b"fatal: early EOF".to_vec(), ..Exit::default() };
    let exits = |ended| Exits { steps: vec![exit.clone()], ended, elapsed: Duration::ZERO };
    for (ended, code) in [
        (Ended::TimedOut, "timeout"),
        (Ended::Killed, "out-of-memory"),
        (Ended::Normally, "network-interrupted"),
    ] {
        let failure = classify(&exits(ended), SideEffect::Unknown);
        assert_eq!((failure.code.name, failure.side_effect), (code, SideEffect::Unknown));
    }
}
