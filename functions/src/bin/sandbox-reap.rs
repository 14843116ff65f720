//! The function `sandbox-reap`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("sandbox-reap")
}
