//! The function `git-branch-delete`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("branch-delete")
}
