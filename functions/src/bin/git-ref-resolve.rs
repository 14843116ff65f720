//! The function `git-ref-resolve`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("ref-resolve")
}
