//! The local sandbox host, asked by the official E2B SDKs: the protocol is theirs, not ours.

use std::process::Command;

use gitledger_tests::{Origin, Process, Setup, tools, workspace};

/// Old SDKs check the shape of a key before they send it.
const KEY: &str = "e2b_0000000000000000000000000000000000000000";

/// One version of the SDK against a host of its own.
struct Sdk {
    version: &'static str,
    host: Process,
    url: String,
    // Holds the host's directory.
    _setup: Setup,
}

impl Sdk {
    async fn new(version: &'static str) -> Self {
        let setup = Setup::new();
        let mut host =
            Process::start("gitledger sandbox-host", setup.command(&["sandbox-host", "--port", "0"]));
        let address =
            |line: &str| Some(line.strip_prefix("sandbox host on ")?.split_whitespace().next()?.to_owned());
        let url = host.line("its address", address).await;
        Self { version, host, url, _setup: setup }
    }

    fn script(&self, path: &str) -> Command {
        let mut script = tools::e2b_sdk(self.version).command();
        script.arg(workspace::root().join(path));
        self.address(&mut script);
        script
    }

    /// Tells a script which host it is for.
    fn address(&self, script: &mut Command) {
        script.env("E2B_API_URL", &self.url).env("E2B_SANDBOX_URL", &self.url).env("E2B_API_KEY", KEY);
    }

    /// Runs a script that must end well; what it printed.
    async fn run(&self, script: Command) -> String {
        let (status, said) = Process::start(&format!("e2b {}", self.version), script).ended().await;
        assert!(
            status.success(),
            "SDK {}: {status}\n{said}\nthe host said:\n{}",
            self.version,
            self.host.said()
        );
        said
    }
}

/// Where a script leaves what it pushes.
fn with_origin(mut script: Command, origin: &Origin) -> Command {
    script.env("ORIGIN_URL", origin.app()).env("ORIGIN_TOKEN", origin.token());
    script
}

/// A list of checks ran, on the SDK that was meant, and none failed.
fn assert_all_passed(said: &str, sdk: &str) {
    let summary = said.lines().find(|line| line.starts_with(&format!("e2b {sdk}: ")));
    assert!(
        summary.is_some_and(|line| line.ends_with(" 0 failed")),
        "it is another SDK, or no check ran:\n{said}"
    );
}

/// The host's own list of what an SDK must be able to do.
async fn keeps_the_protocol(version: &'static str) {
    let sdk = Sdk::new(version).await;
    let said = sdk.run(sdk.script("infra/sandbox-host/tests/sdk_check.py")).await;
    assert_all_passed(&said, version);
    sdk.host.interrupt().await;
}

/// The same for the half of the SDK that does many things at once.
async fn keeps_the_protocol_asynchronously(version: &'static str) {
    let (sdk, origin) = (Sdk::new(version).await, Origin::start().await);
    let script = sdk.script("infra/sandbox-host/tests/sdk_check_async.py");
    let said = sdk.run(with_origin(script, &origin)).await;
    assert_all_passed(&said, &format!("{version} async"));
    assert!(origin.tip("from-the-async-sdk").is_some(), "the remote has what the SDK pushed");
    sdk.host.interrupt().await;
}

/// The work of an agent that uses the SDK alone.
async fn pushes_to_a_remote(version: &'static str) {
    let (sdk, origin) = (Sdk::new(version).await, Origin::start().await);
    let said = sdk.run(with_origin(sdk.script("tests/python/push.py"), &origin)).await;
    let pushed =
        said.lines().find_map(|line| line.strip_prefix("pushed ")).expect("the script tells its commit");
    assert_eq!(origin.tip("from-the-sdk").as_deref(), Some(pushed), "the remote has what the SDK pushed");
    sdk.host.interrupt().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_supported_sdk_finds_the_protocol_that_it_speaks() {
    keeps_the_protocol(tools::E2B_SDKS[0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_known_sdk_finds_the_protocol_that_it_speaks() {
    keeps_the_protocol(tools::E2B_SDKS[1]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_supported_sdk_does_many_things_at_once() {
    keeps_the_protocol_asynchronously(tools::E2B_SDKS[0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_known_sdk_does_many_things_at_once() {
    keeps_the_protocol_asynchronously(tools::E2B_SDKS[1]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_javascript_sdk_finds_the_protocol_that_it_speaks() {
    let (sdk, origin) = (Sdk::new(tools::E2B_JS_SDK).await, Origin::start().await);
    let (mut node, dir) = tools::e2b_js_sdk();
    node.arg(workspace::root().join("infra/sandbox-host/tests/sdk_check.cjs")).arg(dir);
    sdk.address(&mut node);
    let said = sdk.run(with_origin(node, &origin)).await;
    assert_all_passed(&said, &format!("{} js", tools::E2B_JS_SDK));
    assert!(origin.tip("from-the-js-sdk").is_some(), "the remote has what the SDK pushed");
    sdk.host.interrupt().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_supported_sdk_clones_commits_and_pushes() {
    pushes_to_a_remote(tools::E2B_SDKS[0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_known_sdk_clones_commits_and_pushes() {
    pushes_to_a_remote(tools::E2B_SDKS[1]).await;
}
