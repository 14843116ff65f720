//! The whole door on a real host: HTTP, envd, real processes, a real ledger.
//!
//! It has its own `main` because the host starts this same program again as each sandbox's envd.

#![allow(clippy::unwrap_used)] // a panic is the report of a test

mod cable;
mod ground;
mod life;
mod run;

use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;
use std::time::Duration;

type Case = (&'static str, fn() -> Pin<Box<dyn Future<Output = ()>>>);

macro_rules! cases {
    ($($module:ident::$name:ident,)*) => {
        const CASES: &[Case] = &[$((stringify!($name), || Box::pin($module::$name())),)*];
    };
}

cases! {
    life::a_sandbox_is_opened_leased_used_and_killed_and_the_ledger_tells_it_in_order,
    life::a_paused_sandbox_says_so_and_runs_again_after_it_was_resumed,
    life::a_sandbox_that_cannot_be_recorded_does_not_live,
    life::no_more_sandboxes_than_allowed_is_a_quota,
    life::what_ledger_and_host_disagree_about_is_put_right,
    life::a_wrong_key_is_told_as_such,
    life::a_look_records_what_the_host_says_and_never_twice,
    life::a_sandbox_for_the_pool_is_nobodys_until_somebody_takes_it,
    life::a_kept_sandbox_lives_longer_and_never_shorter_also_while_somebody_has_it,
    run::a_plan_runs_in_one_process_and_its_output_comes_back_whole,
    run::a_credential_is_there_for_the_plan_and_gone_after_it,
    run::a_credential_is_removed_when_the_plan_cannot_start,
    run::what_takes_too_long_is_stopped_and_cleaned_up,
    run::what_only_looks_is_stopped_too,
    run::a_run_that_nobody_waits_for_still_ends,
    run::a_sandbox_that_dies_under_a_run_is_lost_and_afterwards_unknown,
    run::a_cut_stream_is_found_again_and_is_not_taken_for_a_success,
    run::all_that_is_asked_for_a_run_says_which_trace_it_is_for,
    run::a_forgotten_token_is_asked_for_again,
    run::a_sandbox_that_is_silent_is_not_waited_for_for_ever,
}

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|word| word == "sandbox-envd") {
        return gitledger_sandbox_host::envd_main();
    }
    let words: Vec<_> = arguments.iter().filter(|word| !word.starts_with('-')).collect();
    let wanted = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));
    for (name, case) in CASES.iter().filter(|(name, _)| wanted(name)) {
        // A runtime each: what a case leaves behind ends with it. A panic ends the program, which fails it.
        println!("test {name}");
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let limited = async { tokio::time::timeout(Duration::from_mins(2), case()).await };
        assert!(runtime.block_on(limited).is_ok(), "{name} does not end");
    }
    ExitCode::SUCCESS
}
