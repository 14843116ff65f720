//! How the functions for AWS are linked.

/// At an address of their own: the table of operations is full of pointers, and having each of them put right is a
/// seventh of a start (and of an artefact). Its price is that the program's own code lies where it always does; its
/// heap, stack and libraries do not, and nothing of ours is `unsafe`. Without SQLite is how `infra/aws/build` builds
/// them; what runs on one machine stays as it is.
fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let has = |feature: &str| std::env::var_os(format!("CARGO_FEATURE_{feature}")).is_some();
    let is_linux = std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux");
    if has("AWS") && !has("SQLITE") && is_linux {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
