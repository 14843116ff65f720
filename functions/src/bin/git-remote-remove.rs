//! The function `git-remote-remove`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("remote-remove")
}
