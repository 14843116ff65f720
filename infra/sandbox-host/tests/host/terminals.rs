//! Terminals, and input as a stream.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::StatusCode;
use serde_json::{Value, json};

use crate::client::{Sandbox, Stream, envelope, shell_request};
use crate::isolated;

/// A shell in a terminal, as SDKs start it, but with a prompt that is easy to wait for.
async fn shell(sandbox: &Sandbox) -> (Stream, u64) {
    let request = json!({
        "process": {"cmd": "/bin/bash", "args": ["--norc", "-i", "-l"], "envs": {"TERM": "xterm", "PS1": "ready> "}},
        "pty": {"size": {"cols": 100, "rows": 30}},
    });
    let mut stream = sandbox.start(request, &[]).await;
    let pid = stream.pid().await;
    stream.output("ready> ").await;
    (stream, pid)
}

async fn type_in(sandbox: &Sandbox, pid: u64, text: &str) {
    let input = json!({"process": {"pid": pid}, "input": {"pty": STANDARD.encode(text)}});
    let answer = sandbox.rpc("/process.Process/SendInput", input).await;
    assert_eq!(answer.status, StatusCode::OK, "{:?}", answer.body);
}

#[tokio::test]
async fn a_terminal_is_one_for_those_who_run_in_it() {
    let running = isolated().await;
    let sandbox = running.client.create(json!({})).await;
    let (mut stream, pid) = shell(&sandbox).await;
    // What is typed is echoed, so that what is waited for must not be in it.
    type_in(&sandbox, pid, "tty && stty size && echo is$((1+1))\n").await;
    stream.output("/dev/pts/0\r\n30 100\r\nis2\r\n").await;

    let resize = json!({"process": {"pid": pid}, "pty": {"size": {"cols": 80, "rows": "24"}}});
    assert_eq!(sandbox.rpc("/process.Process/Update", resize).await.status, StatusCode::OK);
    type_in(&sandbox, pid, "stty size\n").await;
    stream.output("24 80\r\n").await;

    type_in(&sandbox, pid, "exit 7\n").await;
    let ran = stream.finish().await;
    assert_eq!(ran.end["exitCode"], 7);
    running.host.shutdown().await;
}

#[tokio::test]
async fn jobs_are_stopped_and_interrupted_from_the_keyboard() {
    let running = isolated().await;
    let sandbox = running.client.create(json!({})).await;
    let (mut stream, pid) = shell(&sandbox).await;
    type_in(&sandbox, pid, "echo go$((1)); cat\n").await;
    stream.output("go1\r\n").await;
    // Once it echoes, it reads.
    type_in(&sandbox, pid, "x\n").await;
    stream.output("x\r\nx\r\n").await;
    type_in(&sandbox, pid, "\u{1a}").await;
    stream.output("Stopped").await;
    type_in(&sandbox, pid, "jobs | grep -c cat; fg\n").await;
    stream.output("1\r\ncat\r\n").await;
    // The shell names it before it gives it the keyboard.
    type_in(&sandbox, pid, "y\n").await;
    stream.output("y\r\ny\r\n").await;
    type_in(&sandbox, pid, "\u{3}").await;
    stream.output("ready> ").await;
    type_in(&sandbox, pid, "echo status=$?\n").await;
    stream.output("status=130\r\n").await;
    type_in(&sandbox, pid, "sleep 1000 & exit\n").await;
    stream.finish().await;
    running.host.shutdown().await;
}

#[test]
fn keys_interrupt_also_where_the_host_was_started_in_the_background() {
    // Who is started so ignores these, and hands it on.
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "trap '' HUP INT QUIT; exec \"$0\" \"$@\""]).arg(std::env::current_exe().unwrap());
    shell.args(["--exact", "terminals::jobs_are_stopped_and_interrupted_from_the_keyboard"]);
    let ran = shell.output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success() && said.contains("1 passed"), "{said}");
}

