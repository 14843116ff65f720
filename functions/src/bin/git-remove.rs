//! The function `git-remove`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("remove")
}
