//! Commands: output, ends, input, tags, deadlines.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::StatusCode;
use serde_json::{Value, json};

use crate::client::shell_request;
use crate::isolated;

const START: &str = "/process.Process/Start";
const CONNECT: &str = "/process.Process/Connect";

#[tokio::test]
async fn a_command_gives_its_output_and_its_exit_code() {
    let running = isolated().await;
    let sandbox = running.client.create(json!({"envVars": {"A": "sandbox", "B": "sandbox"}})).await;
    let ran = sandbox.run("echo out; echo err >&2; exit 3").await;
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str(), ran.code()), ("out\n", "err\n", 3));
    assert_eq!(
        ran.end,
        json!({"exitCode": 3, "exited": true, "status": "exit status 3", "error": "exit status 3"})
    );
    assert_eq!(sandbox.run("true").await.end, json!({"exited": true, "status": "exit status 0"}));

    let mut request = shell_request("echo $A $B $HOME $USER $LOGNAME $E2B_SANDBOX; pwd");
    request["process"]["envs"] = json!({"B": "request"});
    request["process"]["cwd"] = json!("/tmp");
    let ran = sandbox.start(request, &[]).await.finish().await;
    assert_eq!(ran.stdout, "sandbox request /home/user user user true\n/tmp\n");
    running.host.shutdown().await;
}

#[tokio::test]
async fn large_output_arrives_whole_even_when_it_is_read_slowly() {
    let running = isolated().await;
    let sandbox = running.client.create(json!({})).await;
    let mut stream = sandbox.start(shell_request("head -c 8000000 /dev/zero | tr '\\0' x"), &[]).await;
    stream.pid().await;
    let other = sandbox.run("echo not held up").await;
    assert_eq!(other.stdout, "not held up\n");
    let ran = stream.finish().await;
    assert_eq!((ran.stdout.len(), ran.code()), (8_000_000, 0));
    running.host.shutdown().await;
}

#[tokio::test]
async fn commands_that_cannot_start_say_why() {
    let running = isolated().await;
    let sandbox = running.client.create(json!({})).await;
    for (request, words) in [
        (json!({"process": {"cmd": "no-such-program"}}), "executable file not found"),
        (json!({"process": {"cmd": "true", "cwd": "/nowhere"}}), "cwd '/nowhere' does not exist"),
    ] {
        let error = sandbox.start(request, &[]).await.finish().await.error;
        assert_eq!(error["code"], "invalid_argument");
        assert!(error["message"].as_str().unwrap().contains(words), "{error}");
    }
    let stranger = format!("Basic {}", STANDARD.encode("stranger:"));
    let ran = sandbox.start(shell_request("true"), &[("authorization", &stranger)]).await.finish().await;
    assert_eq!(ran.error["message"], "invalid username: 'stranger'");
    running.host.shutdown().await;
}

#[tokio::test]
async fn signals_end_a_command_and_its_end_names_them() {
    let running = isolated().await;
    let sandbox = running.client.create(json!({})).await;
    for (signal, status) in [("SIGNAL_SIGKILL", "signal: killed"), ("SIGNAL_SIGTERM", "signal: terminated")] {
        let mut stream = sandbox.start(json!({"process": {"cmd": "sleep", "args": ["1000"]}}), &[]).await;
        let select = json!({"pid": stream.pid().await});
        let sent = json!({"process": select, "signal": signal});
        assert_eq!(sandbox.rpc("/process.Process/SendSignal", sent.clone()).await.status, StatusCode::OK);
        let ran = stream.finish().await;
        assert_eq!(ran.end, json!({"exitCode": -1, "status": status, "error": status}));
        let again = sandbox.rpc("/process.Process/SendSignal", sent).await;
        assert_eq!(again.status, StatusCode::NOT_FOUND);
        assert_eq!(again.json()["message"], format!("process with pid {} not found", select["pid"]));
    }
    running.host.shutdown().await;
}

#[tokio::test]
async fn a_killed_command_ends_even_when_a_grandchild_holds_its_output() {
    let running = isolated().await;
    let sandbox = running.client.create(json!({})).await;
    let mut stream = sandbox.start(shell_request("sleep 1000 & echo up; wait"), &[]).await;
    let pid = stream.pid().await;
    stream.output("up").await;
    sandbox
        .rpc("/process.Process/SendSignal", json!({"process": {"pid": pid}, "signal": "SIGNAL_SIGKILL"}))
        .await;
    assert_eq!(stream.finish().await.end["status"], "signal: killed");
    running.host.shutdown().await;
}

