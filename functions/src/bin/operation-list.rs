//! The function `operation-list`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("operation-list")
}
