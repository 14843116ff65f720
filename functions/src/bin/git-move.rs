//! The function `git-move`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("move")
}
