//! The function `git-add`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("add")
}
