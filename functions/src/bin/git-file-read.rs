//! The function `git-file-read`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("file-read")
}
