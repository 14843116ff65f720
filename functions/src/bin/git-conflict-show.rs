//! The function `git-conflict-show`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("conflict-show")
}
