//! Functions with wrong clocks that fall asleep under their leases: never two of them in one workspace.

use std::time::Duration;

use gitledger_events::sandbox::Reuse;
use gitledger_operations::plan::Ended;
use gitledger_sandboxes::{Fence, LeaseRequest, SandboxError, Sandboxes, World};
use jiff::SignedDuration;
use uuid::Uuid;

use crate::ground::{Clock, Ground, open, origin, plan};
use crate::{Lcg, examples};

const SEED: u64 = 61;
const FUNCTIONS: i64 = 8;
/// How wrong a clock may be, in milliseconds. More than what a lease allows for.
const OFF_MS: i64 = 30_000;
/// How long a lease lasts, in milliseconds.
const LEASE_MS: i64 = 60;
/// Says when it comes, works, says when it goes.
const WORK: &str = "echo come $1 >>log; sleep $2; echo go $1 >>log";

/// What became of the cycles.
#[derive(Clone, Copy, Debug, Default)]
struct Told {
    done: usize,
    refused: usize,
    stopped: usize,
}

/// One function: takes the lease, may fall asleep, works, gives the lease back.
async fn function(ground: &Ground, sandbox_id: &str, number: i64, cycles: usize, fenced: bool) -> Told {
    let mut random = Lcg(SEED ^ number.unsigned_abs().wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let clock = Clock::off_by(-OFF_MS + 2 * OFF_MS * number / (FUNCTIONS - 1));
    let sandboxes = ground.sandboxes(clock.clone());
    let mut told = Told::default();
    for _ in 0..cycles {
        let request = LeaseRequest {
            sandbox_id: sandbox_id.to_owned(),
            operation_id: Uuid::now_v7(),
            until: clock.now() + SignedDuration::from_millis(LEASE_MS),
            reuse: Reuse::Named,
        };
        let lease = sandboxes.lease_waiting(&request, &origin(), Duration::from_mins(2)).await.expect("a lease");
        if random.fraction() < 0.3 {
            tokio::time::sleep(random.pause(400)).await;
        }
        let seconds = format!("{:.3}", random.fraction() * 0.04);
        match work(&sandboxes, &request, lease.epoch, &seconds, fenced).await {
            Ok(Ended::Normally) => told.done += 1,
            Ok(_) => told.stopped += 1,
            Err(SandboxError::Fenced) => told.refused += 1,
            Err(error) => panic!("function {number}: {error}"),
        }
        // It may be another's by now; then there is nothing to give back.
        let _ = sandboxes.release(&lease, Vec::new()).await;
    }
    told
}

async fn work(
    sandboxes: &Sandboxes,
    request: &LeaseRequest,
    epoch: u64,
    seconds: &str,
    fenced: bool,
) -> Result<Ended, SandboxError> {
    let tag = format!("{}-0", request.operation_id);
    let plan = plan(WORK, &[&epoch.to_string(), seconds]);
    let id = &request.sandbox_id;
    let exits = if fenced {
        sandboxes.run_fenced(id, &tag, &plan, None, Fence { epoch, line: "" }).await?
    } else {
        sandboxes.run(id, &tag, &plan, None).await?
    };
    Ok(exits.ended)
}

/// How often somebody came or went who was not the one to do so: the log of the sandbox itself is the judge.
fn overlaps(log: &str) -> usize {
    let (mut newest, mut inside, mut overlaps) = (0_u64, None, 0);
    for line in log.lines() {
        let (what, epoch) = line.split_once(' ').expect("two words");
        let epoch: u64 = epoch.parse().expect("a number");
        // One that was stopped comes and does not go.
        if what == "come" {
            overlaps += usize::from(epoch <= newest);
            inside = Some(epoch);
        } else {
            overlaps += usize::from(inside != Some(epoch));
            inside = None;
        }
        newest = newest.max(epoch);
    }
    overlaps
}

async fn storm(cycles: usize, fenced: bool) -> (usize, usize, Told) {
    let ground = Ground::new().await;
    let clock = Clock::off_by(0);
    let sandboxes = ground.sandboxes(clock.clone());
    let lease = sandboxes.open(&open(&clock), &origin()).await.expect("a sandbox");
    let id = lease.sandbox_id.clone();
    sandboxes.release(&lease, Vec::new()).await.expect("its release");
    let mut all = Told::default();
    let functions = (0..FUNCTIONS).map(|number| function(&ground, &id, number, cycles, fenced));
    for told in futures(functions).await {
        all.done += told.done;
        all.refused += told.refused;
        all.stopped += told.stopped;
    }
    let log = sandboxes.run(&id, "log", &plan("cat log", &[]), None).await.expect("the log");
    let text = log.steps[0].text();
    let found = (overlaps(&text), text.lines().count(), all);
    ground.end().await;
    found
}

/// Waits for all of them at once.
async fn futures<F: Future<Output = Told>>(all: impl Iterator<Item = F>) -> Vec<Told> {
    let mut all: Vec<_> = all.map(Box::pin).collect();
    let mut told = Vec::new();
    std::future::poll_fn(|context| {
        all.retain_mut(|one| match one.as_mut().poll(context) {
            std::task::Poll::Ready(one) => {
                told.push(one);
                false
            }
            std::task::Poll::Pending => true,
        });
        if all.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn never_are_two_functions_in_one_workspace_whatever_their_clocks_say() {
    let cycles = examples(15, 1000);
    let (found, lines, told) = storm(cycles, true).await;
    let all = told.done + told.refused + told.stopped;
    println!("S-6 seed {SEED}: {all} cycles of {FUNCTIONS} functions, {lines} lines, {told:?}");
    println!("S-6: {} passed, {found} failed", all.saturating_sub(found));
    assert_eq!(found, 0, "overlaps");
    assert!(told.refused + told.stopped > 0, "nobody was late: {told:?}");
    assert!(told.done > all / 10, "hardly anybody got to work: {told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_fence_they_are() {
    let (found, lines, told) = storm(15, false).await;
    println!("S-6 without the fence, seed {SEED}: {found} overlaps in {lines} lines, {told:?}");
    assert!(found > 0, "{told:?}");
}
