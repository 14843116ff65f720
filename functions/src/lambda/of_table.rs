//! The functions that there are only where the ledger is on DynamoDB. SQLite puts events in order by itself, and
//! `gitledger up` goes on with what it has begun.

use std::process::ExitCode;

#[cfg(feature = "aws")]
mod with {
    use std::process::ExitCode;
    use std::sync::Arc;

    use tokio::sync::Mutex;

    use crate::catalogue::{self, Needs};
    use crate::lambda::relay::{Relay, handle};
    use crate::lambda::serve::{Lasts, start};
    use crate::lambda::{dynamo, secrets, worlds};

    pub fn sequencer() -> ExitCode {
        let prepare = async || {
            let ledger = dynamo::warm(&secrets::settings(Needs::NONE).await?).await?;
            Ok(Mutex::new(ledger.sequencer()))
        };
        start("sequencer", Lasts::Always, prepare, async |sequencer, _, event| {
            dynamo::sequence(sequencer, event).await
        })
    }

    pub fn repair() -> ExitCode {
        let prepare = async || dynamo::warm(&secrets::settings(Needs::NONE).await?).await;
        start("repair", Lasts::Always, prepare, async |ledger, _, _| dynamo::repair(ledger).await)
    }

    pub fn retry_dlq() -> ExitCode {
        let prepare = async || Ok(Arc::new(dynamo::warm(&secrets::settings(Needs::NONE).await?).await?));
        start("retry-dlq", Lasts::Always, prepare, async |ledger, _, _| dynamo::retry(ledger).await)
    }

    pub fn relay() -> ExitCode {
        let prepare = async || {
            let needs = catalogue::find("relay").map_or(Needs::NONE, |function| function.needs);
            let settings = secrets::settings(needs).await?;
            let (aws, prefix) = (settings.aws.clone(), settings.function_prefix.clone());
            Ok(Relay { world: worlds::with(settings, needs).await?, aws, prefix })
        };
        start("relay", Lasts::Always, prepare, async |relay, _, event| handle(relay, event).await)
    }
}

#[cfg(not(feature = "aws"))]
mod with {
    use std::process::ExitCode;

    use crate::lambda::WITHOUT_AWS;

    fn refuse(function: &str) -> ExitCode {
        eprintln!("{function}: {WITHOUT_AWS}");
        ExitCode::FAILURE
    }

    pub fn sequencer() -> ExitCode {
        refuse("sequencer")
    }

    pub fn repair() -> ExitCode {
        refuse("repair")
    }

    pub fn retry_dlq() -> ExitCode {
        refuse("retry-dlq")
    }

    pub fn relay() -> ExitCode {
        refuse("relay")
    }
}

/// The sequencer: puts what was appended into one order.
pub fn sequencer() -> ExitCode {
    with::sequencer()
}

/// Repair: sequences what the table's stream has lost.
pub fn repair() -> ExitCode {
    with::repair()
}

/// Tries what the projector has parked once more.
pub fn retry_dlq() -> ExitCode {
    with::retry_dlq()
}

/// The relay: has somebody go on with every operation that was deferred.
pub fn relay() -> ExitCode {
    with::relay()
}
