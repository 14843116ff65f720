//! A shell that was given the program's completions completes operations, flags and choices.

use std::process::Command;

use gitledger_operations::table::{OPERATIONS, SANDBOX_OPERATIONS};
use gitledger_tests::Setup;

/// What bash offers for the last of these words.
fn offered(words: &[&str]) -> Vec<String> {
    const ASK: &str = r#"
        source "$1" || exit
        shift
        COMP_WORDS=("$@")
        COMP_CWORD=$(($# - 1))
        complete -p gitledger > /dev/null || exit
        _gitledger gitledger "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' "${COMPREPLY[@]}"
    "#;
    let setup = Setup::new();
    let script = setup.run(&["completions", "bash"]);
    assert!(script.status.success());
    let file = setup.data().with_file_name("completions.bash");
    std::fs::write(&file, script.stdout).expect("written");
    let bash = Command::new("bash").args(["--norc", "-c", ASK, "bash"]).arg(&file).args(words).output();
    let output = bash.expect("bash");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_the_beginning_of_an_operation() {
    let found = offered(&["gitledger", "git", "st"]);
    assert!(found.iter().any(|word| word == "status"), "{found:?}");
    assert!(found.iter().all(|word| word.starts_with("st")), "{found:?}");
}

#[test]
fn bash_knows_every_operation_its_flags_and_its_choices() {
    for (family, operations) in [("git", OPERATIONS), ("sandbox", SANDBOX_OPERATIONS)] {
        let found = offered(&["gitledger", family, ""]);
        for operation in operations {
            let verb = operation.words().1;
            assert!(found.iter().any(|word| word == verb), "{verb}: {found:?}");
        }
    }
    assert_eq!(offered(&["gitledger", "git", "diff", "--context"]), ["--context-lines"]);
    assert_eq!(offered(&["gitledger", "git", "diff", "--detail", "s"]), ["stat"]);
}

#[test]
fn every_shell_that_is_promised_gets_a_script() {
    let setup = Setup::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = setup.run(&["completions", shell]);
        let script = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && script.contains("branch-list"), "{shell}");
    }
}
