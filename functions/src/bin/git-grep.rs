//! The function `git-grep`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("grep")
}
