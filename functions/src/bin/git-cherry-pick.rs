//! The function `git-cherry-pick`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("cherry-pick")
}
