//! The function `git-compare`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("compare")
}
