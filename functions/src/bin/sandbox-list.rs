//! The function `sandbox-list`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("sandbox-list")
}
