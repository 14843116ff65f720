//! The function `sandbox-keep-alive`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("sandbox-keep-alive")
}
