//! The function `git-stash-drop`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("stash-drop")
}
