//! The function `sandbox-warm`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("sandbox-warm")
}
