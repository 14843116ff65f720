//! The function `git-doctor`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("doctor")
}
