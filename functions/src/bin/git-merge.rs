//! The function `git-merge`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("merge")
}
