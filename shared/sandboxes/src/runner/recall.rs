//! Asks a sandbox what became of a run whose answer did not come.

use std::time::Duration;

use tokio::time::Instant;

use super::drive::LAST_WORD;
use super::fence::{self, Kept, Recalled};
use crate::envd::{EnvdError, ProcessEvent, ProcessStart};
use crate::{Envd, SandboxError, random};

/// Between two looks at a run that is not at its end.
const BETWEEN_LOOKS: Duration = Duration::from_millis(250);

impl Envd {
    /// What the sandbox knows of the run with this tag. `stop`: earlier runs are ended first, whatever their
    /// tag, and whoever has an epoch before this one is refused from now on.
    ///
    /// Asking changes nothing but that, so it may be done again.
    pub async fn recall(
        &self,
        sandbox_id: &str,
        tag: &str,
        epoch: u64,
        stop: bool,
    ) -> Result<Recalled, SandboxError> {
        let nonce = random::nonce().ok_or_else(|| SandboxError::Unavailable("no randomness".into()))?;
        let start = fence::recall(sandbox_id, tag, epoch, &nonce, stop);
        // A sandbox whose envd is stopped, or which swaps, takes the request in and is silent.
        let asked = tokio::time::timeout(start.timeout + LAST_WORD, self.ask(sandbox_id, &start));
        asked.await.unwrap_or_else(|_| Err(SandboxError::Unavailable("the sandbox does not answer".into())))
    }

    async fn ask(&self, sandbox_id: &str, start: &ProcessStart) -> Result<Recalled, SandboxError> {
        let mut stream = self.start(sandbox_id, start).await?;
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        while let Some(event) = stream.next().await? {
            match event {
                ProcessEvent::Stdout(bytes) => stdout.extend_from_slice(&bytes),
                ProcessEvent::Stderr(bytes) => stderr.extend_from_slice(&bytes),
                ProcessEvent::Ended(end) => return fence::recalled(end, &stdout, &stderr),
                ProcessEvent::Started | ProcessEvent::KeepAlive => {}
            }
        }
        Err(EnvdError::Cut("the stream ended before the process".into()).into())
    }

    /// What a run has left whose answer is not whole; its end is waited for until `limit`, or brought about:
    /// `stop`, where only what it had started can be left. `None` when it cannot be told.
    pub(super) async fn recover(
        &self,
        sandbox_id: &str,
        tag: &str,
        epoch: u64,
        stop: bool,
        limit: Instant,
    ) -> Option<Kept> {
        loop {
            match self.recall(sandbox_id, tag, epoch, stop).await {
                Ok(Recalled::Ended { kept, .. }) => return Some(kept),
                Ok(Recalled::Running) | Err(SandboxError::Unavailable(_)) if Instant::now() < limit => {
                    tokio::time::sleep(BETWEEN_LOOKS).await;
                }
                Ok(Recalled::Nothing | Recalled::Blank | Recalled::Running) => return None,
                Err(error) => {
                    tracing::info!(sandbox_id, tag, %error, "a run is not recalled");
                    return None;
                }
            }
        }
    }
}
