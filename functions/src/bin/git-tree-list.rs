//! The function `git-tree-list`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("tree-list")
}
