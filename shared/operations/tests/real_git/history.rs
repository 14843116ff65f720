//! What changes history: stopped in the middle, in a hostile workspace, before any clone.

use std::time::Duration;

use gitledger_events::Actor;
use gitledger_events::operation::SideEffect;
use gitledger_operations::plan::Ended;
use gitledger_operations::{Context, Decision, Envelope, Exits, Failure, table};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::sandbox::Sandbox;
use crate::server::Server;

/// A workspace whose branch and whose branch `side` both change `f`.
fn diverged(sandbox: &Sandbox) {
    for (branch, text) in [("side", "theirs\n"), ("agent-a1-t1", "ours\n")] {
        if branch == "side" {
            sandbox.git(&["branch", "-q", "side"]);
        }
        sandbox.git(&["switch", "-q", branch]);
        sandbox.write("f", text);
        sandbox.git(&["commit", "-qam", branch]);
    }
}

/// Runs the first plan of an operation to where a conflict leaves it open, says that it was stopped there,
/// and runs what comes after.
fn stopped(sandbox: &Sandbox, name: &str, input: Value, steps: usize) -> Failure {
    let asked = table::find(name).unwrap().ask(input, &sandbox.remotes).unwrap();
    let actor = Actor::new("a1", "t1");
    let context = Context {
        operation_id: Uuid::now_v7(),
        actor: &actor,
        sandbox_id: "s1",
        workspace: sandbox.workspace.as_ref(),
        remotes: &sandbox.remotes,
        requested_at: Timestamp::from_second(1_700_000_000).unwrap(),
        found: &gitledger_operations::record::Found::Nothing,
        policy: &gitledger_operations::PushPolicy::default(),
        envelope: Envelope::NONE,
        jitter: 0.0,
    };
    let Decision::Run { plan, .. } = asked.decide(&context, &[]) else { panic!("{name}") };
    let run = sandbox.run(&plan);
    let cut = Exits { steps: run.steps[..steps].to_vec(), ended: Ended::TimedOut, elapsed: Duration::ZERO };
    let Decision::Run { plan, .. } = asked.decide(&context, std::slice::from_ref(&cut)) else {
        panic!("{name} does not take back")
    };
    let back = sandbox.run(&plan);
    match asked.decide(&context, &[cut, back]) {
        Decision::Failed(failure) => *failure,
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn what_is_stopped_in_the_middle_is_taken_back() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    diverged(&sandbox);
    for (name, mut input, before) in [
        ("merge", json!({"source": "side"}), 4),
        ("rebase", json!({"upstream": "side"}), 7),
        ("cherry-pick", json!({"revisions": ["side"]}), 6),
        ("revert", json!({"revisions": ["side"]}), 6),
    ] {
        input["sandbox_id"] = json!("s1");
        input["on_conflict"] = json!("keep");
        let failure = stopped(&sandbox, name, input, before);
        assert_eq!((failure.code.name, failure.side_effect), ("timeout", SideEffect::None), "{name}");
        let status = sandbox.good("status", json!({"sandbox_id": "s1"}));
        assert_eq!((status["clean"].as_bool(), status["detached"].as_bool()), (Some(true), Some(false)));
        assert_eq!(sandbox.read("f"), "ours\n");
    }
}

#[test]
fn what_was_done_before_it_was_stopped_is_not_said_to_be_undone() {
    let server = Server::with_repository(None);
    let sandbox = server.cloned();
    diverged(&sandbox);
    sandbox.git(&["reset", "-q", "--hard", "HEAD~1"]);
    let input = json!({"sandbox_id": "s1", "source": "side"});
    let failure = stopped(&sandbox, "merge", input, 4);
    assert_eq!((failure.code.name, failure.side_effect), ("timeout", SideEffect::Unknown));
    assert_eq!(sandbox.read("f"), "theirs\n");
}

#[test]
fn hooks_filters_and_drivers_of_a_hostile_workspace_do_not_run() {
    let server = Server::with_repository(None);
    let mut sandbox = server.cloned();
    diverged(&sandbox);
    sandbox.git(&["switch", "-qc", "elsewhere"]);
    sandbox.write("n", "n\n");
    sandbox.git(&["add", "n"]);
    sandbox.git(&["commit", "-qm", "n"]);
    sandbox.git(&["switch", "-q", "agent-a1-t1"]);
    let mark = sandbox.home.path().join("mark");
    let payload = format!("touch {}", mark.display());
    for key in [
        "core.fsmonitor",
        "core.editor",
        "sequence.editor",
        "gpg.program",
        "diff.external",
        "filter.x.clean",
        "filter.x.smudge",
        "diff.x.command",
        "diff.x.textconv",
        "merge.x.driver",
    ] {
        sandbox.git(&["config", key, &payload]);
    }
    for key in
        ["commit.gpgSign", "tag.gpgSign", "tag.forceSignAnnotated", "rebase.autoStash", "rerere.enabled"]
    {
        sandbox.git(&["config", key, "true"]);
    }
    std::fs::create_dir_all(sandbox.dir().join(".git/info")).unwrap();
    std::fs::write(sandbox.dir().join(".git/info/attributes"), "* filter=x diff=x merge=x\n").unwrap();
    std::fs::create_dir_all(sandbox.dir().join(".git/hooks")).unwrap();
    for hook in [
        "pre-commit",
        "post-commit",
        "commit-msg",
        "prepare-commit-msg",
        "post-checkout",
        "post-merge",
        "pre-merge-commit",
        "post-rewrite",
        "pre-rebase",
        "reference-transaction",
        "post-index-change",
    ] {
        let path = sandbox.dir().join(".git/hooks").join(hook);
        std::fs::write(&path, format!("#!/bin/sh\n{payload}\n")).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    }
    let resolve = json!({"path": "f", "with": "union"});
    for (name, mut input, good) in [
        ("merge-preview", json!({"source": "side"}), true),
        ("merge", json!({"source": "side", "on_conflict": "keep"}), false),
        ("conflict-list", json!({}), true),
        ("conflict-show", json!({"path": "f"}), true),
        ("conflict-resolve", resolve.clone(), true),
        ("sequencer", json!({"action": "abort"}), true),
        ("rebase", json!({"upstream": "side", "on_conflict": "keep"}), false),
        ("conflict-resolve", resolve.clone(), true),
        ("sequencer", json!({"action": "continue"}), true),
        ("revert", json!({"revisions": ["HEAD"]}), true),
        ("cherry-pick", json!({"revisions": ["elsewhere"]}), true),
        ("branch-rename", json!({"name": "side", "new_name": "other"}), true),
        ("branch-delete", json!({"name": "other", "force": true}), true),
        ("tag-create", json!({"name": "v1", "message": "m"}), true),
        ("tag-delete", json!({"name": "v1"}), true),
    ] {
        input["sandbox_id"] = json!("s1");
        let result = sandbox.ask(name, input);
        assert_eq!(result.is_ok(), good, "{name}: {result:?}");
        assert!(!mark.exists(), "{name}");
    }
    assert_eq!((sandbox.read("f"), sandbox.read("n")), ("theirs\n".into(), "n\n".into()));
}

#[test]
fn before_the_first_clone_and_before_the_first_commit_it_is_told() {
    let server = Server::start(None);
    server.empty_repository("a/r.git");
    let inputs = [
        ("merge-preview", json!({"source": "x"}), "empty-repository"),
        ("merge", json!({"source": "x"}), "empty-repository"),
        ("rebase", json!({"upstream": "x"}), "empty-repository"),
        ("cherry-pick", json!({"revisions": ["x"]}), "empty-repository"),
        ("revert", json!({"revisions": ["HEAD"]}), "empty-repository"),
        ("tag-create", json!({"name": "v1"}), "empty-repository"),
        ("tag-delete", json!({"name": "v1"}), "ref-not-found"),
        ("branch-rename", json!({"name": "x", "new_name": "y"}), "ref-not-found"),
        ("branch-delete", json!({"name": "x"}), "ref-not-found"),
        ("conflict-show", json!({"path": "f"}), "path-not-conflicted"),
        ("conflict-resolve", json!({"path": "f", "with": "ours"}), "path-not-conflicted"),
        ("sequencer", json!({"action": "continue"}), "no-operation-in-progress"),
    ];
    let mut bare = server.sandbox();
    let mut empty = server.cloned();
    for (name, mut input, code) in inputs {
        input["sandbox_id"] = json!("s1");
        assert_eq!(bare.bad(name, input.clone()).code.name, "not-a-repository", "{name}");
        assert!(bare.plans.is_empty());
        assert_eq!(empty.bad(name, input).code.name, code, "{name}");
    }
    assert_eq!(empty.good("conflict-list", json!({"sandbox_id": "s1"}))["conflicts_total"], 0);
}
