//! The function `sandbox-get`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("sandbox-get")
}
