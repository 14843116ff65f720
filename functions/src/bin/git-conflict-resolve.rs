//! The function `git-conflict-resolve`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("conflict-resolve")
}
