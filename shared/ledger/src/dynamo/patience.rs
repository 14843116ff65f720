//! Trying again: bounded, with full jitter. The SDK's own retries are off, because its budget of retries ends
//! at the rates of throttling that a burst meets.

use std::time::{Duration, Instant};

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use uuid::Uuid;

use super::failure::may_pass;

/// How often and how long a request is tried.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Tries in all.
    pub tries: u32,
    /// The longest pause after the first try; doubled after each further one.
    pub first_pause: Duration,
    /// No pause is longer.
    pub longest_pause: Duration,
    /// After so long there is no further try.
    pub in_all: Duration,
}

impl Default for Patience {
    /// At most about 4 s of pauses, 2 s on average: less than any caller waits.
    fn default() -> Self {
        Self {
            tries: 8,
            first_pause: Duration::from_millis(25),
            longest_pause: Duration::from_secs(1),
            in_all: Duration::from_secs(10),
        }
    }
}

impl Patience {
    /// Asks until there is an answer, an error that stays, or no patience.
    pub async fn ask<T, E, F>(self, mut request: impl FnMut() -> F) -> Result<T, Box<SdkError<E>>>
    where
        E: ProvideErrorMetadata,
        F: Future<Output = Result<T, SdkError<E>>>,
    {
        let began = Instant::now();
        let mut tried = 1;
        loop {
            match request().await {
                Ok(answer) => return Ok(answer),
                Err(error) if self.is_left(tried, began) && may_pass(&error) => {}
                Err(error) => return Err(Box::new(error)),
            }
            tokio::time::sleep(self.pause(tried)).await;
            tried += 1;
        }
    }

    fn is_left(self, tried: u32, began: Instant) -> bool {
        tried < self.tries && began.elapsed() < self.in_all
    }

    /// Anything between nothing and the longest pause after so many tries.
    fn pause(self, tried: u32) -> Duration {
        let longest =
            self.first_pause.saturating_mul(1 << tried.min(16).saturating_sub(1)).min(self.longest_pause);
        // The last 32 bits of such an id are random, which saves a source of randomness.
        let [.., a, b, c, d] = Uuid::now_v7().into_bytes();
        longest.mul_f64(f64::from(u32::from_be_bytes([a, b, c, d])) / f64::from(u32::MAX))
    }
}
