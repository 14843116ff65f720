//! The function `operation-get`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("operation-get")
}
