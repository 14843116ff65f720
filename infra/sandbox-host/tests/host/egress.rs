//! The only way out of a sandbox that has no network: where it leads, where not, and what is added on it.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use gitledger_sandbox_host::{Egress, Host, HostOptions, Network};
use hyper::StatusCode;
use serde_json::{Value, json};

use crate::client::{Client, Sandbox};
use crate::{Running, options};

type Seen = Arc<Mutex<Vec<String>>>;

/// A server that keeps what it is asked, with the credential that came along, and sends bodies back.
async fn server() -> (String, Seen) {
    let seen = Seen::default();
    let kept = Arc::clone(&seen);
    let service = Router::new().fallback(async move |request: Request| {
        let credential =
            request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned());
        let line = format!("{} {}", request.uri(), credential.unwrap_or_default());
        kept.lock().unwrap().push(line.trim_end().to_owned());
        Body::new(request.into_body())
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async { axum::serve(listener, service).await });
    (address, seen)
}

async fn proxied(admitted: &[&str]) -> Running {
    let dir = tempfile::tempdir().unwrap();
    let admit_private = admitted.iter().map(|&one| one.to_owned()).collect();
    let network = Network::Proxied(Egress { admit_private, ..Egress::default() });
    let host = Host::start(HostOptions { network, ..options(dir.path().into()) }).await.unwrap();
    let client = Client::new(host.url());
    Running { host, dir, client }
}

/// The status that curl sees: of the answer, or of the proxy's refusal to tunnel; 000 when there is none.
async fn fetch(sandbox: &Sandbox, arguments: &str) -> String {
    let curl = "curl -s -m 10 -o /dev/null -w '%{http_code}'";
    sandbox.run(&format!("{curl} {arguments}")).await.stdout
}

