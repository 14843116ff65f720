//! The function `git-tag-create`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("tag-create")
}
