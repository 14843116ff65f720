//! The path of one request: from a request to an answer, with everything that happened in the ledger.
//!
//! ```text
//! check, also whether the key may -> intent + lease -> rounds (decide, announce, run) -> outcome + release -> answer
//! ```
//!
//! A read changes nothing: no intent, no lease, one append at its end.

mod asked;
pub(crate) mod attach;
mod defer;
pub(crate) mod open;
pub(crate) mod outcome;
mod permit;
pub(crate) mod recorder;
pub(crate) mod recovered;
pub(crate) mod repeat;
pub mod resume;
pub(crate) mod rounds;
pub(crate) mod running;
pub(crate) mod sandbox;

use std::time::{Duration, Instant};

use gitledger_events::operation::Effect;
use gitledger_operations::record::Found;
use gitledger_operations::{Asked, Declaration, Place, Rejection, table};
use gitledger_sandboxes::Trace;
use jiff::{SignedDuration, Timestamp};

use crate::lifecycle::{self, webhook};
use crate::{Answer, Refusal, Request, World};
use open::Opened;
use outcome::{End, Work};
use recorder::Recorder;
pub use resume::{Turn, resume};
use running::Running;

/// The least time that a read gets, however short its caller waits: it cannot be handed over.
const READ_LEAST: Duration = Duration::from_secs(10);

/// Does what is asked, once, and answers. The same id again gets the recorded answer.
pub async fn operate(world: &World, request: Request) -> Result<Answer, Refusal> {
    let answer = Trace::around(request.trace, Box::pin(answered(world, request))).await?;
    Ok(world.price(answer))
}

async fn answered(world: &World, mut request: Request) -> Result<Answer, Refusal> {
    let declaration = table::find(&request.operation).ok_or_else(|| unknown(&request.operation))?;
    if declaration.signed {
        webhook::admit(world, &mut request)?;
    }
    let asked = declaration.ask(request.input.clone(), &world.remotes)?;
    let requested_at = world.clock.now();
    let time = time(declaration, asked.as_ref(), &request);
    let budget = SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX);
    let deadline = requested_at.checked_add(budget).unwrap_or(Timestamp::MAX);
    let started = Instant::now();
    let entry = world.running.enter(request.operation_id);
    let found = Found::Nothing;
    let patience = request.patience.filter(|_| declaration.effect != Effect::Reads);
    let handover = patience.and_then(|patience| started.checked_add(patience));
    let mut running = Running {
        world,
        request,
        declaration,
        asked,
        started,
        requested_at,
        deadline,
        found,
        entry,
        time,
        handover,
        begun: 0,
    };
    permit::check(&running).await?;
    running.found = asked::find(&running).await?;
    match running.asked.place() {
        Place::Ledger => asked::answer(&running),
        Place::Named(_) if declaration.effect == Effect::Reads => running.read().await,
        Place::Named(_) | Place::Opens { .. } | Place::Host(_) => match defer::at_once(&running).await? {
            Some(answer) => Ok(answer),
            None => running.begin().await,
        },
    }
}

/// How long it may take. What cannot be handed over is over when its caller has gone.
fn time(declaration: &Declaration, asked: &dyn Asked, request: &Request) -> Duration {
    let budget = declaration.budget.time;
    let given = asked.envelope().deadline.map_or(budget, |deadline| deadline.min(budget));
    match request.patience {
        Some(patience) if declaration.effect == Effect::Reads => given.min(patience.max(READ_LEAST)),
        _ => given,
    }
}

fn unknown(name: &str) -> Refusal {
    let names: Vec<_> = table::all().map(|operation| operation.name).collect();
    let shown: String = name.chars().take(40).filter(|c| !c.is_control()).collect();
    let rule = format!("{shown:?} is not an operation; there are: {}", names.join(", "));
    Rejection { code: "unknown-operation", field: "operation".to_owned(), rule }.into()
}

impl Running<'_> {
    /// A read: look, then record request and outcome in one append. A repeat is the recorded answer; only
    /// what the ledger does not keep is looked at again.
    async fn read(&self) -> Result<Answer, Refusal> {
        let before = if self.request.keyed { repeat::recorded(self).await? } else { None };
        match before {
            Some(answer) if repeat::is_whole(self, &answer) => Ok(answer),
            Some(answer) => {
                let (_, work) = self.look().await?;
                Ok(repeat::shown_again(answer, work.settle(self, self.request.operation_id).0))
            }
            None => {
                let (mut recorder, work) = self.look().await?;
                recorder.record_read(self, work).await
            }
        }
    }

    async fn look(&self) -> Result<(Recorder, Work), Refusal> {
        let Place::Named(sandbox_id) = self.asked.place() else {
            return Err(Refusal::Fault("a read must name its sandbox".to_owned()));
        };
        let mut recorder = Recorder::new(self, None);
        let work = match sandbox::look(self, sandbox_id).await? {
            Ok(workspace) => {
                recorder.adopt(&workspace.actor, workspace.repo.as_ref());
                rounds::run(self, &mut recorder, &workspace, false).await?
            }
            Err(failure) => Work::refused(failure),
        };
        Ok((recorder, work))
    }

    /// Whatever changes something, from its beginning.
    async fn begin(&self) -> Result<Answer, Refusal> {
        if matches!(self.asked.place(), Place::Host(_)) {
            return lifecycle::operate(self).await;
        }
        self.write().await
    }

    /// A write: intent and lease, rounds, outcome and release.
    async fn write(&self) -> Result<Answer, Refusal> {
        match open::begin(self).await? {
            Opened::Repeat => repeat::follow(self).await,
            Opened::Deferred(answer) => Ok(answer),
            Opened::Refused(mut recorder, failure) => {
                let (answer, _) = recorder.close(self, Work::refused(failure)).await?;
                Ok(answer)
            }
            Opened::Ready(recorder, leased) => self.work(recorder, *leased, false).await,
        }
    }

    /// The rounds in a sandbox that was had, and the end. `attached`: some of them may have been run.
    async fn work(
        &self,
        mut recorder: Recorder,
        leased: sandbox::Leased,
        attached: bool,
    ) -> Result<Answer, Refusal> {
        let mut work = rounds::run(self, &mut recorder, &leased.workspace, attached).await?;
        if matches!(work.end, End::Deferred) {
            return defer::midway(self, recorder, &leased.workspace.sandbox_id).await;
        }
        work.wait = leased.wait;
        sandbox::finish(self, &mut recorder, leased, work).await
    }
}
