//! What the reaper sees of a push whose function died, from a sandbox without a workspace.

use gitledger_events::Actor;
use gitledger_events::operation::PushPrepared;
use gitledger_operations::git::push::{Verdict, verdict, verify};
use gitledger_operations::{Context, PushPolicy};
use jiff::Timestamp;
use uuid::Uuid;

use crate::sandbox::git;
use crate::server::Server;

fn look(server: &Server, old: Option<&str>, new: &str) -> Verdict {
    look_for(server, old, Some(new), false)
}

fn look_for(server: &Server, old: Option<&str>, new: Option<&str>, force: bool) -> Verdict {
    let sandbox = server.sandbox();
    let actor = Actor::default();
    let context = Context {
        operation_id: Uuid::now_v7(),
        actor: &actor,
        sandbox_id: "s2",
        workspace: None,
        remotes: &sandbox.remotes,
        policy: &PushPolicy::default(),
        requested_at: Timestamp::UNIX_EPOCH,
        found: &gitledger_operations::record::Found::Nothing,
        envelope: gitledger_operations::Envelope::NONE,
        jitter: 0.0,
    };
    let prepared = PushPrepared {
        attempt: 1,
        reference: "refs/heads/main".to_owned(),
        old: old.map(str::to_owned),
        new: new.map(str::to_owned),
        force,
    };
    let remote = sandbox.remotes.admit("repo_url", &server.repo_url()).unwrap();
    verdict(&sandbox.run(&verify(&context, &remote, &prepared)), &prepared)
}

#[test]
fn every_line_of_the_table_is_told_apart() {
    let server = Server::with_repository(Some("s3cret"));
    let bare = server.bare("a/r.git");
    let [first, second] = ["main~1", "main"].map(|name| git(&bare, &["rev-parse", name]));
    let other = "1".repeat(40);
    assert_eq!(look(&server, Some(&first), &second), Verdict::Landed);
    assert_eq!(look(&server, None, &second), Verdict::Landed);
    assert_eq!(look(&server, Some(&second), &other), Verdict::NotLanded);
    server.push_by_another("main", "more", "m\n");
    assert_eq!(look(&server, Some(&first), &second), Verdict::Superseded);
    assert_eq!(look(&server, Some(&second), &other), Verdict::NotLanded);
    assert_eq!(look(&server, Some(&"2".repeat(40)), &other), Verdict::Unknown);
    git(&bare, &["update-ref", "-d", "refs/heads/main"]);
    assert_eq!(look(&server, None, &second), Verdict::NotLanded);
    assert_eq!(look(&server, Some(&first), &second), Verdict::Unknown);
    std::fs::remove_dir_all(&bare).unwrap();
    assert_eq!(look(&server, Some(&first), &second), Verdict::Unknown);
}

#[test]
fn a_deletion_is_there_when_the_reference_is_gone_and_cannot_be_told_when_it_is_another() {
    let server = Server::with_repository(None);
    let bare = server.bare("a/r.git");
    let tip = server.tip("main");
    let deleted = |old: &str| look_for(&server, Some(old), None, false);
    assert_eq!(deleted(&tip), Verdict::NotLanded);
    server.push_by_another("main", "more", "m\n");
    assert_eq!(deleted(&tip), Verdict::Replaced);
    git(&bare, &["update-ref", "-d", "refs/heads/main"]);
    assert_eq!(deleted(&tip), Verdict::Landed);
}

#[test]
fn of_a_forced_push_only_what_nobody_else_can_have_made_is_told() {
    let server = Server::with_repository(Some("s3cret"));
    let bare = server.bare("a/r.git");
    let old = server.tip("main");
    let first = git(&bare, &["rev-parse", "main~1"]);
    let tree = git(&bare, &["rev-parse", "main^{tree}"]);
    let mine = git(&bare, &["commit-tree", &tree, "-p", &first, "-m", "mine"]);
    let forced = |new: &str| look_for(&server, Some(&old), Some(new), true);
    assert_eq!(forced(&mine), Verdict::NotLanded);
    // Somebody builds upon what was there: so it is not ours that is there.
    server.push_by_another("main", "theirs", "t\n");
    assert_eq!(forced(&mine), Verdict::NotLanded);
    // Back to an older commit, which is in everything: it cannot be told.
    assert_eq!(forced(&first), Verdict::Unknown);
    // Somebody joined both: it cannot be told either.
    let both = git(&bare, &["commit-tree", &tree, "-p", &old, "-p", &mine, "-m", "both"]);
    git(&bare, &["update-ref", "refs/heads/main", &both]);
    assert_eq!(forced(&mine), Verdict::Unknown);
    git(&bare, &["update-ref", "refs/heads/main", &mine]);
    assert_eq!(forced(&mine), Verdict::Landed);
    server.push_by_another("main", "theirs", "t\n");
    assert_eq!(forced(&mine), Verdict::Superseded);
    // What is forced and builds upon the old one all the same is judged as any push.
    let next = git(&bare, &["commit-tree", &tree, "-p", &old, "-m", "next"]);
    git(&bare, &["update-ref", "refs/heads/main", &next]);
    server.push_by_another("main", "theirs", "t\n");
    assert_eq!(forced(&next), Verdict::Superseded);
}
