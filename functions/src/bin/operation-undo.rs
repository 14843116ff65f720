//! The function `operation-undo`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("operation-undo")
}
