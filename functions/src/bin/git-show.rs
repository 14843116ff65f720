//! The function `git-show`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("show")
}
