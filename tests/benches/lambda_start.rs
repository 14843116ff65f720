//! What a function costs beside a bare one: start to first poll, overhead of a warm invocation, peak memory, size.
//!
//! A Runtime API of the bench's own serves both in turns: the functions as `infra/aws/build` has left them in
//! `target/lambda`, and a handler of `lambda_runtime` that answers with what it was asked, which is this program
//! started again. The functions start as in AWS: with the certificates for E2B that are compiled in, because nothing
//! names others there, and with the ledger on DynamoDB, which the bench stands in for, empty and at once: what a
//! network adds is not measured.
//!
//! `infra/aws/build --x86-64 && cargo bench -p gitledger-tests --bench lambda_start [-- FUNCTION...]`

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gitledger_functions::catalogue::{self, Kind};
use gitledger_tests::workspace;
use rustix::net::sockopt::{self, Timeout};
use serde_json::Value;

/// Starts that count, after one that warms the page cache.
const STARTS: usize = 15;
/// Invocations of each start; the first is the cold one.
const INVOCATIONS: usize = 40;
/// A request that every operation refuses at once: what is left is all overhead.
const REFUSED: &str = r#"{"no_such_field": 0}"#;
/// The longest that a start may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How the bench starts itself as the bare function.
const BARE: &str = "LAMBDA_START_BARE";

/// What was measured of one function.
#[derive(Default)]
struct Row {
    starts: Vec<Duration>,
    warm: Vec<Duration>,
    peak_kib: u64,
    size_kib: u64,
    zipped_kib: u64,
}

fn main() {
    if std::env::var_os(BARE).is_some() {
        bare();
        return;
    }
    let asked: Vec<String> = std::env::args().skip(1).filter(|name| !name.starts_with('-')).collect();
    let wanted = |name: &String| asked.is_empty() || asked.contains(name);
    let functions: Vec<_> =
        catalogue::all().into_iter().filter(|function| wanted(&function.name())).collect();
    let ledger = Ledger::start();
    println!(
        "{:<24} {:>12} {:>12} {:>10} {:>9} {:>9}",
        "function", "start ms", "warm ms", "peak MiB", "KiB", "zip KiB"
    );
    let this = std::env::current_exe().expect("this program");
    // It is this bench, whose size says nothing.
    let bare = Row { size_kib: 0, zipped_kib: 0, ..measure(&this, None, INVOCATIONS) };
    show("(bare lambda_runtime)", bare);
    for function in &functions {
        // The others work whatever they are sent.
        let refuses = matches!(function.kind, Kind::Operation(_));
        let name = function.name();
        show(&name, measure(&artefact(&name), Some(&ledger), if refuses { INVOCATIONS } else { 0 }));
    }
}

/// What would be uploaded for a function, unpacked.
fn artefact(name: &str) -> PathBuf {
    let file = workspace::target().join("lambda").join(name).join("bootstrap");
    assert!(file.is_file(), "{} is not there: infra/aws/build --x86-64 makes it", file.display());
    file
}

/// Stands in for a DynamoDB that has nothing and answers at once.
struct Ledger {
    url: String,
}

impl Ledger {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        // Ends with the bench.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                std::thread::spawn(move || answer_all(stream));
            }
        });
        Self { url }
    }
}

fn answer_all(mut stream: TcpStream) {
    let nothing = r#"{"Items":[],"Count":0,"ScannedCount":0}"#;
    while read(&mut stream).is_some() {
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/x-amz-json-1.0\r\ncontent-length: {}\r\n\r\n{nothing}",
            nothing.len()
        );
        if stream.write_all(head.as_bytes()).is_err() {
            return;
        }
    }
}

/// The least that a function can be.
fn bare() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let handler = lambda_runtime::service_fn(async |event: lambda_runtime::LambdaEvent<Value>| {
        Ok::<_, lambda_runtime::Error>(event.payload)
    });
    runtime.block_on(lambda_runtime::run(handler)).expect("it is served until it is killed");
}

/// A function on this ledger; without one, the bare handler.
fn measure(program: &Path, ledger: Option<&Ledger>, invocations: usize) -> Row {
    let mut row = Row { size_kib: size(program), zipped_kib: zipped(program), ..Row::default() };
    for number in 0..=STARTS {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        // One that ends instead of asking is told of.
        sockopt::set_socket_timeout(&listener, Timeout::Recv, Some(PATIENCE)).expect("a limit");
        let api = listener.local_addr().expect("its address").to_string();
        let began = Instant::now();
        let mut child = start(program, &api, ledger);
        let (mut next, _) =
            listener.accept().unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        let request = read(&mut next).expect("its first poll");
        let started = began.elapsed();
        assert!(request.contains("/invocation/next"), "{request}");
        let warm = serve(&listener, next, invocations);
        row.peak_kib = row.peak_kib.max(peak_kib(&child));
        // Started by this program, ended by it.
        let _ = child.kill();
        let _ = child.wait();
        if number > 0 {
            row.starts.push(started);
            row.warm.extend(warm);
        }
    }
    row
}

