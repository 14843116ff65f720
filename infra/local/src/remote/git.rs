//! Git as a process with an environment of our making: nothing of the caller's settings gets in.

use std::ffi::OsString;
use std::io::{self, BufWriter, Write};
use std::process::{ChildStdin, Command, Output, Stdio};

/// Settings at command scope; they beat the repository's own.
const CONFIGURATION: &[(&str, &str)] = &[
    // The root may belong to another user, as it does in a container.
    ("safe.directory", "*"),
    ("init.defaultBranch", "main"),
    // Nothing may run on after the answer.
    ("gc.auto", "0"),
    ("receive.autogc", "false"),
    ("maintenance.auto", "false"),
];

/// `git` with a clean environment.
pub(super) fn command() -> Command {
    let mut command = Command::new("git");
    command
        .env_clear()
        .env("PATH", search_path())
        .env("HOME", "/nonexistent")
        .env("LC_ALL", "C")
        .env("TZ", "UTC")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_CONFIG_COUNT", CONFIGURATION.len().to_string());
    for (index, (key, value)) in CONFIGURATION.iter().enumerate() {
        command.env(format!("GIT_CONFIG_KEY_{index}"), key).env(format!("GIT_CONFIG_VALUE_{index}"), value);
    }
    command
}

fn search_path() -> OsString {
    std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into())
}

/// Runs to the end. A nonzero exit is an error that carries what git said.
pub(super) fn run(command: &mut Command) -> io::Result<Output> {
    checked(command.stdin(Stdio::null()).output()?)
}

/// Like [`run`], with `write` as its standard input. For commands that print little: nothing reads meanwhile.
pub(super) fn feed(
    command: &mut Command,
    write: impl FnOnce(&mut BufWriter<ChildStdin>) -> io::Result<()>,
) -> io::Result<Output> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let written = match child.stdin.take() {
        Some(stdin) => {
            let mut stdin = BufWriter::new(stdin);
            write(&mut stdin).and_then(|()| stdin.flush())
        }
        None => Ok(()),
    };
    // What git says about a stream it did not want tells more than the broken pipe.
    let output = checked(child.wait_with_output()?)?;
    written.map(|()| output)
}

fn checked(output: Output) -> io::Result<Output> {
    if output.status.success() {
        return Ok(output);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(io::Error::other(format!("git ended with {}: {}", output.status, said.trim())))
}
