//! The real parts that tests need, by name: from `PATH` where they are there, else brought.
//!
//! Each function returns a part that works or fails the test with a sentence that names the part, why it could
//! not be had and what to install. Several test processes may ask at once; one of them brings the part.

mod apt;
mod browser;
mod debian;
mod node;
mod python;
mod shelf;
pub mod workspace;

use std::path::{Path, PathBuf};

pub use python::Python;

/// The oldest E2B SDK that must work, and the newest there was when this line was written.
pub const E2B_SDKS: [&str; 2] = ["2.45.1", "2.63.0"];

/// Isolates sandboxes; the local host looks for it on `PATH` where it is not told.
pub fn bwrap() -> PathBuf {
    had(debian::program("bwrap", &["bubblewrap"]))
}

/// Scrapes, keeps, answers queries.
pub fn prometheus() -> PathBuf {
    had(debian::program("prometheus", &["prometheus"]))
}

/// Checks what an exporter prints. Newer releases of Debian have it in a package of its own.
pub fn promtool() -> PathBuf {
    had(debian::program("promtool", &["prometheus", "promtool"]))
}

/// Keeps what short-lived programs publish.
pub fn pushgateway() -> PathBuf {
    had(debian::program("prometheus-pushgateway", &["prometheus-pushgateway"]))
}

/// Groups alerts and sends them to people.
pub fn alertmanager() -> PathBuf {
    had(debian::program("prometheus-alertmanager", &["prometheus-alertmanager"]))
}

/// The message bus.
pub fn nats_server() -> PathBuf {
    had(debian::program("nats-server", &["nats-server"]))
}

/// The official client of NATS for Python: what listens to the feed in the tests is not of this project.
pub fn nats_client() -> Python {
    had(python::environment("nats", &["nats-py==2.16.0"]))
}

/// Checks Alertmanager's configuration and asks it.
pub fn amtool() -> PathBuf {
    had(debian::program("amtool", &["prometheus-alertmanager"]))
}

/// The official E2B SDK of one version, in a Python environment of its own.
pub fn e2b_sdk(version: &str) -> Python {
    had(python::environment(&format!("e2b-{version}"), &[&format!("e2b=={version}")]))
}

/// The same for JavaScript; the versions of the two are not in step.
pub const E2B_JS_SDK: &str = "2.51.0";

/// Node.js, and the directory in whose `node_modules` the official E2B SDK for JavaScript is.
pub fn e2b_js_sdk() -> (std::process::Command, PathBuf) {
    had(node::library(&format!("e2b@{E2B_JS_SDK}"), "e2b", (20, 19)))
}

/// The official MCP SDK, for its client.
pub fn mcp_sdk() -> Python {
    had(python::environment("mcp", &["mcp==2.3.0"]))
}

/// The reference git server of MCP, as people run it today, with the client and the E2B SDK to ask all three
/// from one program.
pub fn git_peers() -> Python {
    let e2b = format!("e2b=={}", E2B_SDKS[1]);
    had(python::environment("git-peers", &["mcp==2.3.0", "mcp-server-git==2026.10.19", &e2b]))
}

/// MCP Inspector without arguments, in its pinned version.
pub fn mcp_inspector() -> std::process::Command {
    had(node::script("@modelcontextprotocol/inspector@2.12.0", "mcp-inspector"))
}

/// Drives a browser: Node.js, and the directory in whose `node_modules` Playwright is. It brings no browser.
pub fn playwright() -> (std::process::Command, PathBuf) {
    had(node::library("playwright-core@1.65.1", "playwright-core", (20, 0)))
}

/// Finds what keeps people out of a page: the directory in whose `node_modules` axe is.
pub fn axe() -> PathBuf {
    had(node::library("axe-core@4.14.1", "axe-core", (20, 0))).1
}

/// Shows pages as people see them.
pub fn chromium() -> PathBuf {
    had(browser::chromium())
}

/// Translates SAM templates as AWS does, and checks what comes of it.
pub fn sam() -> Python {
    had(python::environment("sam", &["aws-sam-translator==1.115.0", "cfn-lint==1.58.0"]))
}

/// AWS on one machine: runs the functions' own binaries, without containers.
pub fn ministack() -> Python {
    had(python::environment("ministack", &["ministack==1.5.33"]))
}

/// `cargo-lambda`: the program, without the cross compiler (400 MB) that only its `build` needs.
pub fn cargo_lambda() -> PathBuf {
    let name = "cargo-lambda";
    let made = python::environment(name, &["--no-deps", "cargo-lambda==1.9.2"]);
    had(made.and_then(|python| python.script(name)))
}

/// Asks a service everything that its OpenAPI document allows and does not; the document's own validator with it.
pub fn schemathesis() -> Python {
    had(python::environment("schemathesis", &["schemathesis==4.32.5", "openapi-spec-validator==0.9.0"]))
}

/// Certificates for tests, by an authority of their own.
pub fn trustme() -> Python {
    had(python::environment("trustme", &["trustme==1.2.1"]))
}

/// Reads compose files as their specification says.
pub fn compose_spec() -> Python {
    had(python::environment("compose-spec", &["compose-spec==0.2.1"]))
}

/// A search path on which these programs are found first.
pub fn path_with(programs: &[&Path]) -> std::ffi::OsString {
    let brought = programs.iter().filter_map(|program| program.parent()).map(Path::to_path_buf);
    let given = std::env::var_os("PATH").unwrap_or_default();
    let all: Vec<PathBuf> = brought.chain(std::env::split_paths(&given)).collect();
    std::env::join_paths(all).unwrap_or(given)
}

/// The part, or the end of the test with the reason.
#[track_caller]
fn had<T>(part: Result<T, String>) -> T {
    match part {
        Ok(part) => part,
        Err(reason) => panic!("a part that this test needs could not be had: {reason}"),
    }
}

/// Tells a person who waits what is going on. Not captured by the test runner: it is not one test's output.
fn tell(what: &str) {
    use std::io::Write;
    // Nobody reading is no reason to fail.
    let _ = writeln!(std::io::stderr(), "tests: {what}");
}

/// Where a program is on `PATH`, if it is.
fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| is_program(file))
}

fn is_program(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// Runs a command to its end; what it printed on standard output, or why it failed in its own last words.
fn run(command: &mut std::process::Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(std::process::Stdio::null()).output().map_err(|e| format!("{name}: {e}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = last[last.len().saturating_sub(4)..].join("; ");
    Err(format!("{name} ended with {}: {last}", output.status))
}
