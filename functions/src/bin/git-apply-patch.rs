//! The function `git-apply-patch`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("apply-patch")
}