fn start(program: &Path, api: &str, ledger: Option<&Ledger>) -> Child {
    let mut command = Command::new(program);
    command.env_clear().env("AWS_LAMBDA_RUNTIME_API", api).env("AWS_LAMBDA_FUNCTION_NAME", "bench");
    command.env("AWS_LAMBDA_FUNCTION_VERSION", "1").env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    match ledger {
        Some(ledger) => {
            command.env("GITLEDGER_LEDGER", "dynamodb").env("DYNAMODB_ENDPOINT", &ledger.url);
            command.env("GITLEDGER_DATA", "/tmp/gitledger").env("AWS_REGION", "us-east-1");
            command.env("AWS_ACCESS_KEY_ID", "bench").env("AWS_SECRET_ACCESS_KEY", "bench");
            command.env("E2B_API_KEY", "e2b_0").env("PUSHGATEWAY_URL", "https://pushgateway.invalid");
            command.env("GITLEDGER_EVENT_BUS", "bench");
        }
        None => {
            command.env(BARE, "1");
        }
    }
    command.spawn().expect("the function starts")
}

/// Hands out invocations; from the last byte of each to the last byte of its answer, without the first.
fn serve(listener: &TcpListener, mut stream: TcpStream, invocations: usize) -> Vec<Duration> {
    let mut times = Vec::new();
    for number in 0..invocations {
        let body = REFUSED;
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
             Lambda-Runtime-Aws-Request-Id: 8f5077ea-2ea5-4a3b-9f4d-1c2b3a49{number:04}\r\n\
             Lambda-Runtime-Deadline-Ms: 99999999999999\r\n\
             Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:123456789012:function:bench\r\n\r\n{body}",
            body.len()
        );
        let sent = Instant::now();
        stream.write_all(head.as_bytes()).expect("sent");
        let answer = loop {
            match read(&mut stream) {
                Some(answer) => break answer,
                // It uses another connection.
                None => stream = listener.accept().expect("the function connects").0,
            }
        };
        assert!(answer.contains("/response") || answer.contains("/error"), "{answer}");
        if number > 0 {
            times.push(sent.elapsed());
        }
        stream.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n").expect("sent");
        while read(&mut stream).is_none() {
            stream = listener.accept().expect("the function connects").0;
        }
    }
    times
}

/// One request: its first line. `None`: the connection was closed.
fn read(stream: &mut TcpStream) -> Option<String> {
    let mut reader = BufReader::with_capacity(1, stream);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first).ok().filter(|bytes| *bytes > 0)?;
    let mut chunked = false;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|bytes| *bytes > 0)?;
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        chunked |= line == "transfer-encoding: chunked";
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
    }
    assert!(!chunked, "an answer of known length is expected");
    reader.read_exact(&mut vec![0; length]).ok()?;
    Some(first)
}

fn peak_kib(child: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|kib| kib.parse().ok()).unwrap_or_default()
}

fn size(program: &Path) -> u64 {
    program.metadata().map_or(0, |found| found.len() / 1024)
}

/// As large as what is uploaded: a zip of one file is its deflated bytes.
fn zipped(program: &Path) -> u64 {
    let output = Command::new("gzip").arg("-1c").arg(program).stdin(Stdio::null()).output();
    output.map_or(0, |output| u64::try_from(output.stdout.len()).unwrap_or(u64::MAX) / 1024)
}

fn show(name: &str, mut row: Row) {
    row.starts.sort_unstable();
    row.warm.sort_unstable();
    let p50 = |times: &[Duration], digits: usize| {
        let middle = times.get(times.len() / 2);
        middle.map_or_else(|| "-".to_owned(), |time| format!("{:.digits$}", time.as_secs_f64() * 1000.0))
    };
    #[allow(clippy::cast_precision_loss)] // kibibytes
    let peak = row.peak_kib as f64 / 1024.0;
    let (start, warm) = (p50(&row.starts, 2), p50(&row.warm, 3));
    println!("{name:<24} {start:>12} {warm:>12} {peak:>10.1} {:>9} {:>9}", row.size_kib, row.zipped_kib);
}
