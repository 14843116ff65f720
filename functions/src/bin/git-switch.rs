//! The function `git-switch`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("switch")
}
