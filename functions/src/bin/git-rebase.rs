//! The function `git-rebase`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("rebase")
}
