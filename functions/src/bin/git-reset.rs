//! The function `git-reset`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("reset")
}
