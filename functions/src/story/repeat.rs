//! A request whose id was used before: nothing runs twice, the recorded answer is given again.

use std::time::Duration;

use gitledger_events::{Record, Stream};

use super::running::Running;
use crate::answer::Outcome;
use crate::{Answer, Refusal, answer};

/// How long one wait for a new event is at most; a bound, not a period: a new event ends it at once.
const WAIT: Duration = Duration::from_secs(1);

/// The recorded answer, if the operation has an outcome. Refused when the id belongs to another request.
pub(crate) async fn recorded(running: &Running<'_>) -> Result<Option<Answer>, Refusal> {
    let stream = Stream::operation(running.request.operation_id);
    let records = running.world.ledger.read_stream(&stream, 1).await?;
    same_request(running, &records)?;
    let answer = Answer::of_stream(running.request.operation_id, &records);
    Ok(answer.map(|answer| Answer { replayed: true, ..answer }))
}

/// Whether a recorded answer is all that there was to tell.
pub(crate) fn is_whole(running: &Running<'_>, answer: &Answer) -> bool {
    answer.outcome != Outcome::Succeeded || (answer.output.is_some() && !running.declaration.shows_contents)
}

/// A recorded answer with what the ledger does not keep, read anew. Where that cannot be read any more, the
/// answer says that it succeeded, and has no output.
pub(crate) fn shown_again(recorded: Answer, fresh: Answer) -> Answer {
    Answer { output: fresh.output, replayed: true, ..recorded }
}

/// Waits for the outcome of the operation that runs under this id, up to its deadline.
pub(crate) async fn follow(running: &Running<'_>) -> Result<Answer, Refusal> {
    let world = running.world;
    loop {
        let head = world.ledger.head().await?;
        if let Some(answer) = recorded(running).await? {
            return Ok(answer);
        }
        if world.clock.now() > running.deadline || running.is_overdue() {
            let message = "the operation under this key has not ended yet";
            let mut answer = Answer::unknown(running.request.operation_id, running.declaration.name, message);
            answer.replayed = true;
            return Ok(answer);
        }
        world.ledger.wait(head, WAIT).await?;
    }
}

fn same_request(running: &Running<'_>, records: &[Record]) -> Result<(), Refusal> {
    match answer::requested(records) {
        Some(first) if first.input_digest != running.digest() => Err(Refusal::KeyReused),
        _ => Ok(()),
    }
}
