//! Bad input over HTTP: refused with a field and a rule, nothing recorded, no sandbox made, and the server goes on.

mod bodies;
mod fuzz;
mod requests;

use gitledger_tests::{Setup, System, wire};
use serde_json::{Value, json};

/// A refused request: what it is, its head and body, and what must come back.
struct Case {
    what: String,
    head: String,
    body: Vec<u8>,
    status: u16,
    field: &'static str,
}

impl Case {
    /// A request to an operation with a body that is an argument's fault.
    fn bad(operation: &str, body: impl Into<Vec<u8>>, field: &'static str) -> Self {
        let body = body.into();
        let shown: String = String::from_utf8_lossy(&body).chars().take(120).collect();
        let head = format!("POST /git/{operation} HTTP/1.1\nContent-Type: application/json");
        Self { what: format!("{operation} {shown}"), head, body, status: 400, field }
    }

    fn json(operation: &str, body: &Value, field: &'static str) -> Self {
        Self::bad(operation, body.to_string(), field)
    }

    fn with(mut self, line: &str) -> Self {
        self.head = format!("{}\n{line}", self.head);
        self.what = format!("{line}: {}", self.what);
        self
    }

    fn becomes(self, status: u16) -> Self {
        Self { status, ..self }
    }

    async fn check(&self, system: &System) {
        let reply = wire::send(system, &self.head, &self.body).await;
        let what = format!("{}\n{reply:#?}", self.what);
        assert_eq!(reply.status, self.status, "{what}");
        assert!(reply.head.contains("content-type: application/problem+json"), "{what}");
        assert_eq!(reply.body["field"], self.field, "{what}");
        for field in ["code", "rule", "type", "title", "detail"] {
            assert!(reply.body[field].as_str().is_some_and(|text| !text.is_empty()), "no {field}: {what}");
        }
        assert_eq!(reply.body["status"], self.status, "{what}");
        assert!(reply.body.to_string().len() < 2000, "it is answered at length: {what}");
    }
}

/// Every case is refused, and it is as if it had not been sent.
async fn all_refused(cases: Vec<Case>) {
    let setup = Setup::new();
    let system = setup.start().await;
    for case in &cases {
        case.check(&system).await;
    }
    unharmed(&setup, &system).await;
    system.stop().await;
}

/// Nothing was recorded, no sandbox made, and a good request is answered.
async fn unharmed(setup: &Setup, system: &System) {
    assert_eq!(system.get("/sandboxes").await.1, json!({"sandboxes": []}));
    let made = std::fs::read_dir(system.data().join("sandboxes/s")).expect("the host's directory");
    assert_eq!(made.count(), 0, "a sandbox was made");
    assert_eq!(setup.events(), Vec::<Value>::new(), "something was recorded");
    let (status, answer) =
        system.post("/git/status", &json!({"sandbox_id": "i0000000000000000nowhere"})).await;
    assert_eq!((status, &answer["failure"]["code"]), (200, &json!("sandbox-not-found")), "{answer:#}");
    assert_eq!(setup.events().len(), 2, "a good request is recorded");
}

const SANDBOX: &str = "i0000000000000000nowhere";
