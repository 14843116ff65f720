//! From a process to its invocations: runtime, logs, the world, and a line per invocation.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use gitledger_sandboxes::tls::{self, Roots};
use jiff::Timestamp;
use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::Value;
use tokio::sync::Mutex;
use tracing::Instrument;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use uuid::Uuid;

use super::invocation::Invocation;
use super::journal::{Journal, Note};
use crate::settings::Settings;

/// How long secrets are used before they are read again.
const SECRETS_FRESH: Duration = Duration::from_mins(5);

/// What a handler makes of a trigger: the answer, and what is told of it.
pub(super) type Told = (Value, Note);

/// How long what was made at the start is used.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lasts {
    /// As long as the process.
    Always,
    /// As long as secrets do that are in it: one that was changed is known soon to functions that are never cold.
    AsSecretsDo,
}

/// Runs a function until the platform ends it. `prepare` makes what its invocations have in common.
pub(super) fn start<S, P, H>(function: &'static str, lasts: Lasts, prepare: P, handler: H) -> ExitCode
where
    P: AsyncFn() -> Result<S, Error>,
    H: AsyncFn(&S, &Invocation, Value) -> Result<Told, Error>,
{
    tls::trust(roots(cfg!(feature = "aws"), Settings::names_certificates()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let served = runtime
        .map_err(Error::from)
        .and_then(|runtime| runtime.block_on(serve(function, lasts, prepare, handler)));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{function}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// In AWS nobody adds certificates to the system, whose list is the one that is compiled in: reading that was a
/// quarter of a start.
fn roots(for_aws: bool, are_named: bool) -> Roots {
    if for_aws && !are_named { Roots::CompiledIn } else { Roots::System }
}

/// Deliberately absent: a hook for a graceful end. It needs the extensions interface, which local runtimes lack, and
/// there is nothing to flush: what was answered is durable, and what was not is gone on with.
async fn serve<S, P, H>(function: &'static str, lasts: Lasts, prepare: P, handler: H) -> Result<(), Error>
where
    P: AsyncFn() -> Result<S, Error>,
    H: AsyncFn(&S, &Invocation, Value) -> Result<Told, Error>,
{
    logs();
    let journal = Journal { function, deployment: Settings::named_deployment() };
    let state = State::new(lasts, prepare).await?;
    let cold = AtomicBool::new(true);
    let (state, handler, cold, journal) = (&state, &handler, &cold, &journal);
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
        let told = async {
            let told = handler(&*state.now().await, &invocation, event.payload).await;
            told.inspect_err(|error| tracing::error!(%error, "fault"))
        };
        let (answer, note) = match told.instrument(span).await {
            Ok((answer, note)) => (Ok(answer), note),
            Err(error) => (Err(diagnostic(&error)), note_of(&error)),
        };
        journal.write(&invocation, &note, Timestamp::now());
        answer
    }))
    .await
}

/// What was made, and how to make it again.
struct State<S, P> {
    prepare: P,
    /// How long it is used, if not for ever.
    fresh: Option<Duration>,
    made: Mutex<(Instant, Arc<S>)>,
}

impl<S, P: AsyncFn() -> Result<S, Error>> State<S, P> {
    async fn new(lasts: Lasts, prepare: P) -> Result<Self, Error> {
        let made = Mutex::new((Instant::now(), Arc::new(prepare().await?)));
        let fresh = match lasts {
            Lasts::Always => None,
            Lasts::AsSecretsDo => Some(SECRETS_FRESH),
        };
        Ok(Self { prepare, fresh, made })
    }

    async fn now(&self) -> Arc<S> {
        let mut made = self.made.lock().await;
        if self.fresh.is_some_and(|fresh| made.0.elapsed() > fresh) {
            match (self.prepare)().await {
                Ok(state) => *made = (Instant::now(), Arc::new(state)),
                // What there is may still be right. Not for each invocation again: they all would wait for it.
                Err(error) => {
                    tracing::warn!(%error, "it could not be made again");
                    made.0 = Instant::now();
                }
            }
        }
        made.1.clone()
    }
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

/// A fault of an operation, which is found by its id.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub(super) struct OperationFault {
    pub operation_id: Uuid,
    pub reason: String,
}

fn note_of(error: &Error) -> Note {
    let operation_id = error.downcast_ref::<OperationFault>().map(|fault| fault.operation_id);
    Note { outcome: "fault", operation_id, ..Note::default() }
}

/// An error as the runtime reports it: a kind that does not change, and a sentence.
fn diagnostic(error: &Error) -> lambda_runtime::Diagnostic {
    lambda_runtime::Diagnostic { error_type: "Fault".into(), error_message: error.to_string() }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn whoever_is_named_is_trusted_before_those_that_are_compiled_in() {
        assert_eq!(roots(true, false), Roots::CompiledIn);
        for (for_aws, are_named) in [(true, true), (false, false), (false, true)] {
            assert_eq!(roots(for_aws, are_named), Roots::System);
        }
    }

    #[tokio::test]
    async fn what_is_old_is_made_again_and_kept_where_that_fails() {
        let made = Cell::new(0);
        let prepare = async || {
            made.set(made.get() + 1);
            if made.get() == 3 { Err("no answer".into()) } else { Ok(made.get()) }
        };
        let mut state = State::new(Lasts::AsSecretsDo, prepare).await.unwrap();
        assert_eq!((*state.now().await, *state.now().await), (1, 1));
        state.fresh = Some(Duration::ZERO);
        let seen = [*state.now().await, *state.now().await, *state.now().await];
        assert_eq!(seen, [2, 2, 4], "the third could not be made");
        state.fresh = Some(Duration::from_mins(1));
        made.set(2);
        state.made.get_mut().0 -= Duration::from_mins(2);
        let seen = [*state.now().await, *state.now().await];
        assert_eq!((seen, made.get()), ([4, 4], 3), "who fails is left alone for a while");
    }
}
