//! The function `git-remote-list`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("remote-list")
}
