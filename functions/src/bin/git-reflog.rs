//! The function `git-reflog`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("reflog")
}