#[tokio::test]
async fn input_of_the_wrong_kind_is_refused() {
    let running = isolated().await;
    let sandbox = running.client.create(json!({})).await;
    let (_stream, terminal) = shell(&sandbox).await;
    let mut piped = sandbox.start(json!({"process": {"cmd": "cat"}}), &[]).await;
    let piped = piped.pid().await;
    for (method, pid, more, code) in [
        ("SendInput", terminal, json!({"input": {"stdin": "eA=="}}), "internal"),
        ("SendInput", piped, json!({"input": {"pty": "eA=="}}), "internal"),
        ("SendInput", piped, json!({"input": {}}), "unimplemented"),
        ("SendInput", piped, json!({"input": {"stdin": "?"}}), "invalid_argument"),
        ("CloseStdin", terminal, json!({}), "unknown"),
        ("Update", piped, json!({"pty": {"size": {"cols": 1, "rows": 1}}}), "internal"),
        ("Update", 4_000_000, json!({"pty": {"size": {"cols": 1, "rows": 1}}}), "not_found"),
    ] {
        let mut request = json!({"process": {"pid": pid}});
        request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = sandbox.rpc(&format!("/process.Process/{method}"), request.clone()).await;
        assert_eq!(answer.json()["code"], code, "{method} {request}");
    }
    running.host.shutdown().await;
}

/// Sends these messages over one stream; its last envelope.
async fn stream_input(sandbox: &Sandbox, messages: &[Value]) -> Value {
    let body: Vec<u8> = messages.iter().flat_map(|one| envelope(0, one.to_string().as_bytes())).collect();
    let mut stream = sandbox.stream_raw("/process.Process/StreamInput", body.into(), &[]).await;
    let (mut last, mut message) = stream.next().await.expect("an envelope");
    if !last {
        assert_eq!(message, json!({}), "the one answer comes before the end");
        (last, message) = stream.next().await.expect("an end");
    }
    assert!(last);
    message
}

#[tokio::test]
async fn a_stream_of_input_arrives_in_order() {
    let running = isolated().await;
    let sandbox = running.client.create(json!({})).await;
    let mut request = shell_request("head -c 100000 | md5sum");
    request["stdin"] = json!(true);
    request["tag"] = json!("reader");
    let mut reader = sandbox.start(request, &[]).await;
    reader.pid().await;
    let text: Vec<u8> = (0..20_000).flat_map(|number| format!("{number:05}").into_bytes()).collect();
    let mut messages = vec![json!({"start": {"process": {"tag": "reader"}}}), json!({"keepalive": {}})];
    let chunks = text.chunks(777);
    messages.extend(chunks.map(|chunk| json!({"data": {"input": {"stdin": STANDARD.encode(chunk)}}})));
    assert_eq!(stream_input(&sandbox, &messages).await, json!({}));
    // What `md5sum` says of the same text.
    let expected = sandbox.run("for i in $(seq 0 19999); do printf %05d $i; done | md5sum").await;
    assert_eq!(reader.finish().await.stdout, expected.stdout);

    let nobody = json!({"start": {"process": {"pid": 4_000_000}}});
    assert_eq!(stream_input(&sandbox, &[nobody]).await["error"]["code"], "not_found");
    let early = json!({"data": {"input": {"stdin": "eA=="}}});
    assert_eq!(stream_input(&sandbox, &[early]).await["error"]["code"], "invalid_argument");
    running.host.shutdown().await;
}

#[tokio::test]
async fn input_that_nobody_reads_is_given_up_in_time() {
    let running = isolated().await;
    let sandbox = running.client.create(json!({})).await;
    let mut sleeper = sandbox.start(json!({"process": {"cmd": "sleep", "args": ["1000"]}}), &[]).await;
    let pid = sleeper.pid().await;
    let much = STANDARD.encode(vec![b'x'; 1 << 20]);
    let input = json!({"process": {"pid": pid}, "input": {"stdin": much}}).to_string();
    let headers = [("content-type", "application/json"), ("connect-timeout-ms", "100")];
    let answer = sandbox.call("POST", "/process.Process/SendInput", &headers, input).await;
    assert_eq!(
        (answer.status, answer.json()["code"].as_str()),
        (StatusCode::GATEWAY_TIMEOUT, Some("deadline_exceeded"))
    );
    // The pipe is free again for others.
    let close = json!({"process": {"pid": pid}});
    assert_eq!(sandbox.rpc("/process.Process/CloseStdin", close).await.status, StatusCode::OK);
    running.host.shutdown().await;
}
