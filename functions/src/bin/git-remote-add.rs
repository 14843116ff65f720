//! The function `git-remote-add`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("remote-add")
}
