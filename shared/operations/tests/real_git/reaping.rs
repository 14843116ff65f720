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
        new: new.to_owned(),
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
