//! Writes an operation's stream: what was asked, what happened on the way, how it ended.

use gitledger_events::{Actor, Fact, NewEvent, Repo, Stream};
use gitledger_ledger::{AppendError, Commit, Expected};
use gitledger_sandboxes::Origin;
use uuid::Uuid;

use super::outcome::Work;
use super::repeat;
use super::running::Running;
use crate::{Answer, Refusal, World};

/// Keeps the version of the stream, so that nobody can have written in between unnoticed.
pub struct Recorder {
    operation_id: Uuid,
    stream: Stream,
    version: u64,
    trace: Option<Uuid>,
    /// Who, what and where, for the envelope of every event.
    pub origin: Origin,
}

impl Recorder {
    /// For an operation whose stream is still empty.
    pub(crate) fn new(running: &Running<'_>, repo: Option<Repo>) -> Self {
        let origin = Origin {
            operation: Some(running.declaration.name.to_owned()),
            actor: running.request.actor.clone(),
            repo,
            correlation_id: running.request.operation_id,
        };
        let recorder = Self::at(running.request.operation_id, running.begun, origin);
        Self { trace: running.request.trace.map(|trace| trace.id), ..recorder }
    }

    /// For an operation whose stream has got this far.
    pub fn at(operation_id: Uuid, version: u64, origin: Origin) -> Self {
        Self { operation_id, stream: Stream::operation(operation_id), version, trace: None, origin }
    }

    /// Takes over what the request did not say from the sandbox it works in.
    pub(crate) fn adopt(&mut self, owner: &Actor, repo: Option<&Repo>) {
        let actor = &mut self.origin.actor;
        actor.agent_id = actor.agent_id.take().or_else(|| owner.agent_id.clone());
        actor.task_id = actor.task_id.take().or_else(|| owner.task_id.clone());
        self.origin.repo = self.origin.repo.take().or_else(|| repo.cloned());
    }

    /// Records the intent. False when the id was used before.
    pub(crate) async fn begin(&mut self, running: &Running<'_>) -> Result<bool, Refusal> {
        match self.append(running.world, running.intents()).await {
            Ok(()) => Ok(true),
            Err(AppendError::Conflict { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Appends facts, all or none. A conflict means that somebody else wrote this stream.
    pub async fn append(&mut self, world: &World, facts: Vec<Fact>) -> Result<(), AppendError> {
        if facts.is_empty() {
            return Ok(());
        }
        let commit = Commit {
            id: world.clock.id(),
            stream: self.stream.clone(),
            expected: if self.version == 0 { Expected::Empty } else { Expected::Version(self.version) },
            events: facts.into_iter().map(|fact| self.event(world, fact)).collect(),
        };
        self.version = world.ledger.append(commit).await?.version;
        Ok(())
    }

    fn event(&self, world: &World, fact: Fact) -> NewEvent {
        NewEvent {
            id: world.clock.id(),
            recorded_at: world.clock.now(),
            operation: self.origin.operation.clone(),
            actor: self.origin.actor.clone(),
            repo: self.origin.repo.clone(),
            correlation_id: self.operation_id,
            causation_id: self.trace,
            fact,
        }
    }

    /// Closes the operation. Where somebody else closed it first, theirs is the outcome.
    pub(crate) async fn close(
        &mut self,
        running: &Running<'_>,
        work: Work,
    ) -> Result<(Answer, bool), Refusal> {
        let (answer, facts) = work.settle(running, self.operation_id);
        match self.append(running.world, facts).await {
            Ok(()) => Ok((answer, true)),
            Err(AppendError::Conflict { .. }) => {
                let stream = running.world.ledger.read_stream(&self.stream, 1).await?;
                let theirs = Answer::of_stream(self.operation_id, &stream);
                Ok((theirs.unwrap_or(answer), false))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Records a read whole: request and outcome together. Where somebody else recorded it first, theirs is
    /// the answer, with what was just read where the ledger does not keep that.
    pub(crate) async fn record_read(&mut self, running: &Running<'_>, work: Work) -> Result<Answer, Refusal> {
        let (answer, outcome) = work.settle(running, self.operation_id);
        let mut facts = vec![Fact::from(running.intent())];
        facts.extend(outcome);
        match self.append(running.world, facts).await {
            Ok(()) => Ok(answer),
            Err(AppendError::Conflict { .. }) => Ok(match repeat::recorded(running).await? {
                Some(recorded) if repeat::is_whole(running, &recorded) => recorded,
                Some(recorded) => repeat::shown_again(recorded, answer),
                None => Answer { replayed: true, ..answer },
            }),
            Err(error) => Err(error.into()),
        }
    }
}
