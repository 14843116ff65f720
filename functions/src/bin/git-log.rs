//! The function `git-log`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("log")
}
