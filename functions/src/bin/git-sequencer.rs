//! The function `git-sequencer`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("sequencer")
}
