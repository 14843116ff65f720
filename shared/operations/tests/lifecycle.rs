//! What the operations on sandboxes answer, for each thing that may be found.

#![allow(clippy::unwrap_used)] // a panic is a test's report

use gitledger_events::Actor;
use gitledger_operations::lifecycle::sandbox_lifecycle::Seen;
use gitledger_operations::lifecycle::sandbox_reap::SandboxReapOutput;
use gitledger_operations::lifecycle::sandbox_warm::SandboxWarmOutput;
use gitledger_operations::lifecycle::{Order, SandboxPhase, SandboxRecord};
use gitledger_operations::record::Found;
use gitledger_operations::{Context, Decision, Envelope, Place, PushPolicy, Remotes, table};
use serde_json::{Value, json};

const AT: &str = "2026-03-10T09:30:00Z";

fn record(id: &str, phase: SandboxPhase, agent: &str) -> SandboxRecord {
    SandboxRecord {
        sandbox_id: id.to_owned(),
        phase,
        agent_id: Some(agent.to_owned()),
        task_id: None,
        repo: None,
        branch: None,
        pooled: false,
        leased_by: None,
        template: "base".to_owned(),
        vcpu: 2,
        memory_mb: 512,
        ran_s: 7,
        created_at: None,
        last_used_at: None,
        expires_at: Some(AT.parse().unwrap()),
    }
}

/// The answer of an operation's example, or the code of its failure.
fn told(name: &str, more: &Value, found: &Found) -> Result<Value, &'static str> {
    let operation = table::find(name).unwrap();
    let mut input = operation.example();
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let Ok(asked) = operation.ask(input, &Remotes::default()) else { panic!("{name} refuses its example") };
    let context = Context {
        operation_id: uuid::Uuid::nil(),
        actor: &Actor::default(),
        sandbox_id: "",
        workspace: None,
        remotes: &Remotes::default(),
        policy: &PushPolicy::default(),
        requested_at: AT.parse().unwrap(),
        found,
        envelope: Envelope::NONE,
        jitter: 0.0,
    };
    match asked.decide(&context, &[]) {
        Decision::Done(done) => Ok(done.output.output),
        Decision::Failed(failure) => Err(failure.code.name),
        Decision::Run { .. } => panic!("{name} runs a plan"),
    }
}

#[test]
fn what_is_done_to_one_sandbox_is_told_with_its_id() {
    let of = |changed| Found::Sandbox(Box::new(record("i1", SandboxPhase::Running, "a1")), changed);
    let wanted = [
        ("sandbox-pause", json!({"sandbox_id": "i1", "paused": true})),
        ("sandbox-kill", json!({"sandbox_id": "i1", "killed": true})),
        ("sandbox-resume", json!({"sandbox_id": "i1", "resumed": true, "expires_at": AT})),
        ("sandbox-keep-alive", json!({"sandbox_id": "i1", "expires_at": AT})),
    ];
    for (name, answer) in wanted {
        assert_eq!(told(name, &json!({}), &of(true)).unwrap(), answer, "{name}");
        assert_eq!(told(name, &json!({}), &Found::Nothing), Err("sandbox-not-found"), "{name}");
    }
    assert_eq!(told("sandbox-pause", &json!({}), &of(false)).unwrap()["paused"], false);
    assert_eq!(told("sandbox-create", &json!({}), &of(true)).unwrap()["reuse"], "new");
    let warm = told("sandbox-create", &json!({}), &of(false)).unwrap();
    assert_eq!((&warm["reuse"], &warm["sandbox_id"]), (&json!("warm"), &json!("i1")));
    let got = told("sandbox-get", &json!({}), &of(false)).unwrap();
    assert_eq!((&got["phase"], &got["ran_s"]), (&json!("running"), &json!(7)));
    assert_eq!(told("sandbox-get", &json!({}), &Found::Nothing), Err("sandbox-not-found"));
}

#[test]
fn a_list_is_filtered_and_a_page_of_another_list_is_not_given() {
    let all = |last: &str| {
        Found::Sandboxes(vec![
            record("i1", SandboxPhase::Running, "a1"),
            record("i2", SandboxPhase::Paused, "a1"),
            record(last, SandboxPhase::Running, "a2"),
        ])
    };
    let ids = |answer: &Value| {
        let all = answer["sandboxes"].as_array().unwrap().clone();
        all.into_iter().map(|one| one["sandbox_id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let ask = |more: Value| told("sandbox-list", &more, &all("i3")).unwrap();
    assert_eq!(ids(&ask(json!({"phase": null}))), ["i1", "i2", "i3"]);
    assert_eq!(ids(&ask(json!({"phase": "paused"}))), ["i2"]);
    assert_eq!(ids(&ask(json!({"phase": null, "agent_id": "a2"}))), ["i3"]);
    assert_eq!(ids(&ask(json!({"phase": null, "repo": "github.com/a/b"}))), [""; 0]);
    assert_eq!(ids(&told("sandbox-list", &json!({}), &Found::Nothing).unwrap()), [""; 0]);
}

#[test]
fn a_webhook_names_only_what_is_to_be_looked_at() {
    let seen = told("sandbox-lifecycle", &json!({}), &Found::Seen(Seen::Paused)).unwrap();
    assert_eq!(seen, json!({"sandbox_id": "i0123456789abcdefghij", "seen": "paused"}));
    let operation = table::find("sandbox-lifecycle").unwrap();
    let Ok(asked) = operation.ask(operation.example(), &Remotes::default()) else { panic!("refused") };
    let Place::Host(Order::Look { notice }) = asked.place() else { panic!("another place") };
    assert_eq!(notice.kind, "sandbox.lifecycle.paused");
    let recorded = asked.recorded_input().to_string();
    assert!(!recorded.contains("signature") && !recorded.contains("body"), "{recorded}");
}

#[test]
fn the_keepers_tell_what_they_did_and_a_mistaken_answer_is_no_success() {
    let warmed = SandboxWarmOutput { made: 2, failed: 0, waiting: 3 };
    assert_eq!(
        told("sandbox-warm", &json!({}), &Found::Warmed(warmed)).unwrap(),
        json!({"made": 2, "failed": 0, "waiting": 3})
    );
    let reaped = SandboxReapOutput { sandboxes_paused: 4, ..SandboxReapOutput::default() };
    assert_eq!(
        told("sandbox-reap", &json!({}), &Found::Reaped(reaped)).unwrap()["sandboxes_paused"],
        json!(4)
    );
    for name in ["sandbox-warm", "sandbox-reap", "sandbox-lifecycle"] {
        assert_eq!(told(name, &json!({}), &Found::Nothing), Err("sandbox-unavailable"), "{name}");
    }
}
