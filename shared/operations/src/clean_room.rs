//! The clean room: a bare repository of our own, in which everything that carries a credential runs.
//!
//! The agent can write its workspace's configuration, and configuration can redirect a push or run a
//! command. So no process with a credential ever reads it: git runs with `GIT_DIR` set to a fresh bare
//! repository that borrows the workspace's objects, with the URL spelled out. References are carried
//! over afterwards, by a git without a credential.
//!
//! Deliberately absent: the token. The steps name a file; who runs the plan puts it there.

use crate::hardening::PROTOCOLS;
use crate::plan::Step;
use crate::{Context, Remote};

/// The name of the credential's file in the operation's scratch directory. Its contents are what git's
/// credential protocol reads: `username=` and `password=` lines.
pub const CREDENTIAL: &str = "credential";

/// The name of the bare repository in the operation's scratch directory.
pub const ROOM: &str = "room";

/// git in the clean room, on the workspace's objects. The credential is offered to this remote's origin
/// only; git itself compares scheme, host and port.
pub fn git<I>(context: &Context<'_>, remote: &Remote, arguments: I) -> Step
where
    I: IntoIterator,
    I::Item: Into<String>,
{
    let fixed = [
        "env".to_owned(),
        format!("GIT_DIR={}", context.scratch(ROOM)),
        // Relative to the workspace, where this step runs.
        "GIT_OBJECT_DIRECTORY=.git/objects".to_owned(),
        format!("{PROTOCOLS}={}", remote.protocol()),
        "GIT_NO_LAZY_FETCH=0".to_owned(),
        "git".to_owned(),
    ];
    let settings = settings(context, remote).into_iter().flat_map(|setting| ["-c".to_owned(), setting]);
    let argv = fixed.into_iter().chain(settings).chain(arguments.into_iter().map(Into::into));
    Step::new(crate::context::WORKSPACE, argv)
}

/// Where git finds the credential: nowhere, when the gate has it.
fn settings(context: &Context<'_>, remote: &Remote) -> Vec<String> {
    if remote.is_gated() {
        return remote.gate_settings();
    }
    let helper = format!("!f() {{ test \"$1\" = get && cat '{}'; }}; f", context.scratch(CREDENTIAL));
    vec![format!("credential.{}.helper={helper}", remote.origin())]
}
