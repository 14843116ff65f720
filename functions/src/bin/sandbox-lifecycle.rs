//! The function `sandbox-lifecycle`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("sandbox-lifecycle")
}
