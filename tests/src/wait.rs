//! Waiting for a condition, never for a time.

use std::time::{Duration, Instant};

/// What nothing here takes unless it hangs. Generous, because machines are slow and shared.
pub const PATIENCE: Duration = Duration::from_mins(2);

const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// Looks again and again until there is something to return; fails the test with these words after
/// [`PATIENCE`].
pub async fn until<T, F>(what: &str, mut look: F) -> T
where
    F: AsyncFnMut() -> Option<T>,
{
    let start = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "{what}: not within {} s", PATIENCE.as_secs());
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}
