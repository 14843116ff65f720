//! The function `exporter`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::exporter()
}
