//! The function `authorizer`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::authorizer()
}
