//! The function `feed`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::feed()
}
