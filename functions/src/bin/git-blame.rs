//! The function `git-blame`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("blame")
}
