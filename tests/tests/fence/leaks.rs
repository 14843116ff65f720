//! Sandboxes whose creation was answered to nobody, among others' and young ones: reconciled, none is left and
//! none is killed that should live.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use gitledger_functions::Request;
use gitledger_functions::answer::Outcome;
use gitledger_functions::reaper::{self, ReapError};
use gitledger_ledger::sqlite::{Durability, SqliteLedger};
use gitledger_sandboxes::reconcile::{Action, reconcile};
use gitledger_sandboxes::{World as _, control};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::ground::{Clock, open, origin, world};
use crate::{Lcg, examples};

const SEED: u64 = 9;
const FOREIGN: usize = 50;
const YOUNG: usize = 50;
const PAGE: usize = 100;

/// What E2B has, and how it answers.
#[derive(Default)]
struct Fake {
    sandboxes: BTreeMap<String, Value>,
    /// Creations are done and not answered.
    mute: bool,
    /// The list is not answered either: the function is as good as dead.
    deaf: bool,
    killed: BTreeSet<String>,
}

type Shared = Arc<Mutex<Fake>>;

fn lock(fake: &Shared) -> std::sync::MutexGuard<'_, Fake> {
    fake.lock().unwrap_or_else(PoisonError::into_inner)
}

fn made(fake: &mut Fake, metadata: &Value, started: Timestamp, state: &str) -> String {
    let id = format!("i{:05}", fake.sandboxes.len());
    let sandbox = json!({
        "sandboxID": id, "templateID": "base", "clientID": "c", "startedAt": started.to_string(),
        "endAt": (started + SignedDuration::from_hours(1)).to_string(), "cpuCount": 2, "memoryMB": 512,
        "state": state, "metadata": metadata, "envdVersion": "0.2.0",
    });
    fake.sandboxes.insert(id.clone(), sandbox);
    id
}

async fn create(State(fake): State<Shared>, Json(body): Json<Value>) -> Response {
    let mut fake = lock(&fake);
    let id = made(&mut fake, &body["metadata"], Timestamp::now(), "running");
    if fake.mute {
        // The connection ends without a word.
        std::panic::resume_unwind(Box::new("no answer"));
    }
    (StatusCode::CREATED, Json(fake.sandboxes[&id].clone())).into_response()
}

/// As E2B does: what carries the metadata, a page at a time.
async fn list(State(fake): State<Shared>, RawQuery(query): RawQuery) -> Response {
    let fake = lock(&fake);
    if fake.deaf {
        return StatusCode::FORBIDDEN.into_response();
    }
    let query = query.unwrap_or_default().replace("%2525", "%").replace("%253D", "=").replace("%3D", "=");
    let wanted = |name: &str| {
        let found = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        found.map(str::to_owned)
    };
    let (key, value) = wanted("metadata")
        .and_then(|it| Some((it.split_once('=')?.0.to_owned(), it.split_once('=')?.1.to_owned())))
        .unwrap_or_default();
    let from: usize = wanted("nextToken").and_then(|text| text.parse().ok()).unwrap_or_default();
    let all: Vec<&Value> =
        fake.sandboxes.values().filter(|it| it["metadata"][&key] == value.as_str()).skip(from).collect();
    let mut headers = HeaderMap::new();
    if all.len() > PAGE {
        headers.insert("x-next-token", (from + PAGE).into());
    }
    (headers, Json(json!(all.into_iter().take(PAGE).collect::<Vec<_>>()))).into_response()
}

