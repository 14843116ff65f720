//! The function `git-stash-pop`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("stash-pop")
}
