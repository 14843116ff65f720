//! The same `Idempotency-Key` again, in sequence, all at once, after a restart: one operation, one answer.

use gitledger::remote::Endpoint;
use gitledger_tests::origin::APP;
use gitledger_tests::{Agent, Origin, Setup, System, ledger};
use serde_json::{Value, json};

/// How many ask at once.
const CROWD: usize = 8;

/// A request under a key, and what was answered first.
struct Asked {
    operation: &'static str,
    key: String,
    input: Value,
    answer: Value,
}

impl Asked {
    async fn once(system: &System, operation: &'static str, input: Value) -> Self {
        let key = format!("first {operation}");
        let answer = ask(system, operation, &key, &input).await;
        assert_eq!(
            (&answer["outcome"], &answer["replayed"]),
            (&json!("succeeded"), &json!(false)),
            "{answer:#}"
        );
        Self { operation, key, input, answer }
    }

    async fn again(&self, system: &System) -> Value {
        ask(system, self.operation, &self.key, &self.input).await
    }

    fn id(&self) -> &str {
        self.answer["operation_id"].as_str().expect("an operation id")
    }

    /// The repeat is the first answer, marked as a repeat.
    fn is_repeated_by(&self, repeat: &Value) {
        let mut wanted = self.answer.clone();
        wanted["replayed"] = json!(true);
        assert_eq!(*repeat, wanted, "{}: first\n{:#}\nagain\n{repeat:#}", self.operation, self.answer);
    }
}

async fn ask(system: &System, operation: &str, key: &str, input: &Value) -> Value {
    let (status, answer) = system.post_once(&format!("/git/{operation}"), key, input).await;
    assert_eq!(status, 200, "{operation}: {answer:#}\n{}", system.log());
    answer
}

