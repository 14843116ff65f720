//! Habits of this project that no compiler checks.

use std::fs;
use std::path::{Path, PathBuf};

use gitledger_tests::workspace;

/// A file longer than this holds more than one thing.
const LINES_MAX: usize = 400;
/// Drawers for what was not thought through.
const DRAWERS: [&str; 8] = ["utils", "util", "common", "core", "helpers", "helper", "manager", "misc"];
/// What is left over from trying things out.
const LEFTOVERS: [&str; 4] =
    [concat!("todo", "!("), concat!("dbg", "!("), concat!("unimple", "mented!("), concat!("FIX", "ME")];
/// Directories of one machine. `/home/user` is the home in every sandbox.
const PLACES: [&str; 2] = [concat!("/ho", "me/"), concat!("/wo", "rk")];
const SANDBOX_HOME: &str = "/home/user";
/// Files that people write.
const WRITTEN: [&str; 9] = ["rs", "toml", "md", "json", "yaml", "yml", "py", "sh", "js"];

/// Every file of the project, without what is built and what tools keep.
fn files() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut dirs = vec![workspace::root().to_path_buf()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).expect("a directory") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_symlink()
                || name.starts_with('.')
                || ["target", "node_modules"].contains(&name.as_str())
            {
                continue;
            }
            if path.is_dir() { dirs.push(path) } else { found.push(path) }
        }
    }
    assert!(found.len() > 100, "only {} files were found", found.len());
    found
}

fn has_extension(file: &Path, wanted: &[&str]) -> bool {
    file.extension().is_some_and(|found| wanted.iter().any(|wanted| found == *wanted))
}

fn shown(file: &Path) -> String {
    file.strip_prefix(workspace::root()).unwrap_or(file).display().to_string()
}

/// Every text file with what breaks the rule in it; the complaints must be none.
fn none_of(rule: &str, complaints: impl Fn(&Path, &str) -> Vec<String>) {
    let broken: Vec<String> = files()
        .iter()
        .filter(|file| has_extension(file, &WRITTEN))
        .flat_map(|file| {
            let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", shown(file)));
            complaints(file, &text)
                .into_iter()
                .map(|what| format!("{}: {what}", shown(file)))
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(broken.is_empty(), "{rule}:\n{}", broken.join("\n"));
}

fn lines_with(text: &str, is_wrong: impl Fn(&str) -> bool) -> Vec<String> {
    let numbered = text.lines().enumerate().filter(|(_, line)| is_wrong(line));
    numbered.map(|(number, line)| format!("line {}: {}", number + 1, line.trim())).collect()
}

#[test]
fn every_source_file_begins_by_saying_what_it_is() {
    none_of("the first line of a Rust file is `//! ...`", |file, text| {
        let says = text.lines().next().is_some_and(|line| line.len() > 10 && line.starts_with("//! "));
        if has_extension(file, &["rs"]) && !says { vec!["says nothing".to_owned()] } else { Vec::new() }
    });
}

#[test]
fn no_source_file_is_too_long_for_one_thing() {
    none_of("one concept per file", |file, text| {
        let lines = text.lines().count();
        let too_long = has_extension(file, &["rs", "py", "sh"]) && lines > LINES_MAX;
        if too_long { vec![format!("{lines} lines, more than {LINES_MAX}")] } else { Vec::new() }
    });
}

#[test]
fn nothing_is_named_like_a_drawer() {
    let wrong: Vec<String> = files()
        .iter()
        .filter(|file| {
            let inside = file.strip_prefix(workspace::root()).unwrap_or(file).with_extension("");
            inside.iter().any(|name| DRAWERS.iter().any(|drawer| name == *drawer))
        })
        .map(|file| shown(file))
        .collect();
    assert!(wrong.is_empty(), "names must say what is inside: {wrong:#?}");
}

#[test]
fn nothing_is_left_over_from_trying_things_out() {
    none_of("finish it or take it out", |file, text| {
        if !has_extension(file, &["rs", "py", "sh"]) {
            return Vec::new();
        }
        lines_with(text, |line| LEFTOVERS.iter().any(|leftover| line.contains(leftover)))
    });
}

/// A path that starts with a place: neither a longer name nor the end of another path.
fn names_a_place(line: &str) -> bool {
    let line = line.replace(SANDBOX_HOME, "");
    PLACES.iter().any(|place| {
        line.match_indices(place).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            let after = line[at + place.len()..].chars().next();
            let starts = !before.is_some_and(|c| c.is_alphanumeric() || ".}_-/>".contains(c));
            starts
                && (place.ends_with('/') || !after.is_some_and(|c| c.is_alphanumeric() || "_-.".contains(c)))
        })
    })
}

#[test]
fn no_directory_of_one_machine_is_named() {
    none_of("paths are relative, given or found", |_, text| lines_with(text, names_a_place));
}

#[test]
fn a_place_is_told_from_what_looks_like_one() {
    let [home, work] = PLACES;
    for wrong in
        [format!("cd {home}tess/x"), format!("\"{work}\""), format!("in {work}/main."), format!("`{work}/x`")]
    {
        assert!(names_a_place(&wrong), "{wrong}");
    }
    for fine in [
        format!("{SANDBOX_HOME}/{work}space"),
        format!("acme{work}"),
        format!("{work}space"),
        format!("a/{work}"),
    ] {
        assert!(!names_a_place(&fine), "{fine}");
    }
}
