//! The function `sandbox-create`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("sandbox-create")
}
