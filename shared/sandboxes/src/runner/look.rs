//! A plan of one git command that only looks, as a process that becomes git: no shell waits for it, so it takes
//! a fraction of the time of [`encode`](super::encode). Most calls of an agent are such plans.

use std::sync::atomic::Ordering;

use gitledger_operations::context::WORKSPACE;
use gitledger_operations::hardening;
use gitledger_operations::plan::{Exits, Input, Plan, Sink};
use tokio::time::Instant;

use super::decode::Decoder;
use super::drive::{Followed, concluded};
use super::encode::check;
use super::scratch::ScratchGuard;
use crate::envd::{End, EnvdError, ProcessStart};
use crate::{Envd, SandboxError};

/// What every look runs. Deliberately without a single placeholder.
const SCRIPT: &str = include_str!("look.sh");
/// A shell says so of a program that is not there, or cannot be run.
const NOT_RUN: [i32; 2] = [126, 127];

/// The process that looks; `None` for a plan that needs the whole script.
///
/// Fails as [`encode`](super::encode) does.
pub fn look(plan: &Plan, nonce: &str, tag: &str) -> Result<Option<ProcessStart>, SandboxError> {
    let [step] = plan.steps.as_slice() else { return Ok(None) };
    let touches = plan.writes
        || plan.remote.is_some()
        || plan.credential.is_some()
        || plan.scratch.is_some()
        || !plan.uploads.is_empty();
    let piped = step.stdin != Input::Nothing || step.stdout != Sink::Answer || !step.given.is_empty();
    let Some(("git", arguments)) = step.argv.split_first().map(|(git, rest)| (git.as_str(), rest)) else {
        return Ok(None);
    };
    if touches || piped || step.dir != WORKSPACE {
        return Ok(None);
    }
    let envs = hardening::environment(false).into_iter().chain(plan.env.iter().cloned());
    let seconds = plan.timeout.as_secs().max(1).to_string();
    // dash takes no functions from the environment, and reads no file at its start.
    let fixed = ["-c", SCRIPT, "gitledger", nonce, &seconds].map(str::to_owned);
    let mut args: Vec<_> = fixed.into_iter().chain(envs.map(|(name, value)| name + "=" + &value)).collect();
    args.push("git".to_owned());
    args.extend(arguments.iter().cloned());
    check(&args, &[])?;
    let timeout = plan.timeout.max(std::time::Duration::from_millis(1));
    Ok(Some(ProcessStart {
        cmd: "dash".into(),
        args,
        envs: Vec::new(),
        cwd: None,
        tag: tag.to_owned(),
        timeout,
    }))
}

impl Envd {
    /// Runs a plan in the quick way; `None` when nothing ran, because the plan, the sandbox or the repository
    /// is not as plain as that.
    pub(super) async fn look(
        &self,
        sandbox_id: &str,
        tag: &str,
        plan: &Plan,
        nonce: &str,
    ) -> Result<Option<Exits>, SandboxError> {
        if self.no_dash.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let Some(start) = look(plan, nonce, tag)? else { return Ok(None) };
        let mut decoder = Decoder::new(nonce, 1, plan.output_bytes);
        let mut guard = ScratchGuard::new(self, sandbox_id, None);
        let began = Instant::now();
        let followed = self.followed(sandbox_id, &start, &mut decoder, &mut guard).await;
        let elapsed = began.elapsed();
        match followed {
            Ok(Followed { end: End::Exited(code), gap: false }) => {
                if NOT_RUN.contains(&code) {
                    self.no_dash.store(true, Ordering::Relaxed);
                    return Ok(None);
                }
                if !decoder.looked(code, elapsed) {
                    return Ok(None);
                }
                let end = End::Exited(i32::from(code != 0));
                concluded(Ok(Followed { end, gap: false }), None, decoder, elapsed).map(Some)
            }
            Err(EnvdError::Refused { code, .. }) if !IN_PASSING.contains(&code.as_str()) => {
                self.no_dash.store(true, Ordering::Relaxed);
                Ok(None)
            }
            followed => concluded(followed, None, decoder, elapsed).map(Some),
        }
    }
}

/// Refusals that say nothing of the program.
const IN_PASSING: [&str; 5] =
    ["deadline_exceeded", "unavailable", "resource_exhausted", "unauthenticated", "permission_denied"];
