//! The function `git-revert`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("revert")
}
