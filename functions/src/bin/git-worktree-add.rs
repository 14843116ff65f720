//! The function `git-worktree-add`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("worktree-add")
}
