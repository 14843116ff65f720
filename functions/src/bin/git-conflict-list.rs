//! The function `git-conflict-list`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("conflict-list")
}
