//! EventBridge, as far as a feed sees it: what it takes, what it refuses, and how it says so.

use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use gitledger_events::Stream;
use gitledger_functions::feed::{EventBridge, Fed, Feed, standing};
use gitledger_functions::settings::Aws;
use gitledger_ledger::{Ledger, Position};
use gitledger_sandboxes::{Secret, SystemWorld};
use gitledger_tests::{history, system};
use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{open, operation};

/// A bus that refuses now and then.
#[derive(Clone, Default)]
struct Bus(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    taken: Vec<Value>,
    /// Of each request: how many entries it had.
    requests: Vec<usize>,
    /// Refuses every so many-th entry, the first time.
    refuses_every: usize,
    seen: usize,
    /// Refuses everything of this id, always.
    never: Option<String>,
    /// Is not to be spoken to.
    down: bool,
}

async fn put_events(State(bus): State<Bus>, headers: HeaderMap, body: Bytes) -> Response {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let authorization = header("authorization");
    let signed = authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
        && authorization.contains("/eu-central-1/events/aws4_request")
        && authorization
            .contains("SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target,");
    if !signed || header("x-amz-security-token") != "session" || header("x-amz-date").is_empty() {
        return (StatusCode::FORBIDDEN, authorization.to_owned()).into_response();
    }
    assert_eq!(header("x-amz-target"), "AWSEvents.PutEvents");
    assert_eq!(header("content-type"), "application/x-amz-json-1.1");
    let mut kept = bus.0.lock().unwrap();
    if kept.down {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let asked: Value = serde_json::from_slice(&body).unwrap();
    let entries = asked["Entries"].as_array().unwrap();
    let bytes: usize = entries.iter().map(|entry| entry["Detail"].as_str().unwrap().len() + 200).sum();
    if entries.len() > 10 || bytes > 256 * 1024 {
        return (StatusCode::BAD_REQUEST, "too much").into_response();
    }
    kept.requests.push(entries.len());
    let mut told = Vec::new();
    for entry in entries {
        assert_eq!(entry["EventBusName"], "orders");
        let event: Value = serde_json::from_str(entry["Detail"].as_str().unwrap()).unwrap();
        assert_eq!(format!("gitledger.{}", entry["DetailType"].as_str().unwrap()), event["type"]);
        kept.seen += 1;
        let never = kept.never.as_deref().is_some_and(|id| event["id"] == id);
        let refuses = kept.refuses_every > 0 && kept.seen.is_multiple_of(kept.refuses_every);
        told.push(if never || refuses {
            json!({"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"})
        } else {
            kept.taken.push(event);
            json!({"EventId": Uuid::now_v7()})
        });
    }
    let failed = told.iter().filter(|entry| entry.get("ErrorCode").is_some()).count();
    axum::Json(json!({"FailedEntryCount": failed, "Entries": told})).into_response()
}

impl Bus {
    async fn start(&self) -> Aws {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}/", listener.local_addr().unwrap());
        let app = axum::Router::new().route("/", axum::routing::post(put_events)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Aws {
            region: Some("eu-central-1".to_owned()),
            endpoint: Some(endpoint),
            dynamodb: None,
            access_key_id: Some("AKIDEXAMPLE".to_owned()),
            secret_access_key: Some(Secret::new("key")),
            session_token: Some(Secret::new("session")),
        }
    }

    fn ids(&self) -> Vec<String> {
        let kept = self.0.lock().unwrap();
        kept.taken.iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect()
    }
}

async fn ids(ledger: &dyn Ledger) -> Vec<String> {
    let all = ledger.read_all(Position::START, 10_000).await.unwrap();
    all.iter().map(|recorded| recorded.record.id.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_bus_refuses_is_sent_again_and_nothing_else() {
    let (dir, bus) = (system::temporary(), Bus::default());
    bus.0.lock().unwrap().refuses_every = 7;
    let ledger = open(dir.path());
    for _ in 0..150 {
        operation(&ledger).await;
    }
    let aws = bus.start().await;
    let mut feed = Feed::to(Box::new(EventBridge::named("orders", &aws).unwrap()));
    let (count, ended) = feed.catch_up(&ledger, &SystemWorld).await.unwrap();
    assert_eq!((count, ended), (300, Fed::Nothing));
    let (mut taken, mut wanted) = (bus.ids(), ids(&ledger).await);
    taken.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(taken, wanted, "each once: what was taken is not sent again");
    let requests = bus.0.lock().unwrap().requests.clone();
    assert!(requests.iter().all(|entries| *entries <= 10) && requests.contains(&10), "{requests:?}");
    assert_eq!(feed.round(&ledger, &SystemWorld).await.unwrap(), Fed::Nothing);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_was_taken_without_a_gap_is_checkpointed() {
    let (dir, bus) = (system::temporary(), Bus::default());
    let ledger = open(dir.path());
    for _ in 0..20 {
        operation(&ledger).await;
    }
    let wanted = ids(&ledger).await;
    bus.0.lock().unwrap().never = Some(wanted[13].clone());
    let aws = bus.start().await;
    let mut feed = Feed::to(Box::new(EventBridge::named("orders", &aws).unwrap()));
    let ended = feed.round(&ledger, &SystemWorld).await.unwrap();
    assert!(matches!(&ended, Fed::Failed(reason) if reason.contains("ThrottlingException")), "{ended:?}");
    let told = standing(&ledger).await.unwrap();
    assert_eq!((told.position, told.failures), (13, 1), "up to the one before it");
    assert!(told.waits_since.is_some());

    // A bus that is away altogether changes nothing; another process goes on where this one was.
    bus.0.lock().unwrap().down = true;
    assert!(matches!(feed.round(&ledger, &SystemWorld).await.unwrap(), Fed::Failed(_)));
    {
        let mut kept = bus.0.lock().unwrap();
        (kept.down, kept.never) = (false, None);
    }
    let mut other = Feed::to(Box::new(EventBridge::named("orders", &aws).unwrap()));
    assert_eq!(other.catch_up(&ledger, &SystemWorld).await.unwrap(), (27, Fed::Nothing));
    let told = standing(&ledger).await.unwrap();
    assert_eq!((told.position, told.failures, told.waits_since), (40, 2, None));
    // At least once, and whoever listens knows the ids.
    let taken = bus.ids();
    assert!(wanted.iter().all(|id| taken.contains(id)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_too_large_for_the_bus_goes_without_its_data() {
    let (dir, bus) = (system::temporary(), Bus::default());
    let ledger = open(dir.path());
    let mut request = history::requested(Timestamp::now());
    // In the ledger's limit; as a CloudEvent beyond the bus'.
    request.input = json!({"message": "x".repeat(255 * 1024 + 300)});
    let stream = Stream::operation(Uuid::now_v7());
    history::append(&ledger, stream, "commit", Timestamp::now(), vec![request.into()]).await;
    operation(&ledger).await;
    let aws = bus.start().await;
    let mut feed = Feed::to(Box::new(EventBridge::named("orders", &aws).unwrap()));
    assert_eq!(feed.catch_up(&ledger, &SystemWorld).await.unwrap(), (3, Fed::Nothing));
    let kept = bus.0.lock().unwrap();
    assert_eq!(kept.taken[0]["dataref"], "/events?after=0&limit=1");
    assert!(kept.taken[0].get("data").is_none() && kept.taken[1]["data"].is_object());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_feeds_one_sends() {
    let (dir, bus) = (system::temporary(), Bus::default());
    let ledger = Arc::new(open(dir.path()));
    for _ in 0..100 {
        operation(ledger.as_ref()).await;
    }
    let aws = bus.start().await;
    let feeds = (0..4).map(|_| {
        let (ledger, bus) = (ledger.clone(), EventBridge::named("orders", &aws).unwrap());
        tokio::spawn(async move {
            let mut feed = Feed::to(Box::new(bus));
            feed.catch_up(ledger.as_ref(), &SystemWorld).await.unwrap()
        })
    });
    let mut all = 0;
    for feed in feeds.collect::<Vec<_>>() {
        all += feed.await.unwrap().0;
    }
    assert_eq!(all, 200);
    assert_eq!(bus.ids(), ids(ledger.as_ref()).await, "each once, in order");
}
