//! The function `git-clean`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("clean")
}
