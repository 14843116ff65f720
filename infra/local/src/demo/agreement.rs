//! Do all accounts agree? What the agents were told, what the ledger says, what the remote has, and what
//! the metrics count.

use std::collections::BTreeMap;

use gitledger_events::Stream;
use gitledger_functions::Answer;
use gitledger_functions::answer::Outcome;

use super::scene::Scene;
use super::stage::{APP, SHARED_BRANCH};

/// Every disagreement, in a sentence; none is the goal.
pub async fn check(scene: &Scene, seen: &[Answer]) -> Result<Vec<String>, String> {
    // What died behind gitledger's back is noticed now, not at the next round.
    gitledger_functions::reaper::reap(&scene.system.world).await.map_err(|error| error.to_string())?;
    let mut wrong = ledger(scene, seen).await?;
    wrong.extend(remote(scene, seen)?);
    wrong.extend(metrics(scene, seen).await?);
    Ok(wrong)
}

/// Every answer is the recorded outcome, and nothing else is recorded.
async fn ledger(scene: &Scene, seen: &[Answer]) -> Result<Vec<String>, String> {
    let world = &scene.system.world;
    let mut wrong = Vec::new();
    for answer in seen {
        let stream = Stream::operation(answer.operation_id);
        let records = world.ledger.read_stream(&stream, 1).await.map_err(|error| error.to_string())?;
        let recorded = Answer::of_stream(answer.operation_id, &records);
        if recorded.as_ref().map(|recorded| recorded.outcome) != Some(answer.outcome) {
            wrong.push(format!(
                "ledger: {} was answered {:?} and is recorded {recorded:?}",
                stream, answer.outcome
            ));
        }
    }
    let folded = world.projector.caught_up().await.map_err(|error| error.to_string())?;
    let recorded: u64 = folded.summary.operations.values().map(|operation| operation.count).sum();
    if recorded != seen.len() as u64 {
        wrong.push(format!("ledger: {} operations were answered, {recorded} are recorded", seen.len()));
    }
    let open = folded.open.all().count();
    if open > 0 {
        wrong.push(format!("ledger: {open} operations have no outcome"));
    }
    Ok(wrong)
}

/// What landed is there, and nothing is there that was not told.
fn remote(scene: &Scene, seen: &[Answer]) -> Result<Vec<String>, String> {
    let refs = scene.stage.remote.refs(APP).map_err(|error| error.to_string())?;
    let mut wrong = Vec::new();
    let mut told: BTreeMap<String, String> = BTreeMap::new();
    for output in
        seen.iter().filter(|answer| answer.operation == "push").filter_map(|answer| answer.output.as_ref())
    {
        let text = |name: &str| output[name].as_str().unwrap_or_default().to_owned();
        let (branch, commit) = (text("pushed_branch"), text("commit_hash"));
        if !scene.stage.remote.contains(APP, &commit, &branch).map_err(|error| error.to_string())? {
            wrong.push(format!("remote: {branch} does not have {commit}, which was told to have landed"));
        }
        told.insert(format!("refs/heads/{branch}"), commit);
    }
    for (name, oid) in refs.iter().filter(|(name, _)| name.starts_with("refs/heads/")) {
        let own = !name.ends_with("/main") && !name.ends_with(SHARED_BRANCH);
        if own && told.get(name) != Some(oid) {
            wrong.push(format!("remote: {name} is at {oid}, which nobody was told"));
        }
    }
    Ok(wrong)
}

/// The counters say what was answered, per operation and outcome.
async fn metrics(scene: &Scene, seen: &[Answer]) -> Result<Vec<String>, String> {
    let text = crate::metrics::text(&scene.system.world).await.map_err(|error| error.to_string())?;
    let mut expected: BTreeMap<String, u64> = BTreeMap::new();
    for answer in seen {
        let status = if answer.outcome == Outcome::Succeeded { "success" } else { "failure" };
        let series = format!("git_operation_total{{operation=\"{}\",status=\"{status}\"}}", answer.operation);
        *expected.entry(series).or_default() += 1;
    }
    let value = |series: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(series))
            .and_then(|rest| rest.trim().parse::<f64>().ok())
    };
    let mut wrong = Vec::new();
    for (series, count) in expected {
        let found = value(&series);
        #[allow(clippy::cast_precision_loss)] // a few hundred
        if found != Some(count as f64) {
            wrong.push(format!("metrics: {series} is {found:?}, {count} were answered"));
        }
    }
    Ok(wrong)
}
