//! The function `git-branch-rename`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("branch-rename")
}
