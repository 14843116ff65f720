//! The function `git-stash-push`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("stash-push")
}
