//! Operations on sandboxes: what was ordered is carried out, and what came of it is found for the operation to
//! tell. The intent is recorded before any of this, the outcome after.

mod carried;
mod create;
mod keep;
mod look;
mod pool;
pub(crate) mod record;
pub mod webhook;

use gitledger_events::Repo;
use gitledger_operations::Place;
use gitledger_operations::lifecycle::Order;
use gitledger_operations::record::Found;

use crate::reaper::{self, ReapError};
use crate::story::outcome::Work;
use crate::story::recorder::Recorder;
use crate::story::repeat;
use crate::story::running::Running;
use crate::{Answer, Refusal};
use carried::{Carried, refused, state};

/// Intent, order, outcome. The same id again gets the recorded answer.
pub(crate) async fn operate(running: &Running<'_>) -> Result<Answer, Refusal> {
    let Place::Host(order) = running.asked.place() else {
        return Err(Refusal::Fault(
            "the sandboxes' host is asked by an operation that asks nothing".to_owned(),
        ));
    };
    let mut recorder = Recorder::new(running, repo(running, order)?);
    if let Some(sandbox_id) = order.sandbox_id() {
        let state = state(running.world, sandbox_id).await?;
        recorder.adopt(&state.actor, state.repo.as_ref());
    }
    if !recorder.begin(running).await? {
        return repeat::follow(running).await;
    }
    let work = match carry_out(running, &mut recorder, order).await? {
        Ok(found) => Work::decided(running, &found)?,
        Err(failure) => Work::refused(*failure),
    };
    let about = order.sandbox_id().map(str::to_owned);
    let work = Work { sandbox_id: work.sandbox_id.or(about), wait: running.started.elapsed(), ..work };
    recorder.close(running, work).await.map(|(answer, _)| answer)
}

async fn carry_out(
    running: &Running<'_>,
    recorder: &mut Recorder,
    order: Order<'_>,
) -> Result<Carried, Refusal> {
    match order {
        Order::Create { .. } => create::create(running, recorder).await,
        Order::KeepAlive { sandbox_id, timeout_s } => {
            keep::alive(running, recorder, sandbox_id, timeout_s).await
        }
        Order::Pause { sandbox_id } => keep::pause(running, recorder, sandbox_id).await,
        Order::Resume { sandbox_id } => keep::resume(running, recorder, sandbox_id).await,
        Order::Kill { sandbox_id } => keep::kill(running, recorder, sandbox_id).await,
        Order::Look { notice } => look::look(running, recorder, &notice.sandbox_id).await,
        Order::Warm { pool } => pool::fill(running, recorder, pool).await,
        Order::Reap => match reaper::reap(running.world).await {
            Ok(reaped) => Ok(Ok(Found::Reaped(reaped))),
            Err(ReapError::Unlisted(error)) => refused(error.into()),
            Err(ReapError::Refused(refusal)) => Err(refusal),
        },
    }
}

/// Checks whether the key may have this done. Before anything is recorded.
pub(crate) async fn permit(running: &Running<'_>, order: Order<'_>) -> Result<(), Refusal> {
    let principal = &running.request.principal;
    match order {
        // Whoever signed it was checked, and it does nothing that a look does not.
        Order::Look { .. } => Ok(()),
        Order::Warm { .. } | Order::Reap => principal.check_all(true),
        Order::Create { .. } => match repo(running, order)? {
            Some(repo) => principal.check_repo("repo_url", &repo),
            None => principal.check_any_repo("repo_url"),
        },
        Order::KeepAlive { sandbox_id, .. }
        | Order::Pause { sandbox_id }
        | Order::Resume { sandbox_id }
        | Order::Kill { sandbox_id } => {
            let state = state(running.world, sandbox_id).await?;
            principal.check_use(running.declaration.effect, state.key_id.as_deref(), state.repo.as_ref())
        }
    }
}

/// The repository that a new sandbox is for.
fn repo(running: &Running<'_>, order: Order<'_>) -> Result<Option<Repo>, Refusal> {
    let Order::Create { repo_url: Some(url) } = order else { return Ok(None) };
    Ok(Some(running.world.remotes.admit("repo_url", url)?.repo()))
}
