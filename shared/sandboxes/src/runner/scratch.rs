//! Files put into a sandbox before a plan starts do not stay there when it never does.

use crate::Envd;

/// Removes a plan's scratch directory when dropped: from the first upload until the script, which removes
/// it itself, is known to run. The caller going away in between must not leave a credential behind.
pub(super) struct ScratchGuard {
    envd: Envd,
    sandbox_id: String,
    path: Option<String>,
}

impl ScratchGuard {
    pub(super) fn new(envd: &Envd, sandbox_id: &str, path: Option<&str>) -> Self {
        Self { envd: envd.clone(), sandbox_id: sandbox_id.to_owned(), path: path.map(str::to_owned) }
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
        let (envd, sandbox_id) = (self.envd.clone(), self.sandbox_id.clone());
        runtime.spawn(async move { remove(&envd, &sandbox_id, &path).await });
    }
}

/// Removes it now. A failure is logged and no more: the directory is in the sandbox's memory, and a
/// sandbox that cannot be reached is most likely gone with it.
pub(super) async fn remove(envd: &Envd, sandbox_id: &str, path: &str) {
    if let Err(error) = envd.remove(sandbox_id, path).await {
        tracing::warn!(sandbox_id, %error, "scratch directory was not removed");
    }
}
