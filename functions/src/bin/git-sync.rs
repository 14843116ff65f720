//! The function `git-sync`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("sync")
}
