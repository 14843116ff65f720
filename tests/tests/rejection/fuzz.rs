//! Bodies changed at random: whatever is sent, the server answers and never says that the fault is its own.

use gitledger_operations::table::OPERATIONS;
use gitledger_tests::{Setup, System, wire};
use serde_json::{Value, json};

use super::SANDBOX;

const BODIES: usize = 2000;
/// Requests under way at once.
const WIDTH: usize = 16;
/// What is put into bodies: bytes and words that parsers and git take for something else.
const WORDS: [&[u8]; 18] = [
    b"\0",
    b"\xff",
    b"\"",
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b"\\u0000",
    b"\\ud800",
    b"-1",
    b"1e309",
    b"null",
    b"../",
    b".git/",
    b"--exec=x",
    b"\n",
    b"18446744073709551616",
];

/// The constants of Knuth's MMIX: the same numbers on every machine, so that what fails once fails again.
struct Lcg(u64);

impl Lcg {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or_default() % limit.max(1)
    }
}

/// A body that the operation takes. The one remote that is admitted is a port at which nothing listens.
fn good(operation: &str) -> Value {
    let mut input = match operation {
        "clone" => {
            return json!({"repo_url": "http://127.0.0.1:1/acme/app", "agent_id": "a1", "task_id": "t1", "branch": "main",
                "shallow": true, "depth": 3, "filter": "blob:none", "revision": null});
        }
        "file-write" => {
            json!({"path": "src/a.rs", "content": "aGVsbG8=", "encoding": "base64", "executable": false})
        }
        "commit" => json!({"message": "Say hello", "files": ["a", "b/c"], "all": false, "author_name": "A",
            "author_email": "a@example.com", "allow_empty": true}),
        "push" => json!({"commit_message": "m", "files": ["a"], "branch": "main", "max_attempts": 2}),
        "add" => json!({"files": ["a", "b"]}),
        "diff" => json!({"files": ["a"], "staged": true, "context_lines": 3}),
        "log" => json!({"limit": 10}),
        "switch" | "branch-create" => json!({"name": "topic", "branch": "topic"}),
        _ => json!({}),
    };
    input["sandbox_id"] = json!(SANDBOX);
    input
}

fn mutated(random: &mut Lcg, mut body: Vec<u8>) -> Vec<u8> {
    for _ in 0..=random.below(4) {
        let at = random.below(body.len());
        match random.below(6) {
            0 => body[at] ^= 1 << random.below(8),
            1 => drop(body.splice(at..at, WORDS[random.below(WORDS.len())].iter().copied())),
            2 => body.truncate(at.max(1)),
            3 => {
                let end = (at + 1 + random.below(12)).min(body.len());
                let part = body[at..end].to_vec();
                drop(body.splice(at..at, part));
            }
            4 if body.len() > 1 => drop(body.remove(at)),
            _ => {
                let end = (at + random.below(8)).min(body.len());
                drop(body.splice(at..end, WORDS[random.below(WORDS.len())].iter().copied()));
            }
        }
    }
    body
}

async fn send(system: &System, operation: &str, body: &[u8]) -> u16 {
    let head = format!("POST /git/{operation} HTTP/1.1\nContent-Type: application/json");
    let reply = wire::send(system, &head, body).await;
    let shown = String::from_utf8_lossy(body);
    assert!(
        matches!(reply.status, 200 | 202 | 400..=499),
        "{operation} {shown}\n{reply:#?}\n{}",
        system.log()
    );
    if reply.status >= 400 {
        for field in ["code", "field", "rule"] {
            assert!(reply.body[field].is_string(), "{operation} {shown}\n{reply:#?}");
        }
    }
    reply.status
}

#[tokio::test(flavor = "multi_thread")]
async fn no_body_makes_the_server_say_that_the_fault_is_its_own() {
    let setup = Setup::new().with("GITLEDGER_ALLOW_REMOTES", "http://127.0.0.1:1/");
    let system = std::sync::Arc::new(setup.start().await);
    let mut random = Lcg(20_261_122);
    let bodies: Vec<(&str, Vec<u8>)> = (0..BODIES)
        .map(|number| {
            let operation = OPERATIONS[number % OPERATIONS.len()].name;
            (operation, mutated(&mut random, good(operation).to_string().into_bytes()))
        })
        .collect();
    let mut statuses = std::collections::BTreeMap::<u16, usize>::new();
    for some in bodies.chunks(WIDTH) {
        let sent = some.iter().cloned().map(|(operation, body)| {
            let system = system.clone();
            tokio::spawn(async move { send(&system, operation, &body).await })
        });
        for status in sent.collect::<Vec<_>>() {
            *statuses.entry(status.await.expect("a checked answer")).or_default() += 1;
        }
    }
    // Both sides of the door were seen: most is refused, and something is good enough to be tried.
    assert!(statuses[&400] > BODIES / 4 && statuses[&200] > 20, "{statuses:?}");
    assert!(!system.log().contains("panicked"), "{}", system.log());
    for event in setup.events() {
        let repo = event["repo"].as_str().unwrap_or("127.0.0.1:1/");
        assert!(repo.starts_with("127.0.0.1:1/"), "another host was let in: {event:#}");
    }
    let (status, answer) = system.post("/git/status", &json!({"sandbox_id": SANDBOX})).await;
    assert_eq!((status, &answer["outcome"]), (200, &json!("failed")), "{answer:#}");
    let system = std::sync::Arc::into_inner(system).expect("the last holder");
    system.stop().await;
}
