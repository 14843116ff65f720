//! The function `git-merge-preview`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("merge-preview")
}
