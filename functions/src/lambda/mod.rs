//! The entry points of the Lambda binaries.
//!
//! They are plain functions, not generic and not async, so that a binary is a few kilobytes of its own
//! and relinks in a fraction of a second when anything here changes.

mod authorizer;
mod invocation;
mod invoke;
mod journal;
mod operation;
mod relay;
mod secrets;
mod serve;
mod signed;
mod worlds;

use std::process::ExitCode;

use gitledger_operations::table;
use serde_json::{Value, json};

use crate::catalogue::{self, Needs};
use crate::exporter::{self, Exporter, Published};
use crate::reaper;
use journal::Note;
use serve::{Told, start};

/// By which a function of an operation is asked to go on with one that was deferred: `{"resume": "<id>"}`.
pub const RESUME: &str = "resume";

/// The function of one operation.
pub fn operation(name: &'static str) -> ExitCode {
    let function =
        table::find(name).map_or_else(|| name.to_owned(), gitledger_operations::Declaration::function);
    // Once per process.
    let function: &'static str = Box::leak(function.into_boxed_str());
    start(
        function,
        async || worlds::of(function).await,
        async move |world, invocation, event| operation::handle(world, name, invocation, event).await,
    )
}

/// The projector: catches up with the ledger and saves, whatever woke it.
pub fn projector() -> ExitCode {
    start(
        "projector",
        async || worlds::of("projector").await,
        async |world, _, _| {
            let saved = world.projector.save().await?;
            let position = world.projector.caught_up().await?.position;
            Ok(done(json!({"position": position.as_u64(), "saved": saved})))
        },
    )
}

/// The exporter: publishes the metrics to the Pushgateway at `PUSHGATEWAY_URL`.
pub fn exporter() -> ExitCode {
    start(
        "exporter",
        async || worlds::of("exporter").await,
        async |world, _, _| {
            let gateway = world.pushgateway.clone().ok_or("PUSHGATEWAY_URL is not set")?;
            let exporter = Exporter::new(gateway)?;
            let snapshot = exporter::snapshot(world, exporter.failures()).await?;
            let text = gitledger_projections::metrics::render(&snapshot)?;
            match exporter.publish(world.ledger.as_ref(), &snapshot, text).await? {
                // A failed invocation is seen and retried by whatever schedules it.
                Published::Failed => Err("the Pushgateway did not accept the metrics".into()),
                published => Ok(done(json!({"published": published == Published::Accepted}))),
            }
        },
    )
}

/// The reaper: one round. Unlike `sandbox-reap` it is not recorded itself.
pub fn reaper() -> ExitCode {
    start(
        "reaper",
        async || worlds::of("reaper").await,
        async |world, _, _| {
            let reaped = reaper::reap(world).await.map_err(|refusal| refusal.to_string())?;
            Ok(done(json!(reaped)))
        },
    )
}

/// The sequencer: puts what was appended into one order. SQLite does so by itself.
pub fn sequencer() -> ExitCode {
    let prepare = async || -> Result<(), lambda_runtime::Error> {
        Err("GITLEDGER_LEDGER: only a ledger on DynamoDB has a sequencer, and this program was built without"
            .into())
    };
    start("sequencer", prepare, async |(), _, _| Ok(done(Value::Null)))
}

/// The relay: has somebody go on with every operation that was deferred.
pub fn relay() -> ExitCode {
    let prepare = async || {
        let needs = catalogue::find("relay").map_or(Needs::NONE, |function| function.needs);
        let settings = secrets::settings(needs).await?;
        let (aws, prefix) = (settings.aws.clone(), settings.function_prefix.clone());
        Ok(relay::Relay { world: worlds::with(settings, needs).await?, aws, prefix })
    };
    start("relay", prepare, async |relay, _, event| relay::handle(relay, event).await)
}

/// The authoriser of the HTTP API.
pub fn authorizer() -> ExitCode {
    let prepare = async || Ok(authorizer::Keys::new(secrets::settings(Needs::NONE).await?));
    start("authorizer", prepare, async |keys, _, event| authorizer::handle(keys, &event).await)
}

fn done(answer: Value) -> Told {
    (answer, Note { outcome: "done", ..Note::default() })
}
