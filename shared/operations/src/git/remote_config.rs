//! The names of other remotes in the workspace's own configuration: shared by `remote-add` and `remote-remove`.

use crate::{Rejection, Step, check};

/// The remote that the workspace was cloned from; it stays.
const ORIGIN: &str = "origin";

/// A remote's name.
pub(crate) fn check_name(text: &str) -> Result<(), Rejection> {
    check::text::id("name", text)?;
    if text.eq_ignore_ascii_case(ORIGIN) {
        return Err(Rejection::argument(
            "name",
            "must not be 'origin', which is where the workspace comes from",
        ));
    }
    Ok(())
}

/// Prints the remote's URL, if there is such a remote; fails else.
pub(crate) fn url_step(name: &str) -> Step {
    let key = format!("remote.{name}.url");
    Step::git(["config", "--local", "--no-includes", "--get", &key]).may_fail()
}
