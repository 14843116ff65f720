//! The function `git-fetch`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("fetch")
}
