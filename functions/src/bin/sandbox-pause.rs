//! The function `sandbox-pause`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("sandbox-pause")
}
