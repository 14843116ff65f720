//! The function `git-diff`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("diff")
}
