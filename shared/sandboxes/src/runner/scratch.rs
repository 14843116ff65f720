//! Files put into a sandbox before a plan starts do not stay there when it never does.

use futures_util::future::join_all;
use tokio::task::JoinHandle;

use crate::{Envd, SandboxError, Trace};

/// A file to be written: where, and what.
pub(super) type File = (String, Vec<u8>);

/// Removes a plan's scratch directory when dropped: from the first upload until the script, which removes
/// it itself, is known to run. The caller going away in between must not leave a credential behind.
pub(super) struct ScratchGuard {
    envd: Envd,
    sandbox_id: String,
    path: Option<String>,
    uploads: Option<JoinHandle<Result<(), SandboxError>>>,
}

impl ScratchGuard {
    pub(super) fn new(envd: &Envd, sandbox_id: &str, path: Option<&str>) -> Self {
        let path = path.map(str::to_owned);
        Self { envd: envd.clone(), sandbox_id: sandbox_id.to_owned(), path, uploads: None }
    }

    /// Writes all files at once. In a task of its own: an upload that is broken off might still arrive,
    /// after the directory was removed.
    pub(super) async fn upload(&mut self, files: Vec<File>) -> Result<(), SandboxError> {
        if files.is_empty() {
            return Ok(());
        }
        let task = tokio::spawn(Trace::around(
            Trace::current(),
            upload(self.envd.clone(), self.sandbox_id.clone(), files),
        ));
        let result = self.uploads.insert(task).await;
        self.uploads = None;
        result.unwrap_or_else(|_| Err(SandboxError::Unavailable("uploads were broken off".into())))
    }

    /// The script has taken over.
    pub(super) fn disarm(&mut self) {
        self.path = None;
    }
}

impl Drop for ScratchGuard {
    fn drop(&mut self) {
        let (Some(path), Ok(runtime)) = (self.path.take(), tokio::runtime::Handle::try_current()) else {
            return;
        };
        let (envd, sandbox_id, uploads) = (self.envd.clone(), self.sandbox_id.clone(), self.uploads.take());
        let work = async move {
            if let Some(uploads) = uploads {
                let _ = uploads.await; // however they ended, they have
            }
            remove(&envd, &sandbox_id, &path).await;
        };
        runtime.spawn(Trace::around(Trace::current(), work));
    }
}

async fn upload(envd: Envd, sandbox_id: String, files: Vec<File>) -> Result<(), SandboxError> {
    let puts = files.into_iter().map(|(path, bytes)| {
        let (envd, sandbox_id) = (&envd, &sandbox_id);
        async move { envd.upload(sandbox_id, &path, bytes).await }
    });
    join_all(puts).await.into_iter().collect()
}

/// Removes it now. A failure is logged and no more: the directory is in the sandbox's memory, and a
/// sandbox that cannot be reached is most likely gone with it.
pub(super) async fn remove(envd: &Envd, sandbox_id: &str, path: &str) {
    if let Err(error) = envd.remove(sandbox_id, path).await {
        tracing::warn!(sandbox_id, %error, "scratch directory was not removed");
    }
}
