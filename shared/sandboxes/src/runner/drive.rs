//! Runs a plan: uploads, one process, and following it to its end.

use std::time::Duration;

use gitledger_operations::plan::{Ended, Exits, Plan};
use tokio::time::Instant;

use super::decode::{Decoder, KILLED};
use super::encode::encode;
use super::fence::{Fence, fenced, refused};
use super::scratch::{self, File, ScratchGuard};
use crate::control::TOKEN_USER;
use crate::envd::{End, EnvdError, ProcessEvent, ProcessStart, ProcessStream};
use crate::{Envd, SandboxError, Secret, random};

/// How often a broken stream is opened again.
const RECONNECTS_MAX: u32 = 5;
/// After envd's own limit nothing more is to be expected.
pub(super) const LAST_WORD: Duration = Duration::from_secs(5);

/// How the following of a process ended.
pub(super) struct Followed {
    pub(super) end: End,
    /// True when some of its output may be missing.
    pub(super) gap: bool,
}

impl Envd {
    /// Runs a plan in a sandbox. `tag` names the run; `token` is put where the plan expects its credential.
    /// Behind a `fence` it is refused when a later lease was used there, and an answer that is lost on the way
    /// is asked for again.
    ///
    /// Dropping the future does not stop git, but its own time limit does. An error says that nothing ran,
    /// unless [`SandboxError::outcome_unknown`].
    pub async fn run(
        &self,
        sandbox_id: &str,
        tag: &str,
        plan: &Plan,
        token: Option<&Secret>,
        fence: Option<Fence<'_>>,
    ) -> Result<Exits, SandboxError> {
        let nonce = random::nonce().ok_or_else(|| SandboxError::Unavailable("no randomness".into()))?;
        if fence.is_none()
            && let Some(exits) = self.look(sandbox_id, tag, plan, &nonce).await?
        {
            return Ok(exits);
        }
        let mut start = encode(plan, &nonce, tag)?;
        if let Some(fence) = fence {
            start = fenced(start, sandbox_id, &nonce, fence);
        }
        let uploads = uploads(plan, token);
        let scratch = plan.scratch.as_deref();
        let mut guard = ScratchGuard::new(self, sandbox_id, scratch.filter(|_| !uploads.is_empty()));
        guard.upload(uploads).await?;

        let mut decoder = Decoder::new(&nonce, plan.steps.len(), plan.output_bytes);
        let began = Instant::now();
        let limit = start.timeout + LAST_WORD;
        let followed = self.followed(sandbox_id, &start, &mut decoder, &mut guard).await;
        let elapsed = began.elapsed();
        tracing::debug!(sandbox_id, tag, ?elapsed, git_time = ?decoder.git_time(), "plan ended");
        let recovered = match fence {
            Some(fence) if is_unclear(&followed) => {
                let end = followed.as_ref().ok().map(|followed| followed.end);
                let kept = self.recover(sandbox_id, tag, fence.epoch, end.is_some(), began + limit).await;
                kept.and_then(|kept| kept.exits(plan).or_else(|| kept.ended(plan, end?)))
            }
            _ => None,
        };
        let exits = match recovered {
            Some(exits) => Ok(exits),
            None => concluded(followed, fence, decoder, elapsed),
        };
        let clean = exits.as_ref().is_ok_and(|exits| exits.ended == Ended::Normally);
        let gone = matches!(exits, Err(SandboxError::NotFound | SandboxError::Lost(_)));
        if let (Some(path), false, false) = (scratch, clean, gone) {
            guard.disarm();
            scratch::remove(self, sandbox_id, path).await;
        }
        exits
    }

    /// Starts the process and follows it to its end, for as long as it can have one.
    pub(super) async fn followed(
        &self,
        sandbox_id: &str,
        start: &ProcessStart,
        decoder: &mut Decoder,
        guard: &mut ScratchGuard,
    ) -> Result<Followed, EnvdError> {
        let limit = start.timeout + LAST_WORD;
        let follow = self.follow(sandbox_id, start, decoder, guard);
        tokio::time::timeout(limit, follow).await.unwrap_or(Err(EnvdError::Refused {
            code: "deadline_exceeded".into(),
            message: "no end was told".into(),
        }))
    }

