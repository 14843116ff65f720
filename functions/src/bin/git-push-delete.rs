//! The function `git-push-delete`.

fn main() -> std::process::ExitCode {
    gitledger_functions::lambda::operation("push-delete")
}
