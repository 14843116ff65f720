//! The function `git-status`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("status")
}
