//! The function `sandbox-kill`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("sandbox-kill")
}
