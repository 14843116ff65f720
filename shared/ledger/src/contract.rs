//! The promise as tests, the same for every engine.
//!
//! A test of an engine calls [`all`] with a maker of fresh ledgers, or runs the [`CASES`] one by one. A
//! broken promise is an `Err` that says which one; nothing in here panics.
//!
//! An engine whose positions come from a sequencer is tried together with it: whoever reads the whole ledger
//! through what `fresh` makes has sequenced everything that was appended before.

mod appending;
mod following;
mod limits;
mod projecting;
mod reading;
mod repeating;
pub mod sample;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use crate::{AppendError, Ledger, LedgerError};

/// How a promise was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken(String);

/// Kept, or how it was broken.
pub type Verdict = Result<(), Broken>;

/// A case that runs.
pub type Running = Pin<Box<dyn Future<Output = Verdict> + Send>>;

/// One promise.
#[derive(Clone, Copy)]
pub struct Case {
    /// The promise, as a sentence.
    pub name: &'static str,
    /// Tries it on a ledger that nobody else uses and that is empty.
    pub run: fn(Arc<dyn Ledger>) -> Running,
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// Declares a case: its name is its function's, read as a sentence.
macro_rules! cases {
    ($($module:ident :: $function:ident,)*) => {
        /// Every promise, simple ones first.
        pub const CASES: &[Case] = &[$(Case {
            name: stringify!($function),
            run: |ledger| Box::pin($module::$function(ledger)),
        },)*];
    };
}

cases! {
    appending::an_append_with_the_expected_version_happens,
    appending::a_conflict_names_the_actual_version_and_writes_nothing,
    appending::a_commit_of_several_events_is_appended_whole_and_in_order,
    appending::a_commit_of_more_than_a_hundred_events_is_appended,
    appending::of_many_that_expect_the_same_version_exactly_one_wins,
    repeating::a_repeated_commit_returns_the_first_result_also_after_later_ones,
    repeating::a_repeat_is_found_far_back_in_a_long_stream,
    repeating::a_commit_repeated_at_the_same_time_is_appended_once,
    repeating::the_same_commit_id_in_another_stream_is_another_commit,
    limits::a_commit_without_events_is_refused,
    limits::a_commit_with_too_many_events_is_refused,
    limits::an_oversized_event_is_refused_and_nothing_is_written,
    limits::an_oversized_commit_is_refused_and_nothing_is_written,
    limits::the_largest_allowed_event_is_kept,
    reading::a_stream_is_read_from_any_version,
    reading::every_field_of_an_event_comes_back_as_it_was,
    reading::text_of_any_kind_survives,
    reading::a_stream_over_a_megabyte_is_read_completely,
    reading::everything_is_read_in_order_page_by_page,
    reading::whoever_folds_reads_the_same_events_decoded,
    reading::readers_see_no_gap_while_many_write,
    following::a_wait_ends_within_100_ms_of_an_append,
    following::a_wait_that_is_over_says_so,
    following::a_wait_for_what_is_there_returns_at_once,
    projecting::state_and_position_are_saved_together_and_loaded_again,
    projecting::of_two_projectors_at_the_same_position_one_saves,
    projecting::another_version_of_a_projection_has_its_own_state,
    projecting::a_parked_event_is_listed_once_and_in_order,
}

/// Runs every case on a fresh ledger of its own. Names all promises that were broken, not only the first.
pub async fn all<F, Fut>(fresh: F) -> Verdict
where
    F: Fn() -> Fut,
    Fut: Future<Output = Arc<dyn Ledger>>,
{
    let mut broken = Vec::new();
    for case in CASES {
        if let Err(how) = (case.run)(fresh().await).await {
            broken.push(format!("{}: {how}", case.name));
        }
    }
    if broken.is_empty() { Ok(()) } else { Err(Broken(broken.join("\n"))) }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Broken {}

impl From<AppendError> for Broken {
    fn from(error: AppendError) -> Self {
        Self(format!("an append failed: {error}"))
    }
}

impl From<LedgerError> for Broken {
    fn from(error: LedgerError) -> Self {
        Self(format!("the ledger failed: {error}"))
    }
}

impl From<tokio::task::JoinError> for Broken {
    fn from(error: tokio::task::JoinError) -> Self {
        Self(format!("a task failed: {error}"))
    }
}

/// Breaks the case unless it holds.
fn ensure(holds: bool, what: impl Into<String>) -> Verdict {
    if holds { Ok(()) } else { Err(Broken(what.into())) }
}

/// Breaks the case unless both are the same.
#[allow(clippy::needless_pass_by_value)] // reads better where most are numbers
fn same<T: PartialEq + fmt::Debug>(what: &str, is: T, should_be: T) -> Verdict {
    if is == should_be { Ok(()) } else { Err(Broken(format!("{what}: {is:?}, not {should_be:?}"))) }
}
