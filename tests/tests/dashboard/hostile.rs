//! Names that are markup stay names.

use std::sync::Arc;

use gitledger_events::operation::{OperationFailed, SideEffect, Timing};
use gitledger_events::sandbox::{Reuse, SandboxCreated, SandboxLeased, WorkspaceOpened};
use gitledger_events::{Actor, Elapsed, Fact, NewEvent, Repo, Stream};
use gitledger_ledger::sqlite::{Durability, SqliteLedger};
use gitledger_ledger::{Commit, Expected, Ledger};
use gitledger_tests::Setup;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use uuid::Uuid;

use super::browser::visit;

const MARKUP: &str = "\"><img src=x onerror=alert(1)><script>alert(2)</script></script><!--";

/// Appends facts as a writer would that checks nothing.
async fn append(ledger: &dyn Ledger, stream: Stream, operation: Uuid, facts: Vec<Fact>) {
    let event = |fact| NewEvent {
        id: Uuid::now_v7(),
        recorded_at: Timestamp::now(),
        operation: Some(format!("push{MARKUP}")),
        actor: Actor::new(MARKUP, format!("t{MARKUP}")),
        repo: Some(Repo::from_parts("github.com", &format!("/acme/{MARKUP}"))),
        correlation_id: operation,
        causation_id: None,
        fact,
    };
    let events = facts.into_iter().map(event).collect();
    let commit = Commit { id: Uuid::now_v7(), stream, expected: Expected::Any, events };
    ledger.append(commit).await.expect("appended");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_are_markup_are_shown_as_text_live_and_in_a_report() {
    let setup = Setup::new();
    let system = setup.start().await;
    let ledger: Arc<dyn Ledger> =
        Arc::new(SqliteLedger::open(&setup.data().join("ledger.db"), Durability::Full).expect("a ledger"));
    let operation = Uuid::now_v7();
    let later = Timestamp::now().checked_add(SignedDuration::from_mins(30)).expect("an instant");
    let created = SandboxCreated {
        request_id: Uuid::now_v7(),
        template: MARKUP.to_owned(),
        vcpu: 2,
        memory_mb: 512,
        creation_ms: Elapsed::from_millis(400),
        expires_at: later,
    };
    let leased = SandboxLeased { operation_id: operation, epoch: 1, until: later, reuse: Reuse::New };
    let opened = WorkspaceOpened {
        path: MARKUP.to_owned(),
        repo_url: MARKUP.to_owned(),
        base_branch: "main".to_owned(),
        branch: MARKUP.to_owned(),
    };
    let sandbox = Stream::sandbox("i0123456789abcdefghij").expect("a stream");
    append(&*ledger, sandbox, operation, vec![created.into(), leased.into(), opened.into()]).await;
    let all = Elapsed::from_millis(50);
    let failed = OperationFailed {
        sandbox_id: Some("i0123456789abcdefghij".to_owned()),
        timing: Timing { duration_ms: all, git_ms: all, sandbox_wait_ms: Elapsed::ZERO },
        code: MARKUP.to_owned(),
        error_type: MARKUP.to_owned(),
        retryable: false,
        side_effect: SideEffect::Unknown,
        message: MARKUP.to_owned(),
        remedy: Some(MARKUP.to_owned()),
        output: Some(json!({MARKUP: MARKUP})),
        recovered: false,
    };
    append(&*ledger, Stream::operation(operation), operation, vec![failed.into()]).await;

    let live = format!("{}/dashboard", system.url());
    let file = setup.data().join("report.html");
    assert!(setup.run(&["dashboard", "--export", &file.to_string_lossy()]).status.success());
    for (name, url) in [("hostile", live), ("hostile-report", format!("file://{}", file.display()))] {
        let seen =
            visit(json!({"kind": "look", "name": name, "url": url, "story": operation, "once": true})).await;
        assert_eq!(seen["images"], 0, "{name}: an element was made of a name");
        assert!(
            seen["latest"][0][0].as_str().is_some_and(|text| text.contains("<img src=x")),
            "{name}: {}",
            seen["latest"]
        );
        assert_eq!(seen["story"]["facts"]["Asked by"], MARKUP, "{name}");
        assert!(seen["story"]["text"].as_str().is_some_and(|text| text.contains(MARKUP)), "{name}");
    }
    system.stop().await;
}