/// What is asked of an agent's sandbox, in this order; each is made ready by what is before it.
fn inputs(sandbox_id: &str) -> [(&'static str, Value); 8] {
    let mut all = [
        ("status", json!({})),
        ("diff", json!({})),
        ("add", json!({"files": ["NOTES.md", "README.md"]})),
        ("commit", json!({"message": "Say hello", "files": ["NOTES.md", "README.md"]})),
        ("push", json!({})),
        ("log", json!({"limit": 3})),
        ("branch-list", json!({})),
        ("fetch", json!({})),
    ];
    for (_, input) in &mut all {
        input["sandbox_id"] = json!(sandbox_id);
    }
    all
}

fn clone_input(origin: &Origin, task: &str) -> Value {
    json!({"repo_url": origin.app(), "agent_id": "a1", "task_id": task})
}

/// Files that a diff and a commit have something to say of.
async fn write(system: &System, sandbox_id: &str) {
    for (path, content) in [("NOTES.md", "hello\n"), ("README.md", "# Other\n\nwords\n")] {
        let input = json!({"sandbox_id": sandbox_id, "path": path, "content": content});
        system.operate("file-write", &input).await;
    }
}

fn sandbox_of(answer: &Value) -> &str {
    answer["output"]["sandbox_id"].as_str().expect("a sandbox")
}

fn pushes(origin: &Origin) -> u64 {
    origin.remote.requests_to(APP, Endpoint::ReceivePack).expect("a repository")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_gets_the_same_answer_and_nothing_runs_twice() {
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    let system = setup.start().await;
    let cloned = Asked::once(&system, "clone", clone_input(&origin, "t1")).await;
    cloned.is_repeated_by(&cloned.again(&system).await);
    let sandbox_id = sandbox_of(&cloned.answer).to_owned();
    write(&system, &sandbox_id).await;
    let mut all = vec![cloned];
    for (operation, input) in inputs(&sandbox_id) {
        let first = Asked::once(&system, operation, input).await;
        first.is_repeated_by(&first.again(&system).await);
        all.push(first);
    }
    assert_eq!(pushes(&origin), 1, "the remote was pushed to again");
    let pushed = all.iter().find(|asked| asked.operation == "push").expect("a push");
    let commit = pushed.answer["output"]["commit_hash"].as_str();
    assert_eq!(origin.tip("agent-a1-t1").as_deref(), commit);
    // Later still, when the workspace has moved on: what was recorded is told. Only a diff is read anew, because
    // contents of files are never recorded.
    for asked in all.iter().filter(|asked| asked.operation != "diff") {
        asked.is_repeated_by(&asked.again(&system).await);
    }
    let events = setup.events();
    ledger::assert_each_has_one_outcome(&events);
    let requested = ledger::requested(&events);
    assert_eq!(requested.len(), all.len() + 2, "{requested:?}");
    for asked in &all {
        assert_eq!(requested.iter().filter(|id| **id == asked.id()).count(), 1, "{}", asked.operation);
    }
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_at_once_with_one_key_are_one_operation() {
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    let system = setup.start().await;
    let mut ids = Vec::new();
    let cloned = crowd(&system, "clone", &clone_input(&origin, "t1")).await;
    let sandbox_id = sandbox_of(&cloned).to_owned();
    ids.push(cloned);
    write(&system, &sandbox_id).await;
    for (operation, input) in inputs(&sandbox_id) {
        ids.push(crowd(&system, operation, &input).await);
    }
    assert_eq!(pushes(&origin), 1, "the remote was pushed to again");
    let (_, live) = system.get("/sandboxes").await;
    assert_eq!(live["sandboxes"].as_array().map(Vec::len), Some(1), "{live:#}");
    let events = setup.events();
    ledger::assert_each_has_one_outcome(&events);
    assert_eq!(ledger::requested(&events).len(), ids.len() + 2);
    system.stop().await;
}

/// Asks eight times at once; the first answer.
async fn crowd(system: &System, operation: &'static str, input: &Value) -> Value {
    let path = format!("/git/{operation}");
    let requests = (0..CROWD).map(|_| {
        let request = system.request(reqwest::Method::POST, &path).header("Idempotency-Key", operation);
        tokio::spawn(request.json(input).send())
    });
    let mut answers = Vec::new();
    for request in requests.collect::<Vec<_>>() {
        let response = request.await.expect("a task").expect("an answer");
        let status = response.status();
        let answer: Value = serde_json::from_str(&response.text().await.expect("a body")).expect("JSON");
        assert!(status.is_success() && answer["outcome"] == "succeeded", "{operation}: {status} {answer:#}");
        answers.push(answer);
    }
    let (first, repeats): (Vec<Value>, Vec<Value>) =
        answers.into_iter().partition(|answer| answer["replayed"] == false);
    assert_eq!((first.len(), repeats.len()), (1, CROWD - 1), "{operation}: {first:#?}");
    let asked =
        Asked { operation, key: operation.to_owned(), input: input.clone(), answer: first[0].clone() };
    for repeat in &repeats {
        asked.is_repeated_by(repeat);
    }
    asked.answer
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_repeated_too() {
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    let system = setup.start().await;
    let agent = Agent::clone(&system, &origin.app(), "a1", "t1").await;
    let sandbox_id = agent.sandbox_id();
    let nowhere = "i0000000000000000nowhere";
    for (operation, input, code) in [
        ("commit", json!({"sandbox_id": sandbox_id, "message": "nothing"}), "nothing-to-commit"),
        ("status", json!({"sandbox_id": nowhere}), "sandbox-not-found"),
        ("diff", json!({"sandbox_id": sandbox_id, "from": "no-such-branch"}), "ref-not-found"),
        ("push", json!({"sandbox_id": nowhere}), "sandbox-not-found"),
    ] {
        let first = ask(&system, operation, operation, &input).await;
        assert_eq!(first["outcome"], "failed", "{operation}: {first:#}");
        assert_eq!(first["failure"]["code"], code, "{operation}: {first:#}");
        let again = ask(&system, operation, operation, &input).await;
        assert_eq!((&first["replayed"], &again["replayed"]), (&json!(false), &json!(true)), "{operation}");
        for field in ["operation_id", "outcome", "failure", "timing"] {
            assert_eq!(again[field], first[field], "{operation}: {field}");
        }
    }
    ledger::assert_each_has_one_outcome(&setup.events());
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_belongs_to_one_request() {
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    let system = setup.start().await;
    let cloned = Asked::once(&system, "clone", clone_input(&origin, "t1")).await;
    let sandbox_id = sandbox_of(&cloned.answer);
    write(&system, sandbox_id).await;
    let status = Asked::once(&system, "status", json!({"sandbox_id": sandbox_id})).await;
    let commit =
        Asked::once(&system, "commit", json!({"sandbox_id": sandbox_id, "message": "a", "all": true})).await;
    let before = setup.events().len();
    let wrong = [
        ("clone", &cloned.key, clone_input(&origin, "t2")),
        ("status", &cloned.key, json!({"sandbox_id": sandbox_id})),
        ("push", &cloned.key, json!({"sandbox_id": sandbox_id})),
        ("status", &status.key, json!({"sandbox_id": "i0000000000000000nowhere"})),
        ("diff", &status.key, json!({"sandbox_id": sandbox_id})),
        ("push", &status.key, json!({"sandbox_id": sandbox_id})),
        ("commit", &commit.key, json!({"sandbox_id": sandbox_id, "message": "b", "all": true})),
        ("push", &commit.key, json!({"sandbox_id": sandbox_id})),
    ];
    for (operation, key, input) in wrong {
        let (code, answer) = system.post_once(&format!("/git/{operation}"), key, &input).await;
        assert_eq!(code, 422, "{operation} under {key:?}: {answer:#}");
        assert_eq!(answer["field"], "Idempotency-Key", "{answer:#}");
        assert_eq!(answer["code"], "idempotency-conflict", "{answer:#}");
    }
    assert_eq!(setup.events().len(), before, "something was recorded");
    assert_eq!(pushes(&origin), 0);
    for asked in [&cloned, &status, &commit] {
        asked.is_repeated_by(&asked.again(&system).await);
    }
    // The order of fields does not make another request.
    let body = format!("{{\"message\":\"a\",\"all\":true,\"sandbox_id\":\"{sandbox_id}\"}}");
    let request = system.request(reqwest::Method::POST, "/git/commit").header("Idempotency-Key", &commit.key);
    let (_, reordered) = system.send(request.body(body)).await;
    commit.is_repeated_by(&reordered);
    system.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restart_a_repeat_is_answered_from_the_ledger() {
    let origin = Origin::start().await;
    let setup = Setup::new().admitting(&origin);
    let system = setup.start().await;
    let cloned = Asked::once(&system, "clone", clone_input(&origin, "t1")).await;
    let sandbox_id = sandbox_of(&cloned.answer).to_owned();
    write(&system, &sandbox_id).await;
    let mut all = vec![cloned];
    for (operation, input) in inputs(&sandbox_id) {
        all.push(Asked::once(&system, operation, input).await);
    }
    system.stop().await;
    let before = setup.events().len();
    let requests = origin.remote.requests();

    let system = setup.start().await;
    for asked in &all {
        let again = asked.again(&system).await;
        if asked.operation == "diff" {
            // The contents are gone with the sandbox; that it succeeded is not.
            assert_eq!(
                (&again["outcome"], &again["replayed"]),
                (&json!("succeeded"), &json!(true)),
                "{again:#}"
            );
            assert_eq!(
                (&again["timing"], &again["output"]),
                (&asked.answer["timing"], &Value::Null),
                "{again:#}"
            );
            continue;
        }
        asked.is_repeated_by(&again);
        let (status, looked_up) = system.get(&format!("/operations/{}", asked.id())).await;
        assert_eq!(status, 200);
        assert_eq!(looked_up["output"], asked.answer["output"], "{}", asked.operation);
    }
    assert_eq!(system.get("/sandboxes").await.1, json!({"sandboxes": []}));
    assert_eq!(origin.remote.requests(), requests, "the remote was asked");
    assert_eq!(setup.events().len(), before, "something was recorded");
    system.stop().await;
}
