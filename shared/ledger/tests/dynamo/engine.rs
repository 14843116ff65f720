//! The engine: the one that `DYNAMODB_ENDPOINT` names, else dynoxide, from `PATH` or brought under `target/tools`.
//!
//! dynoxide is a program here and no library: it links another SQLite, and one program can have only one.

use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use gitledger_ledger::dynamo::{AccessKeys, DynamoLedger, DynamoSettings};
use url::Url;

const VERSION: &str = "3.2.0";

/// A running engine; one of our own ends with this.
pub struct Engine {
    address: Url,
    own: Option<Child>,
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(mut own) = self.own.take() {
            let _ = own.kill();
            let _ = own.wait();
        }
    }
}

impl Engine {
    pub fn start() -> Self {
        if let Ok(address) = std::env::var("DYNAMODB_ENDPOINT") {
            return Self { address: address.parse().unwrap(), own: None };
        }
        let program = dynoxide();
        // Somebody else may take the port in between: then another one.
        for _ in 0..10 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut own = Command::new(&program)
                .args(["serve", "--host", "127.0.0.1", "--port", &port.to_string()])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let began = Instant::now();
            while began.elapsed() < Duration::from_secs(20) && own.try_wait().unwrap().is_none() {
                if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                    let address = format!("http://127.0.0.1:{port}/").parse().unwrap();
                    return Self { address, own: Some(own) };
                }
                std::thread::sleep(Duration::from_millis(2));
            }
            let _ = own.kill();
            let _ = own.wait();
        }
        panic!("{} does not listen", program.display());
    }

    /// Tables that nobody else uses, not made yet.
    pub fn settings(&self) -> DynamoSettings {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        named(&self.address, &format!("{}-{number}-{}", std::process::id(), uuid::Uuid::now_v7()))
    }

    /// A fresh ledger.
    pub async fn ledger(&self) -> (DynamoLedger, DynamoSettings) {
        let settings = self.settings();
        let ledger = DynamoLedger::new(settings.clone(), client()).unwrap();
        ledger.create_tables().await.unwrap();
        (ledger, settings)
    }
}

/// The tables of this name on an engine.
pub fn named(address: &Url, name: &str) -> DynamoSettings {
    DynamoSettings {
        region: "eu-central-1".to_owned(),
        endpoint: Some(address.clone()),
        keys: AccessKeys { id: "local".to_owned(), secret: "local".to_owned(), session_token: None },
        events_table: format!("events-{name}"),
        log_table: format!("log-{name}"),
        bucket: None,
    }
}

/// One for all in this process.
pub fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap()
}

fn dynoxide() -> PathBuf {
    let on_path = std::env::var_os("PATH")
        .into_iter()
        .flat_map(|path| std::env::split_paths(&path).map(|dir| dir.join("dynoxide")).collect::<Vec<_>>());
    if let Some(program) = on_path.into_iter().find(|program| program.is_file()) {
        return program;
    }
    let tools = tools();
    let program = tools.join(format!("dynoxide-{VERSION}/bin/dynoxide"));
    if program.is_file() {
        return program;
    }
    std::fs::create_dir_all(&tools).unwrap();
    // One process brings it; it is there whole or not at all, because cargo moves it there at the end.
    let lock = File::create(tools.join("dynoxide.lock")).unwrap();
    lock.lock().unwrap();
    if !program.is_file() {
        bring(&tools, &program);
    }
    program
}

/// `target/tools`: this program is in `target/<profile>/deps`.
fn tools() -> PathBuf {
    let this = std::env::current_exe().unwrap();
    this.ancestors().nth(3).unwrap().join("tools")
}

fn bring(tools: &Path, program: &Path) {
    eprintln!("tests: bringing dynoxide {VERSION}, which is built once ...");
    let mut install = Command::new("cargo");
    install
        .args(["install", "dynoxide-rs", "--version", VERSION, "--locked", "--quiet", "--no-track"])
        .args(["--no-default-features", "--features", "native-sqlite,http-server,cli", "--root"])
        .arg(program.parent().unwrap().parent().unwrap())
        .env("CARGO_TARGET_DIR", tools.join("dynoxide-target"))
        // Its own profile is for a small program, and takes many times as long.
        .envs(
            [("LTO", "false"), ("OPT_LEVEL", "1"), ("CODEGEN_UNITS", "16")]
                .map(|(name, value)| (format!("CARGO_PROFILE_RELEASE_{name}"), value)),
        );
    let status = install.status().unwrap();
    assert!(status.success(), "dynoxide {VERSION} could not be built ({status}); put a `dynoxide` on PATH");
    let _ = std::fs::remove_dir_all(tools.join("dynoxide-target"));
}