#[tokio::test]
async fn what_is_admitted_is_reached_and_nothing_else() {
    let (admitted, seen) = server().await;
    let (other, canary) = server().await;
    let running = proxied(&[&admitted]).await;
    let sandbox = running.client.create(json!({})).await;
    assert_eq!(fetch(&sandbox, &format!("http://{admitted}/plain")).await, "200");
    assert_eq!(fetch(&sandbox, &format!("-p http://{admitted}/tunnelled")).await, "200");
    assert_eq!(*seen.lock().unwrap(), ["/plain", "/tunnelled"]);
    let port = other.split(':').next_back().unwrap();
    for refused in [
        format!("http://{other}/"),
        format!("http://localhost:{port}/"),
        format!("http://127.1:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("http://0x7f.1:{port}/"),
        format!("http://[::1]:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://0.0.0.0:{port}/"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://10.0.0.1/".to_owned(),
    ] {
        assert_eq!(fetch(&sandbox, &refused).await, "403", "{refused}");
        let tunnel =
            sandbox.run(&format!("curl -s -m 10 -o /dev/null -p -w '%{{http_connect}}' {refused}")).await;
        assert_eq!(tunnel.stdout, "403", "{refused}");
    }
    assert_eq!(canary.lock().unwrap().len(), 0);
    running.host.shutdown().await;
}

#[tokio::test]
async fn without_the_proxy_there_is_no_network() {
    let (admitted, seen) = server().await;
    let running = proxied(&[&admitted]).await;
    let sandbox = running.client.create(json!({})).await;
    assert_eq!(fetch(&sandbox, &format!("--noproxy '*' http://{admitted}/direct")).await, "000");
    let host = running.host.url().replace("http://", "").replace(':', "/");
    assert_ne!(sandbox.run(&format!("exec 3<>/dev/tcp/{host}")).await.code(), 0, "the host is reached");
    assert_eq!(seen.lock().unwrap().len(), 0);
    let other = running.client.create(json!({})).await;
    other.run("python3 -m http.server 8000 >/dev/null 2>&1 &").await;
    assert_eq!(
        fetch(&sandbox, "--noproxy '*' http://127.0.0.1:8000/").await,
        "000",
        "a neighbour is reached"
    );
    running.host.shutdown().await;
}

#[tokio::test]
async fn a_credential_is_added_for_one_path_while_its_rule_stands_and_the_sandbox_never_sees_it() {
    let (admitted, seen) = server().await;
    let running = proxied(&[&admitted]).await;
    let sandbox = running.client.create(json!({})).await;
    let name = admitted.split(':').next().unwrap();
    let network = |rules: Value| {
        let path = format!("/sandboxes/{}/network", sandbox.id);
        let client = running.client.clone();
        async move { client.api("PUT", &path, json!({"rules": rules})).await.status }
    };
    let rule = json!({name: [{"path": "/acme/app.git",
        "transform": {"headers": {"Authorization": "Basic c2VjcmV0"}}}]});
    assert_eq!(network(rule).await, StatusCode::NO_CONTENT);
    for path in ["/acme/app.git/info/refs", "/acme/other.git/info/refs"] {
        assert_eq!(fetch(&sandbox, &format!("http://{admitted}{path}")).await, "200");
    }
    let own = format!("-H 'Authorization: mine' http://{admitted}/acme/app.git/own");
    fetch(&sandbox, &own).await;
    assert_eq!(network(json!({})).await, StatusCode::NO_CONTENT);
    fetch(&sandbox, &format!("http://{admitted}/acme/app.git/after")).await;
    let expected = [
        "/acme/app.git/info/refs Basic c2VjcmV0",
        "/acme/other.git/info/refs",
        "/acme/app.git/own Basic c2VjcmV0",
        "/acme/app.git/after",
    ];
    assert_eq!(*seen.lock().unwrap(), expected);
    let everywhere =
        "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' '\\n'; grep -r . ~ /tmp";
    assert!(!sandbox.run(everywhere).await.stdout.contains("c2VjcmV0"));
    let detail = sandbox.detail().await;
    assert!(!String::from_utf8_lossy(&detail.body).contains("c2VjcmV0"));
    running.host.shutdown().await;
}

#[tokio::test]
async fn a_sandbox_has_its_own_rules_and_bodies_of_any_size_pass() {
    let (admitted, _) = server().await;
    let running = proxied(&[&admitted]).await;
    let closed = running.client.create(json!({"allow_internet_access": false})).await;
    assert_eq!(fetch(&closed, &format!("http://{admitted}/")).await, "403");
    let denied = json!({"network": {"denyOut": ["127.0.0.0/8"]}});
    let denied = running.client.create(denied).await;
    assert_eq!(fetch(&denied, &format!("http://{admitted}/")).await, "403");
    let open = running.client.create(json!({})).await;
    let echoed = open
        .run(&format!(
            "head -c 30M /dev/urandom > a; curl -s -H 'Transfer-Encoding: chunked' --data-binary @a http://{admitted}/ | cmp - a && \
             curl -s -p --data-binary @a http://{admitted}/ | cmp - a && echo same"
        ))
        .await;
    assert_eq!(echoed.stdout, "same\n", "{echoed:?}");
    let too_much = json!({"templateID": "base", "network": {"egressProxy": {"address": "x"}}});
    let refused = running.client.api("POST", "/v2/sandboxes", too_much).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    running.host.shutdown().await;
}

#[tokio::test]
async fn plain_processes_cannot_be_kept_from_the_network_and_that_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let network = Network::Proxied(Egress::default());
    let wanted = HostOptions { network, isolate: false, ..options(dir.path().into()) };
    let error = Host::start(wanted).await.expect_err("no host");
    assert!(error.to_string().contains("only where bwrap isolates"), "{error}");
}

/// A directory's files over HTTP, which is enough for git to clone from.
async fn files_of(dir: std::path::PathBuf) -> String {
    let service = Router::new().fallback(async move |request: Request| {
        let path = request.uri().path().trim_start_matches('/').to_owned();
        std::fs::read(dir.join(path)).map_err(|_| StatusCode::NOT_FOUND)
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async { axum::serve(listener, service).await });
    address
}

#[tokio::test]
async fn git_clones_through_the_proxy() {
    let dir = tempfile::tempdir().unwrap();
    let script = "git init -q w && cd w && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m one && \
        git clone -q --bare . ../r.git && git -C ../r.git update-server-info";
    let made = std::process::Command::new("sh").args(["-c", script]).current_dir(&dir).status().unwrap();
    assert!(made.success());
    let address = files_of(dir.path().into()).await;
    let running = proxied(&[&address]).await;
    let sandbox = running.client.create(json!({})).await;
    let cloned =
        sandbox.run(&format!("git clone -q http://{address}/r.git c && git -C c log --format=%s")).await;
    assert_eq!(cloned.stdout, "one\n", "{cloned:?}");
    running.host.shutdown().await;
}
