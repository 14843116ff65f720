//! The function `git-push`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("push")
}
