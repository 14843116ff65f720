//! The entry points of the Lambda binaries.
//!
//! They are plain functions, not generic and not async, so that a binary is a few kilobytes of its own
//! and relinks in a fraction of a second when anything here changes.

use std::process::ExitCode;
use std::sync::Arc;

use gitledger_ledger::Ledger;
use gitledger_ledger::sqlite::{Durability, SqliteLedger};
use gitledger_sandboxes::{Sandboxes, SystemWorld, World as ClockAndIds};
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};

use crate::access::Principal;
use crate::exporter::{Exporter, Published, Pushgateway};
use crate::trigger::Caller;
use crate::{Refusal, Settings, World, operate, trigger};

/// The function of one operation.
pub fn operation(name: &'static str) -> ExitCode {
    start(async move |world: &World, event: Value| {
        let authorization = trigger::authorization(&event).map(str::to_owned);
        let (caller, request) = trigger::read(name, event, world.clock.id());
        let principal = principal(world, name, caller, authorization.as_deref());
        let answer = match (principal, request) {
            (Ok(principal), Ok(request)) => operate(world, request.by(principal)).await,
            (Err(refusal), _) | (_, Err(refusal)) => Err(refusal),
        };
        if let Err(Refusal::Fault(reason)) = &answer {
            tracing::error!(operation = name, %reason, "fault");
        }
        Ok(trigger::write(caller, answer))
    })
}

/// Who may invoke a function directly is IAM's business. Over HTTP it is too, unless a file of keys is named.
/// A signed request has no key: its signature is checked before anything is done.
fn principal(
    world: &World,
    operation: &str,
    caller: Caller,
    authorization: Option<&str>,
) -> Result<Principal, Refusal> {
    match caller {
        Caller::Http if world.access.required() && !trigger::is_signed(operation) => {
            world.access.principal(authorization, world.clock.now())
        }
        _ => Ok(Principal::Operator),
    }
}

/// The projector: catches up with the ledger and saves, whatever woke it.
pub fn projector() -> ExitCode {
    start(async |world: &World, _| {
        let saved = world.projector.save().await?;
        world.spending.save().await?;
        let position = world.projector.caught_up().await?.position;
        Ok(json!({"position": position.as_u64(), "saved": saved}))
    })
}

/// The exporter: publishes the metrics to the Pushgateway at `PUSHGATEWAY_URL`.
pub fn exporter() -> ExitCode {
    start(async |world: &World, _| {
        let gateway = world.pushgateway.clone().ok_or("PUSHGATEWAY_URL is not set")?;
        let exporter = Exporter::new(Pushgateway::at(gateway)?);
        match exporter.publish(world).await? {
            // A failed invocation is seen and retried by whatever schedules it.
            Published::Failed => Err("the Pushgateway did not accept the metrics".into()),
            published => Ok(json!({"published": published == Published::Accepted})),
        }
    })
}

fn start<F>(handler: F) -> ExitCode
where
    F: AsyncFn(&World, Value) -> Result<Value, Error>,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let served = runtime.map_err(Error::from).and_then(|runtime| runtime.block_on(serve(handler)));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve<F>(handler: F) -> Result<(), Error>
where
    F: AsyncFn(&World, Value) -> Result<Value, Error>,
{
    tracing_subscriber::fmt()
        .json()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into()),
        )
        .init();
    let world = world().await?;
    let (world, handler) = (&world, &handler);
    lambda_runtime::run(service_fn(async move |event: LambdaEvent<Value>| {
        handler(world, event.payload).await.map_err(|error| told(&error))
    }))
    .await
}

/// An error as the runtime reports it: a kind that does not change, and a sentence.
fn told(error: &Error) -> lambda_runtime::Diagnostic {
    lambda_runtime::Diagnostic { error_type: "Fault".into(), error_message: error.to_string() }
}

async fn world() -> Result<World, Error> {
    let mut settings = Settings::from_env()?;
    settings.keys_required = settings.keys_file.is_some();
    let endpoint = settings.endpoint_or_local()?.clone();
    std::fs::create_dir_all(&settings.data_dir)?;
    let path = settings.data_dir.join(crate::settings::LEDGER_FILE);
    let ledger: Arc<dyn Ledger> = Arc::new(SqliteLedger::open(&path, Durability::Full)?);
    let clock: Arc<dyn ClockAndIds> = Arc::new(SystemWorld);
    let deployment = settings.deployment.clone().unwrap_or_else(|| local_deployment(&settings));
    let sandboxes =
        Arc::new(Sandboxes::new(ledger.clone(), endpoint, clock.clone())?.of_deployment(&deployment));
    Ok(World::new(ledger, sandboxes, clock, settings, None).await?)
}

/// The mark that `gitledger up` made for this data directory.
fn local_deployment(settings: &Settings) -> String {
    let file = settings.data_dir.join("deployment");
    std::fs::read_to_string(file).map_or_else(|_| "default".to_owned(), |name| name.trim().to_owned())
}
