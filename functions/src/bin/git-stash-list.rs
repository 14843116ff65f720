//! The function `git-stash-list`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("stash-list")
}
