//! The function `git-tag-delete`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("tag-delete")
}
