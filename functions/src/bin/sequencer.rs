//! The function `sequencer`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::sequencer()
}
