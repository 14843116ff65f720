//! Snapshots, forks, and pauses that keep the files only.

use gitledger_sandbox_host::Host;
use hyper::StatusCode;
use serde_json::{Value, json};

use crate::client::{Client, Sandbox};
use crate::{isolated, options};

async fn snapshot(sandbox: &Sandbox, body: Value) -> String {
    let answer = sandbox.post("snapshots", body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{:?}", answer.body);
    answer.json()["snapshotID"].as_str().unwrap().to_owned()
}

async fn listed(client: &Client, query: &str) -> Vec<String> {
    let answer = client.api("GET", &format!("/snapshots{query}"), Value::Null).await.json();
    answer.as_array().unwrap().iter().map(|one| one["snapshotID"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_snapshot_has_the_files_of_its_moment_and_outlives_its_sandbox_and_its_host() {
    let running = isolated().await;
    let sandbox = running.client.create(json!({"envVars": {"KEPT": "yes"}})).await;
    let wrote = sandbox
        .run("echo then > a; ln -s a link; ln a hard; chmod 640 a; touch -d 2001-02-03 a; echo t > /tmp/t; truncate -s 1G hole")
        .await;
    assert_eq!(wrote.code(), 0, "{wrote:?}");
    let id = snapshot(&sandbox, json!({})).await;
    assert!(id.ends_with(":default"), "{id}");
    sandbox.run("echo now > a").await;
    assert_eq!(sandbox.run("cat a").await.stdout, "now\n", "the sandbox goes on");
    assert_eq!(listed(&running.client, &format!("?sandboxID={}", sandbox.id)).await, [id.as_str()]);
    running.client.kill(&sandbox.id).await;
    running.host.shutdown().await;

    let host = Host::start(options(running.dir.path().into())).await.unwrap();
    let client = Client::new(host.url());
    let made = client.create(json!({"templateID": id, "envVars": {"NEW": "too"}})).await;
    let seen =
        made.run("cat link hard /tmp/t; stat -c '%a %h %Y' a; echo $KEPT $NEW; du -k hole | cut -f1").await;
    assert_eq!(seen.stdout, "then\nthen\nt\n640 2 981158400\nyes too\n0\n");
    assert_eq!(made.detail().await.json()["templateID"], id.split(':').next().unwrap());
    let delete = async || client.api("DELETE", &format!("/templates/{id}"), Value::Null).await.status;
    assert_eq!(delete().await, StatusCode::NO_CONTENT);
    assert_eq!(delete().await, StatusCode::NOT_FOUND);
    assert_eq!(made.run("cat a").await.stdout, "then\n", "what was made from it stays");
    let gone = client.api("POST", "/v2/sandboxes", json!({"templateID": id})).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    assert_eq!(std::fs::read_dir(running.dir.path().join("snapshots")).unwrap().count(), 0);
    host.shutdown().await;
}

#[tokio::test]
async fn snapshots_have_names_and_tags_and_are_listed_in_pages() {
    let running = isolated().await;
    let client = &running.client;
    let sandbox = client.create(json!({})).await;
    sandbox.run("echo 1 > a").await;
    let first = snapshot(&sandbox, json!({"name": "app"})).await;
    sandbox.run("echo 2 > a").await;
    assert_eq!(snapshot(&sandbox, json!({"name": "app"})).await, first, "the name has a new content");
    let tagged = snapshot(&sandbox, json!({"name": "app:v2"})).await;
    let other = snapshot(&sandbox, json!({})).await;
    assert_eq!((first.as_str(), tagged.as_str()), ("local/app:default", "local/app:v2"));
    assert_eq!(listed(client, "").await, [other.clone(), tagged.clone(), first.clone()]);
    assert_eq!(listed(client, "?name=app").await, [tagged.clone(), first.clone()]);
    assert_eq!(listed(client, "?name=app:v2").await, [tagged.as_str()]);
    let page = client.api("GET", "/snapshots?limit=2", Value::Null).await;
    let token = page.headers["x-next-token"].to_str().unwrap();
    assert_eq!(listed(client, &format!("?limit=2&nextToken={token}")).await, [first.as_str()]);
    for name in ["app", "local/app:v2"] {
        let made = client.create(json!({"templateID": name})).await;
        assert_eq!(made.run("cat a").await.stdout, "2\n", "{name}");
        assert_eq!(made.detail().await.json()["alias"], "app");
    }
    assert_eq!(sandbox.post("snapshots", json!({"name": "../x"})).await.status, StatusCode::BAD_REQUEST);
    running.host.shutdown().await;
}

#[tokio::test]
async fn forks_start_with_the_files_and_go_their_own_ways() {
    let running = isolated().await;
    let client = &running.client;
    let sandbox = client.create(json!({"metadata": {"k": "v"}, "envVars": {"A": "1"}})).await;
    sandbox.run("echo common > a").await;
    let answer = sandbox.post("fork", json!({"count": 2, "timeout": 60})).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let forks: Vec<Sandbox> = answer
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|one| Sandbox {
            client: client.clone(),
            id: one["sandbox"]["sandboxID"].as_str().unwrap().to_owned(),
            token: one["sandbox"]["envdAccessToken"].as_str().unwrap().to_owned(),
        })
        .collect();
    assert_eq!(forks.len(), 2);
    for fork in &forks {
        assert_ne!((&fork.id, &fork.token), (&sandbox.id, &sandbox.token));
        assert_eq!(fork.run("cat a; echo $A; echo own > a").await.stdout, "common\n1\n");
        assert_eq!(fork.detail().await.json()["metadata"], json!({"k": "v"}));
    }
    assert_eq!(sandbox.run("cat a").await.stdout, "common\n");
    assert_eq!(listed(client, "").await, [""; 0], "a fork leaves no snapshot");
    assert_eq!(sandbox.post("fork", json!({"count": 0})).await.status, StatusCode::BAD_REQUEST);
    let nobody = client.api("POST", "/sandboxes/inobody/fork", json!({})).await;
    assert_eq!(nobody.status, StatusCode::NOT_FOUND);
    sandbox.post("pause", Value::Null).await;
    assert_eq!(sandbox.post("fork", json!({})).await.status, StatusCode::CONFLICT);
    running.host.shutdown().await;
}

#[tokio::test]
async fn a_pause_without_memory_keeps_files_and_token_and_starts_anew() {
    let running = isolated().await;
    let wanted = json!({"autoResume": {"enabled": true}});
    let sandbox = running.client.create(wanted).await;
    let boot = async || sandbox.run("cat /proc/sys/kernel/random/boot_id").await.stdout;
    let before = boot().await;
    sandbox.run("echo kept > a; (setsid sleep 1000 >/dev/null 2>&1 &)").await;
    let memory = json!({"memory": false});
    assert_eq!(sandbox.post("pause", memory.clone()).await.status, StatusCode::NO_CONTENT);
    assert_eq!(sandbox.post("pause", memory).await.status, StatusCode::CONFLICT);
    crate::cleanup::none_marked(running.dir.path());
    assert_eq!(sandbox.detail().await.json()["state"], "paused");
    // Not woken by whoever comes along: what it did before is gone.
    assert_eq!(sandbox.call("GET", "/health", &[], "").await.status, StatusCode::BAD_GATEWAY);
    assert_eq!(sandbox.post("connect", json!({"timeout": 60})).await.status, StatusCode::CREATED);
    assert_eq!(sandbox.run("cat a; pgrep sleep").await.stdout, "kept\n");
    assert_ne!(boot().await, before);
    sandbox.post("pause", json!({"memory": false})).await;
    assert_eq!(running.client.kill(&sandbox.id).await, StatusCode::NO_CONTENT);
    assert!(!running.dir.path().join("s").join(&sandbox.id).exists());
    running.host.shutdown().await;
}

/// Processor time of all processes of the machine that run this command line, in ticks.
fn ticks(command: &str) -> u64 {
    let wanted = command.replace(' ', "\0") + "\0";
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    all.filter(|entry| {
        std::fs::read(entry.path().join("cmdline")).is_ok_and(|line| line == wanted.as_bytes())
    })
    .filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok())
    .map(|stat| {
        let fields: Vec<_> = stat.rsplit_once(") ").unwrap().1.split(' ').map(str::to_owned).collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    })
    .sum()
}

#[tokio::test]
async fn a_paused_sandbox_uses_no_processor() {
    let running = isolated().await;
    let sandbox = running.client.create(json!({})).await;
    let odd = std::process::id();
    let spinner = format!("awk BEGIN{{a={odd};while(1);}}");
    sandbox.run(&format!("(setsid awk 'BEGIN{{a={odd};while(1);}}' >/dev/null 2>&1 &)")).await;
    let spins = async |within_s| {
        let start = ticks(&spinner);
        let patience = async {
            while ticks(&spinner) <= start + 2 {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(within_s), patience).await.is_ok()
    };
    assert!(spins(20).await);
    sandbox.post("pause", Value::Null).await;
    assert!(!spins(2).await, "it runs though it is paused");
    sandbox.post("connect", json!({"timeout": 60})).await;
    assert!(spins(20).await);
    running.host.shutdown().await;
}