#[tokio::test]
async fn input_is_written_and_closed() {
    let running = isolated().await;
    let sandbox = running.client.create(json!({})).await;
    let mut stream = sandbox.start(json!({"process": {"cmd": "cat"}, "stdin": true}), &[]).await;
    let select = json!({"pid": stream.pid().await});
    let input = json!({"process": select, "input": {"stdin": STANDARD.encode("hello")}});
    assert_eq!(sandbox.rpc("/process.Process/SendInput", input).await.status, StatusCode::OK);
    stream.output("hello").await;
    let closed = sandbox.rpc("/process.Process/CloseStdin", json!({"process": select})).await;
    assert_eq!(closed.status, StatusCode::OK);
    assert_eq!(stream.finish().await.code(), 0);

    let deaf = sandbox.start(json!({"process": {"cmd": "cat"}, "stdin": false}), &[]).await;
    assert_eq!(deaf.finish().await.code(), 0, "its input is /dev/null");
    running.host.shutdown().await;
}

#[tokio::test]
async fn a_command_outlives_its_client_and_is_found_again_by_tag() {
    let running = isolated().await;
    let sandbox = running.client.create(json!({})).await;
    let mut request = shell_request("until [ -e go ]; do sleep 0.01; done; echo found; exit 7");
    request["tag"] = json!("mine");
    let mut first = sandbox.start(request, &[]).await;
    let pid = first.pid().await;
    drop(first);

    let listed = sandbox.rpc("/process.Process/List", json!({})).await.json();
    assert_eq!(
        (&listed["processes"][0]["pid"], &listed["processes"][0]["tag"]),
        (&json!(pid), &json!("mine"))
    );
    let select = json!({"process": {"tag": "mine"}});
    let mut second = sandbox.stream(CONNECT, select.clone(), &[]).await;
    assert_eq!(second.pid().await, pid);
    sandbox.run("touch go").await;
    let ran = second.finish().await;
    assert_eq!((ran.stdout.as_str(), ran.code()), ("found\n", 7));

    let late = sandbox.stream(CONNECT, select, &[]).await.finish().await;
    assert_eq!((late.pid, late.stdout.as_str(), late.code()), (pid, "", 7), "the exit is kept");
    assert_eq!(sandbox.rpc("/process.Process/List", json!({})).await.json(), json!({}));
    let nobody = sandbox.stream(CONNECT, json!({"process": {"tag": "other"}}), &[]).await.finish().await;
    assert_eq!(nobody.error["code"], "not_found");
    running.host.shutdown().await;
}

#[tokio::test]
async fn a_deadline_kills_the_command_and_is_told_instead_of_its_end() {
    let running = isolated().await;
    let sandbox = running.client.create(json!({})).await;
    for shell in ["exec sleep 1000", "sleep 1000 & exit 0"] {
        let request = shell_request(shell);
        let ran = sandbox.stream(START, request, &[("connect-timeout-ms", "200")]).await.finish().await;
        assert_eq!(
            (ran.error["code"].as_str(), &ran.end),
            (Some("deadline_exceeded"), &Value::Null),
            "{shell}"
        );
    }
    let mut watched = sandbox.start(json!({"process": {"cmd": "sleep", "args": ["1000"]}}), &[]).await;
    let select = json!({"process": {"pid": watched.pid().await}});
    let brief = sandbox.stream(CONNECT, select.clone(), &[("connect-timeout-ms", "50")]).await.finish().await;
    assert_eq!(brief.error["code"], "deadline_exceeded");
    let listed = sandbox.rpc("/process.Process/List", json!({})).await.json();
    let running_still = listed["processes"].as_array().unwrap().iter();
    let pids: Vec<_> = running_still.map(|process| &process["pid"]).collect();
    assert!(pids.contains(&&select["process"]["pid"]), "connecting briefly kills nothing: {pids:?}");
    running.host.shutdown().await;
}

#[tokio::test]
async fn silence_is_filled_with_keepalives() {
    let running = isolated().await;
    let sandbox = running.client.create(json!({})).await;
    let request = json!({"process": {"cmd": "sleep", "args": ["1000"]}});
    let mut stream = sandbox.start(request, &[("keepalive-ping-interval", "1")]).await;
    stream.pid().await;
    assert_eq!(stream.next().await, Some((false, json!({"event": {"keepalive": {}}}))));
    running.host.shutdown().await;
}
