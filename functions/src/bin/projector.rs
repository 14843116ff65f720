//! The function `projector`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::projector()
}