    /// Starts the process and follows it to its end, through broken streams.
    async fn follow(
        &self,
        sandbox_id: &str,
        start: &ProcessStart,
        decoder: &mut Decoder,
        guard: &mut ScratchGuard,
    ) -> Result<Followed, EnvdError> {
        let mut gap = false;
        let mut broken = match self.start(sandbox_id, start).await {
            Ok(mut stream) => match drain(&mut stream, decoder, guard).await {
                Ok(end) => return Ok(Followed { end, gap }),
                Err(EnvdError::Cut(text)) => text,
                Err(error) => return Err(self.in_mid_run(sandbox_id, error).await),
            },
            Err(EnvdError::Cut(text)) => text,
            Err(error) => return Err(error),
        };
        // It may run, or may never have started; it is found by its tag or not at all.
        for attempt in 0..RECONNECTS_MAX {
            gap = true;
            tokio::time::sleep(crate::control::retry::pause(attempt, random::fraction())).await;
            let error = match self.reconnect(sandbox_id, &start.tag, start.timeout).await {
                Ok(mut stream) => match drain(&mut stream, decoder, guard).await {
                    Ok(end) => return Ok(Followed { end, gap }),
                    Err(error) => error,
                },
                Err(error) => error,
            };
            match error {
                EnvdError::Cut(text) | EnvdError::Sandbox(SandboxError::Unavailable(text)) => broken = text,
                error => return Err(self.in_mid_run(sandbox_id, error).await),
            }
        }
        Err(EnvdError::Cut(broken))
    }

    /// What an error means when the process may have run: the outcome is unknown.
    async fn in_mid_run(&self, sandbox_id: &str, error: EnvdError) -> EnvdError {
        match error {
            EnvdError::Sandbox(SandboxError::NotFound | SandboxError::Paused) => {
                EnvdError::Cut("the sandbox stopped in the middle of a run".into())
            }
            EnvdError::Refused { code, .. } if code == "unavailable" => {
                EnvdError::Cut(self.why_not_running(sandbox_id).await.to_string())
            }
            EnvdError::Refused { code, .. } if code == "not_found" => {
                EnvdError::Cut("the process is not known any more".into())
            }
            other => other,
        }
    }
}

/// What is known of the steps, now that following them is over.
pub(super) fn concluded(
    followed: Result<Followed, EnvdError>,
    fence: Option<Fence<'_>>,
    decoder: Decoder,
    elapsed: Duration,
) -> Result<Exits, SandboxError> {
    match followed {
        Ok(Followed { end, gap: false }) => match fence.and_then(|_| refused(end)) {
            Some(refused) => Err(refused),
            None => decoder.finish(end, elapsed),
        },
        Ok(Followed { end, gap: true }) => {
            Err(SandboxError::Interrupted { succeeded: end == End::Exited(0) })
        }
        // envd's limit lies behind the run's own, so this is a sandbox too slow to stop a process.
        Err(EnvdError::Refused { code, .. }) if code == "deadline_exceeded" => {
            decoder.finish(End::Signalled, elapsed).map(|exits| match exits.ended {
                Ended::Normally => exits,
                _ => Exits { ended: Ended::TimedOut, ..exits },
            })
        }
        Err(EnvdError::Cut(text)) => Err(SandboxError::Lost(text)),
        Err(error) => Err(error.into()),
    }
}

/// Whether something of the answer may be missing that the sandbox has kept.
fn is_unclear(followed: &Result<Followed, EnvdError>) -> bool {
    match followed {
        Ok(Followed { end, gap }) => *gap || matches!(end, End::Signalled | End::Exited(KILLED)),
        Err(error) => matches!(error, EnvdError::Cut(_)),
    }
}

/// Reads a stream to the end of its process.
async fn drain(
    stream: &mut ProcessStream,
    decoder: &mut Decoder,
    guard: &mut ScratchGuard,
) -> Result<End, EnvdError> {
    while let Some(event) = stream.next().await? {
        match event {
            ProcessEvent::Started => guard.disarm(),
            ProcessEvent::Stdout(bytes) => decoder.stdout(&bytes),
            ProcessEvent::Stderr(bytes) => decoder.stderr(&bytes),
            ProcessEvent::Ended(end) => return Ok(end),
            ProcessEvent::KeepAlive => {}
        }
    }
    Err(EnvdError::Cut("the stream ended before the process".into()))
}

/// What must be in the sandbox before the first step; the credential in the form git itself reads.
fn uploads(plan: &Plan, token: Option<&Secret>) -> Vec<File> {
    let files = plan.uploads.iter().map(|upload| (upload.path.clone(), upload.bytes.clone()));
    let credential = plan.credential.clone().zip(token).map(|(path, token)| {
        (path, format!("username={TOKEN_USER}\npassword={}\n", token.expose()).into_bytes())
    });
    files.chain(credential).collect()
}
