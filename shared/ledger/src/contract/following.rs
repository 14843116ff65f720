//! Following: waiting for what comes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::sample::{commit, stream};
use super::{Verdict, ensure, same};
use crate::{Expected, Ledger};

pub(super) async fn a_wait_ends_within_100_ms_of_an_append(ledger: Arc<dyn Ledger>) -> Verdict {
    let mut fastest = Duration::MAX;
    // The best of several: the promise is the ledger's, not a busy machine's.
    for id in 0..10 {
        let after = ledger.head().await?;
        let follower = tokio::spawn({
            let ledger = Arc::clone(&ledger);
            async move { (ledger.wait(after, Duration::from_secs(30)).await, Instant::now()) }
        });
        tokio::task::yield_now().await;
        ledger.append(commit(id, stream(1), Expected::Any)).await?;
        let appended = Instant::now();
        let (found, woken) = follower.await?;
        same("something came", found?, true)?;
        fastest = fastest.min(woken.saturating_duration_since(appended));
    }
    ensure(fastest <= Duration::from_millis(100), format!("the fastest follower took {fastest:?}"))
}

pub(super) async fn a_wait_that_is_over_says_so(ledger: Arc<dyn Ledger>) -> Verdict {
    let appended = ledger.append(commit(1, stream(1), Expected::Empty)).await?;
    for at_most in [Duration::ZERO, Duration::from_millis(30)] {
        same("something came", ledger.wait(appended.position.unwrap_or_default(), at_most).await?, false)?;
    }
    Ok(())
}

pub(super) async fn a_wait_for_what_is_there_returns_at_once(ledger: Arc<dyn Ledger>) -> Verdict {
    let before = ledger.head().await?;
    ledger.append(commit(1, stream(1), Expected::Empty)).await?;
    same("something is there", ledger.wait(before, Duration::ZERO).await?, true)?;
    same("also to a patient one", ledger.wait(before, Duration::from_hours(1)).await?, true)
}
