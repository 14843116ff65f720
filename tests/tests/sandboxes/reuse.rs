//! Which sandbox a clone gets, and what of it was somebody else's.

use gitledger_tests::{Origin, wait};
use serde_json::json;

use super::{about, behind, clone, last_reuse, with_policy};

#[tokio::test(flavor = "multi_thread")]
async fn a_clone_takes_what_is_ready_then_what_sleeps_then_what_is_warm_then_a_new_one() {
    let origin = Origin::start().await;
    let setup = with_policy(&origin, "pool = 1\n");
    let system = setup.start().await;
    let pooled = async || {
        let listed = system.operate("sandbox-list", &json!({})).await["output"]["sandboxes"].clone();
        let waiting = listed.as_array().into_iter().flatten().find(|one| one["pooled"] == true).cloned();
        waiting.map(|one| one["sandbox_id"].as_str().expect("an id").to_owned())
    };
    let warm = wait::until("the pool is filled", pooled).await;
    let first = clone(&system, &origin, "a1", "t1", json!({})).await;
    assert_eq!((&first, last_reuse(&setup)), (&warm, json!("warm")));
    assert_eq!(clone(&system, &origin, "a1", "t1", json!({})).await, first);
    assert_eq!(last_reuse(&setup), "ready");
    about(&system, "sandbox-pause", &first).await;
    assert_eq!(clone(&system, &origin, "a1", "t1", json!({})).await, first);
    assert_eq!(last_reuse(&setup), "paused");
    // Another task's is not taken, the same task's is not when it is not wanted, and the pool fills again.
    let second = wait::until("the pool is filled again", pooled).await;
    assert_eq!(clone(&system, &origin, "a1", "t2", json!({})).await, second);
    let third = wait::until("the pool is filled once more", pooled).await;
    let fresh = json!({"sandbox": {"fresh": true}});
    assert_eq!(clone(&system, &origin, "a1", "t1", fresh.clone()).await, third);
    assert_eq!(last_reuse(&setup), "warm");
    // The one that waits died: a new one is made, and nobody notices.
    let fourth = wait::until("the pool is filled for the last time", pooled).await;
    behind(&system).kill(&fourth).await.expect("killed");
    let fifth = clone(&system, &origin, "a9", "t1", fresh).await;
    assert_ne!(fifth, fourth);
    assert_eq!(about(&system, "sandbox-get", &fourth).await["phase"], "gone");
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sandbox_is_shared_among_agents_that_trust_each_other_and_nothing_is_left_in_it() {
    let origin = Origin::start().await;
    let setup =
        with_policy(&origin, "reuse = \"repo\"\nshare_after_s = 0\ntrust = [[\"a1\", \"a2\"], [\"b*\"]]\n");
    let system = setup.start().await;
    let id = clone(&system, &origin, "a1", "t1", json!({})).await;
    let write = json!({"sandbox_id": id, "path": "secret.txt", "content": "of a1\n"});
    system.operate("file-write", &write).await;
    system.operate("stash-push", &json!({"sandbox_id": id, "include_untracked": true})).await;
    system.operate("file-write", &write).await;
    system.operate("commit", &json!({"sandbox_id": id, "message": "mine", "files": ["secret.txt"]})).await;
    system.operate("tag-create", &json!({"sandbox_id": id, "name": "mine"})).await;

    assert_ne!(clone(&system, &origin, "stranger", "t1", json!({})).await, id, "it trusts nobody");
    assert_ne!(clone(&system, &origin, "b1", "t1", json!({})).await, id, "another group");
    let fresh = clone(&system, &origin, "a2", "t0", json!({"sandbox": {"fresh": true}})).await;
    assert_ne!(fresh, id);
    about(&system, "sandbox-kill", &fresh).await;
    about(&system, "sandbox-pause", &id).await;
    assert_eq!(clone(&system, &origin, "a2", "t2", json!({})).await, id);
    assert_eq!(last_reuse(&setup), "paused");
    let branches = about(&system, "branch-list", &id).await;
    let names: Vec<&str> = branches["branches"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|one| one["name"].as_str())
        .collect();
    assert_eq!(names, ["agent-a2-t2"], "{branches:#}");
    assert_eq!(about(&system, "stash-list", &id).await["stashes"], json!([]));
    let status = about(&system, "status", &id).await;
    assert_eq!((&status["clean"], &status["head"]), (&json!(true), &json!(origin.tip("main"))), "{status:#}");
    let tags = about(&system, "tag-list", &id).await.to_string();
    assert!(!tags.contains("\"mine\""), "{tags}");
    let (_, read) = system.post("/git/file-read", &json!({"sandbox_id": id, "path": "secret.txt"})).await;
    assert_eq!(read["failure"]["code"], "path-not-found", "{read:#}");
    let told = about(&system, "sandbox-get", &id).await;
    assert_eq!((&told["agent_id"], &told["branch"]), (&json!("a2"), &json!("agent-a2-t2")), "{told:#}");
    system.stop().await;
}
