//! The function `operation-cancel`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("operation-cancel")
}
