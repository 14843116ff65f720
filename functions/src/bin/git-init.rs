//! The function `git-init`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("init")
}
