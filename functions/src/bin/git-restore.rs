//! The function `git-restore`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("restore")
}
