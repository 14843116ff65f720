//! The function `git-commit`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("commit")
}
