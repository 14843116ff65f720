//! The function `git-unstage`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("unstage")
}
