//! The function `git-file-write`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("file-write")
}
