//! From a process to its invocations: runtime, logs, the world, and a line per invocation.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use tracing::Instrument;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use super::invocation::Invocation;
use super::journal::{self, Note};

/// What a handler makes of a trigger: the answer, and what is told of it.
pub(super) type Told = (Value, Note);

/// Runs a function until the platform ends it. `prepare` is what is made once per process.
pub(super) fn start<S, P, H>(function: &'static str, prepare: P, handler: H) -> ExitCode
where
    P: AsyncFnOnce() -> Result<S, Error>,
    H: AsyncFn(&S, &Invocation, Value) -> Result<Told, Error>,
{
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let served =
        runtime.map_err(Error::from).and_then(|runtime| runtime.block_on(serve(function, prepare, handler)));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{function}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Deliberately absent: a hook for a graceful end. It needs the extensions interface, which local runtimes lack, and
/// there is nothing to flush: what was answered is durable, and what was not is gone on with.
async fn serve<S, P, H>(function: &'static str, prepare: P, handler: H) -> Result<(), Error>
where
    P: AsyncFnOnce() -> Result<S, Error>,
    H: AsyncFn(&S, &Invocation, Value) -> Result<Told, Error>,
{
    logs();
    let state = prepare().await?;
    let cold = AtomicBool::new(true);
    let (state, handler, cold) = (&state, &handler, &cold);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| async move {
        let invocation =
            Invocation::of(&event.context, cold.swap(false, Ordering::Relaxed), Timestamp::now());
        let request_id = invocation.request_id.as_str();
        let span = tracing::info_span!(
            "invocation",
            function,
            request_id,
            operation_id = tracing::field::Empty,
            trace_id = tracing::field::Empty
        );
        let told = handler(state, &invocation, event.payload).instrument(span).await;
        let (answer, note) = match told {
            Ok((answer, note)) => (Ok(answer), note),
            Err(error) => {
                tracing::error!(function, request_id, %error, "fault");
                (Err(diagnostic(&error)), Note { outcome: "fault", ..Note::default() })
            }
        };
        journal::write(function, &invocation, &note, Timestamp::now());
        answer
    }))
    .await
}

/// One JSON object per line, with the invocation and the operation that it is about.
///
/// `RUST_LOG` says what, by target and level. Deliberately absent: its filters by a span's fields, whose regular
/// expressions are a tenth of a function's size.
fn logs() {
    let asked = std::env::var("RUST_LOG").ok().and_then(|asked| asked.parse().ok());
    let usual = || {
        Targets::new().with_default(LevelFilter::WARN).with_target("gitledger_functions", LevelFilter::INFO)
    };
    let layer = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false);
    let layer = layer.with_filter::<Targets>(asked.unwrap_or_else(usual));
    // Somebody else's choice, in a test, stands.
    let _ = tracing_subscriber::registry().with(layer).try_init();
}

/// An error as the runtime reports it: a kind that does not change, and a sentence.
fn diagnostic(error: &Error) -> lambda_runtime::Diagnostic {
    lambda_runtime::Diagnostic { error_type: "Fault".into(), error_message: error.to_string() }
}
