//! The function `git-worktree-remove`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("worktree-remove")
}
