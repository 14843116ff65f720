//! A key's secret is found nowhere after a run with it, everything on record at its most talkative.

use gitledger_tests::canary::Canary;
use gitledger_tests::processes::Sampler;
use gitledger_tests::{Origin, Setup};
use reqwest::Method;
use serde_json::{Value, json};

use super::{ask, clone, get, operate};

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_found_nowhere_after_a_whole_run() {
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin).with("RUST_LOG", "trace");
    let key = setup.key("ci", &["--admin"]);
    let revoked = setup.key("old", &[]);
    let secret_of = |key: &str| key.rsplit('_').next().unwrap_or_default().to_owned();
    let canaries = [Canary::of(secret_of(&key)), Canary::of(secret_of(&revoked))];
    let judges = canaries.clone();
    let sampler = Sampler::start(move |bytes| judges.iter().find_map(|canary| canary.found_in(bytes)));
    let system = setup.start_with(&["--require-keys"]).await;
    let mut answers: Vec<(u16, Value)> = Vec::new();
    let sandbox_id = clone(&system, &key, &origin.app()).await;
    for (operation, input) in [
        ("status", json!({})),
        ("file-write", json!({"path": "x", "content": "x"})),
        ("commit", json!({"message": "x", "all": true})),
        ("push", json!({})),
        ("diff", json!({"from": "no-such-branch"})),
        ("nothing", json!({})),
    ] {
        let mut input = input;
        input["sandbox_id"] = json!(sandbox_id);
        answers.push(operate(&system, &key, operation, &input).await);
    }
    setup.run(&["keys", "revoke", revoked.split('_').nth(1).unwrap_or_default()]);
    let paths = ["/events?limit=1000", "/metrics", "/sandboxes", "/nothing", "/"];
    for (key, path) in paths.iter().flat_map(|path| [(&key, path), (&revoked, path)]) {
        answers.push(get(&system, key, path).await);
    }
    answers.push(ask(&system, &key, Method::DELETE, &format!("/sandboxes/{sandbox_id}"), &Value::Null).await);
    assert_eq!(answers.last().map(|answer| answer.0), Some(204));
    let events = json!(setup.events()).to_string();
    assert!(events.contains("OperationSucceeded"));
    let log = system.stop().await;
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "the log says too little: {}", log.len());
    let seen = sampler.end();
    assert!(seen.looks > 5, "only {} looks at the processes", seen.looks);
    let mut complaints: Vec<String> = seen.complaints.into_iter().collect();
    for canary in &canaries {
        let texts = [("answers", format!("{answers:?}")), ("events", events.clone()), ("log", log.clone())];
        for (what, text) in texts {
            complaints.extend(canary.found_in(text.as_bytes()).map(|found| format!("{what}: {found}")));
        }
        let (files, looked_at) = canary.found_below(&setup.data());
        assert!(looked_at >= 3, "only {looked_at} files");
        complaints.extend(files);
    }
    assert_eq!(complaints, Vec::<String>::new());
}
