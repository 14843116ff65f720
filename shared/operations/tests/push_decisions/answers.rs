//! A push that failed: whether anything can have been sent.

use gitledger_events::operation::SideEffect;
use gitledger_operations::Decision;
use serde_json::json;

use super::{SEEN, decide, decide_with, prepared, pushed, runs, said, silent, stays_open};

#[test]
fn what_a_hook_printed_does_not_say_that_nothing_was_sent() {
    let cut = "error: RPC failed; curl 28 Operation too slow. Less than 1000 bytes/sec transferred the last 30 seconds\n\
               send-pack: unexpected disconnect while reading sideband packet\n\
               fatal: the remote end hung up unexpectedly";
    let hooks = [
        "Could not resolve host: ci",
        "curl: (7) Failed to connect to ci port 443: Connection refused",
        "ERROR: Repository not found.",
        "fatal: not a git repository (or any of the parent directories): .git",
        "fatal: bad revision 'x'",
        "The requested URL returned error: 403",
    ];
    for hook in hooks {
        let push = pushed(said(1, &format!("remote: {hook}        \n{cut}")));
        let start = [prepared(Some(SEEN)), push];
        runs(decide(&start), "ls-remote");
        // The remote does not answer the look either, and no attempt is left: it must not look as if it had failed.
        let input = json!({"sandbox_id": "s", "max_attempts": 1});
        stays_open(decide_with(input, &[&start[..], &[silent()]].concat()));
    }
    // A refusal is git's own word, whatever the server adds to it.
    let refused = "remote: Permission to a/r.git denied to b.\n\
                   fatal: unable to access 'https://h/': The requested URL returned error: 403";
    let decision = decide(&[prepared(Some(SEEN)), pushed(said(128, refused))]);
    let Decision::Failed(failure) = decision else { panic!("{decision:?}") };
    assert_eq!((failure.code.name, failure.side_effect), ("permission-denied", SideEffect::None));
}
