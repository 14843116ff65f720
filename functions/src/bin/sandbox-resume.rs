//! The function `sandbox-resume`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("sandbox-resume")
}
