//! The entry points of the Lambda binaries.
//!
//! They are plain functions, not generic and not async, so that a binary is a few kilobytes of its own
//! and relinks in a fraction of a second when anything here changes.

mod authorizer;
#[cfg(feature = "aws")]
mod dynamo;
mod feed;
mod invocation;
#[cfg(feature = "aws")]
mod invoke;
mod journal;
mod of_table;
mod operation;
mod projecting;
#[cfg(feature = "aws")]
mod relay;
mod report;
mod secrets;
mod serve;
mod signed;
mod worlds;

use std::process::ExitCode;

use gitledger_operations::table;
use serde_json::{Value, json};

use crate::catalogue::Needs;
use crate::exporter::{Exporter, Published};
use crate::reaper;
use journal::Note;
use serve::{Lasts, Told, start};

/// What is said instead of asking AWS.
#[cfg(not(feature = "aws"))]
const WITHOUT_AWS: &str =
    "this program was built without AWS; build it with `--features gitledger-functions/aws`";

/// What is said instead of opening a file.
#[cfg(not(feature = "sqlite"))]
const WITHOUT_SQLITE: &str = "must be `dynamodb`: this program was built for AWS; build it with `--features gitledger-functions/sqlite`";

pub use of_table::{relay, repair, retry_dlq, sequencer};

/// By which a function of an operation is asked to go on with one that was deferred: `{"resume": "<id>"}`.
pub const RESUME: &str = "resume";

/// The function of one operation.
pub fn operation(name: &'static str) -> ExitCode {
    let function =
        table::find(name).map_or_else(|| name.to_owned(), gitledger_operations::Declaration::function);
    // Once per process.
    let function: &'static str = Box::leak(function.into_boxed_str());
    let secrets = crate::catalogue::find(function).is_some_and(|found| found.needs.secrets());
    start(
        function,
        if secrets { Lasts::AsSecretsDo } else { Lasts::Always },
        async || worlds::of(function).await,
        async move |world, invocation, event| {
            Box::pin(operation::handle(world, name, invocation, event)).await
        },
    )
}

/// The projector: catches up with the ledger and saves, whatever woke it.
pub fn projector() -> ExitCode {
    start(
        "projector",
        Lasts::Always,
        async || worlds::of("projector").await,
        async |world, _, _| {
            let (position, parked) = projecting::project(world).await?;
            let note = Note { outcome: "done", parked: Some(parked), ..Note::default() };
            Ok((json!({"position": position.as_u64(), "parked": parked}), note))
        },
    )
}

/// The exporter: publishes the metrics to the Pushgateway at `PUSHGATEWAY_URL`.
pub fn exporter() -> ExitCode {
    start(
        "exporter",
        Lasts::AsSecretsDo,
        async || {
            let world = worlds::of("exporter").await?;
            let exporter = Exporter::to(world.pushgateway.clone(), world.remote_write.clone())?;
            Ok((world, exporter))
        },
        async |(world, exporter), _, _| {
            let exporter = exporter.as_ref().ok_or("PUSHGATEWAY_URL or REMOTE_WRITE_URL must be set")?;
            match exporter.publish(world).await? {
                // A failed invocation is seen and retried by whatever schedules it.
                Published::Failed => Err("the metrics were not accepted".into()),
                published => Ok(done(json!({"published": published == Published::Accepted}))),
            }
        },
    )
}

/// The feed: puts on the bus what is not on it yet, whatever woke it.
pub fn feed() -> ExitCode {
    start("feed", Lasts::Always, feed::prepare, async |feeder, invocation, _| {
        feed::handle(feeder, invocation).await
    })
}

/// The reaper: one round. Unlike `sandbox-reap` it is not recorded itself.
pub fn reaper() -> ExitCode {
    start(
        "reaper",
        Lasts::AsSecretsDo,
        async || worlds::of("reaper").await,
        async |world, _, _| {
            let reaped = reaper::reap(world).await.map_err(|error| error.to_string())?;
            Ok(done(json!(reaped)))
        },
    )
}

/// The report on leaving hosted sandboxes.
pub fn report() -> ExitCode {
    start(
        "report",
        Lasts::Always,
        async || worlds::of("report").await,
        async |world, _, event| report::handle(world, &event).await,
    )
}

/// The authoriser of the HTTP API.
pub fn authorizer() -> ExitCode {
    let prepare = async || Ok(authorizer::Keys::new(secrets::settings(Needs::NONE).await?));
    start("authorizer", Lasts::Always, prepare, async |keys, _, event| authorizer::handle(keys, &event).await)
}

fn done(answer: Value) -> Told {
    (answer, Note { outcome: "done", ..Note::default() })
}
