//! The function `git-tag-list`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("tag-list")
}