async fn one(State(fake): State<Shared>, Path(id): Path<String>) -> Response {
    match lock(&fake).sandboxes.get(&id) {
        Some(sandbox) => Json(sandbox.clone()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn kill(State(fake): State<Shared>, Path(id): Path<String>) -> StatusCode {
    let mut fake = lock(&fake);
    if fake.sandboxes.remove(&id).is_none() {
        return StatusCode::NOT_FOUND;
    }
    fake.killed.insert(id);
    StatusCode::NO_CONTENT
}

async fn serve(fake: Shared) -> String {
    let routes = Router::new()
        .route("/v2/sandboxes", post(create).get(list))
        .route("/sandboxes/{id}", get(one).delete(kill))
        .with_state(fake);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    url
}

#[tokio::test(flavor = "multi_thread")]
async fn after_lost_answers_no_sandbox_is_left_and_none_is_killed_that_should_live() {
    let lost = examples(200, 200);
    let fake = Shared::default();
    let url = serve(fake.clone()).await;
    let dir = gitledger_tests::system::temporary();
    let ledger =
        Arc::new(SqliteLedger::open(&dir.path().join("ledger.db"), Durability::Relaxed).expect("a ledger"));
    let clock = Clock::off_by(0);
    let world = world(&url, ledger, clock.clone()).await;
    let mut random = Lcg(SEED);

    // Known ones: answered, or found again by their request although the answer was lost.
    let mut known = BTreeSet::new();
    for number in 0..20 {
        lock(&fake).mute = number % 2 == 1;
        let lease = world.sandboxes.open(&open(&clock), &origin()).await.expect("a sandbox");
        known.insert(lease.sandbox_id);
    }
    // Lost ones: made, and nobody lived to hear of it.
    (lock(&fake).mute, lock(&fake).deaf) = (true, true);
    for _ in 0..lost {
        world.sandboxes.open(&open(&clock), &origin()).await.expect_err("no answer");
    }
    // Who cannot see the sandboxes says so, by itself and when asked, and takes none of them for lost.
    let unlisted = reaper::reap(&world).await.expect_err("no list");
    assert!(matches!(unlisted, ReapError::Unlisted(_)), "{unlisted}");
    let request = Request::new("sandbox-reap", json!({}), None, world.clock.id()).expect("a request");
    let answer = gitledger_functions::operate(&world, request).await.expect("an answer");
    assert_eq!(answer.outcome, Outcome::Failed, "{answer:?}");
    (lock(&fake).mute, lock(&fake).deaf) = (false, false);
    let leaked: BTreeSet<String> =
        lock(&fake).sandboxes.keys().filter(|id| !known.contains(*id)).cloned().collect();
    assert_eq!(leaked.len(), lost, "each lost answer is a sandbox");
    // Many fell asleep meanwhile.
    for sandbox in lock(&fake).sandboxes.values_mut() {
        if random.fraction() < 0.4 {
            sandbox["state"] = json!("paused");
        }
    }
    clock.forward(SignedDuration::from_mins(3));
    let (mut foreign, mut young) = (BTreeSet::new(), BTreeSet::new());
    for number in 0..FOREIGN {
        let metadata = if number % 2 == 0 { json!({"gitledger": "another"}) } else { Value::Null };
        foreign.insert(made(&mut lock(&fake), &metadata, Timestamp::now(), "running"));
    }
    for _ in 0..YOUNG {
        young.insert(made(&mut lock(&fake), &json!({"gitledger": "1"}), clock.now(), "running"));
    }
    // Without the grace the young ones would be taken for leaked, and without the owner the foreign ones.
    let listed = world.sandboxes.list_live().await.expect("a list");
    assert_eq!(listed.len(), known.len() + leaked.len() + young.len(), "all pages, and nobody else's");
    let naive = naive(&listed, &young, clock.now());
    println!("S-9 without the grace, seed {SEED}: {naive} young ones would be killed");
    assert!(naive > 0);

    let reaped = reaper::reap(&world).await.expect("a round");
    let left: BTreeSet<String> = lock(&fake).sandboxes.keys().cloned().collect();
    let killed = lock(&fake).killed.clone();
    let wrongly = killed.difference(&leaked).count();
    let still = leaked.intersection(&left).count();
    println!("S-9 seed {SEED}: {reaped:?}");
    println!("S-9: {} passed, {} failed", lost - still, still + wrongly);
    assert_eq!((still, wrongly), (0, 0), "leaked, wrongly killed");
    assert!(known.is_subset(&left) && foreign.is_subset(&left) && young.is_subset(&left));
    // Again changes nothing; and when nobody has claimed the young ones they are not young any more.
    reaper::reap(&world).await.expect("a round");
    assert_eq!(lock(&fake).killed, killed);
    clock.forward(SignedDuration::from_mins(3));
    reaper::reap(&world).await.expect("a round");
    let later: BTreeSet<String> = lock(&fake).killed.difference(&killed).cloned().collect();
    assert_eq!(later, young);
}

/// How many of `young` are taken for leaked by who makes no allowance for what is on its way.
fn naive(listed: &[control::Listed], young: &BTreeSet<String>, now: Timestamp) -> usize {
    let later = now + SignedDuration::from_secs(1);
    let actions = reconcile(listed, &[], later, SignedDuration::ZERO);
    let taken = |action: &Action| matches!(action, Action::Leaked(one) if young.contains(&one.sandbox_id));
    actions.iter().filter(|action| taken(action)).count()
}
