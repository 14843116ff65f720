//! The function `retry-dlq`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::retry_dlq()
}
