//! The function `git-branch-list`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("branch-list")
}
