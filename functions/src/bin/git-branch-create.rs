//! The function `git-branch-create`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("branch-create")
}
