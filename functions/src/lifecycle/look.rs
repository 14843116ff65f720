//! A look at one sandbox, because E2B said that there is something to see.

use gitledger_operations::lifecycle::sandbox_lifecycle::Seen;
use gitledger_operations::record::Found;
use gitledger_sandboxes::Look;

use super::carried::{Carried, refused};
use crate::Refusal;
use crate::reaper::bounds::GRACE;
use crate::story::recorder::Recorder;
use crate::story::running::Running;

pub(super) async fn look(
    running: &Running<'_>,
    recorder: &Recorder,
    sandbox_id: &str,
) -> Result<Carried, Refusal> {
    let seen = running.world.sandboxes.look(sandbox_id, GRACE, &recorder.origin).await;
    Ok(Ok(Found::Seen(match seen {
        Ok(Look::Unchanged) => Seen::Unchanged,
        Ok(Look::Paused) => Seen::Paused,
        Ok(Look::Resumed) => Seen::Resumed,
        Ok(Look::Extended) => Seen::Extended,
        Ok(Look::Ended) => Seen::Ended,
        Ok(Look::Leaked) => Seen::Leaked,
        Ok(Look::Foreign) => Seen::Foreign,
        Ok(Look::Busy) => Seen::Busy,
        Err(error) => return refused(error),
    })))
}
