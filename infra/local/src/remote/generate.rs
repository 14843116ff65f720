//! A made-up Rust project with a history, as a `git fast-import` stream; a pure function of three numbers.
//!
//! The history is one line of commits with one annotated tag: merges are deliberately absent.

use std::io::{self, Write};

const WORDS: &[&str] = &[
    "account", "batch", "buffer", "cache", "client", "cursor", "decode", "digest", "filter", "frame",
    "graph", "index", "ledger", "limit", "merge", "packet", "parse", "queue", "range", "record", "route",
    "schema", "stream", "token",
];
const AUTHORS: &[(&str, &str)] = &[
    ("Ada Moreno", "ada@example.com"),
    ("Ben Okafor", "ben@example.com"),
    ("Chiara Lind", "chiara@example.com"),
    ("Dmitri Hale", "dmitri@example.com"),
];
const VERBS: &[&str] = &["add", "check", "fix", "move", "rename", "simplify", "speed up", "test"];
/// The files that every project starts with.
const FIRST_FILES: &[&str] = &[
    "README.md",
    "Cargo.toml",
    ".gitignore",
    "LICENSE",
    "src/lib.rs",
    "src/main.rs",
    ".github/workflows/ci.yml",
    "docs/index.md",
];
/// 2024-01-01T00:00:00Z, in seconds since 1970.
const FIRST_COMMIT_AT_S: u64 = 1_704_067_200;

/// Writes the stream: `commits` commits on `main` that end with `files` files.
pub(super) fn write_history(out: &mut impl Write, files: usize, commits: usize, seed: u64) -> io::Result<()> {
    let (files, commits) = (files.max(1), commits.max(1));
    let mut project = Project { chance: Chance(seed ^ 0x9E37_79B9_7F4A_7C15), contents: Vec::new() };
    let at_start = if commits == 1 { files } else { (files * 2 / 5).max(1) };
    let mut at_s = FIRST_COMMIT_AT_S;
    for commit in 0..commits {
        at_s += 600 + project.chance.below(40_000) as u64;
        project.head(out, commit, at_s)?;
        let existed = project.contents.len();
        let wanted = at_start + (files - at_start) * commit / (commits - 1).max(1);
        for index in existed..wanted {
            project.contents.push(first_content(&mut project.chance, index));
            project.put(out, index)?;
        }
        for _ in 0..if existed == 0 { 0 } else { 1 + project.chance.below(3) } {
            let index = project.chance.below(existed);
            project.edit(index, commit);
            project.put(out, index)?;
        }
        out.write_all(b"\n")?;
    }
    let tagged = commits.div_ceil(2);
    write!(out, "tag v0.1.0\nfrom :{tagged}\ntagger Ada Moreno <ada@example.com> {at_s} +0000\n")?;
    data(out, "the first release\n")?;
    out.write_all(b"done\n")
}

/// The project as of the last commit written.
struct Project {
    chance: Chance,
    /// Lines of each file.
    contents: Vec<Vec<String>>,
}

impl Project {
    fn head(&mut self, out: &mut impl Write, commit: usize, at_s: u64) -> io::Result<()> {
        let (name, email) = self.chance.one_of(AUTHORS);
        let (area, verb, what) =
            (self.chance.one_of(WORDS), self.chance.one_of(VERBS), self.chance.one_of(WORDS));
        let message = match commit {
            0 => "first commit\n".to_owned(),
            _ if commit.is_multiple_of(4) => {
                format!("{area}: {verb} {what} (#{commit})\n\nThe {what} was not bounded before.\n")
            }
            _ => format!("{area}: {verb} {what} (#{commit})\n"),
        };
        write!(out, "commit refs/heads/main\nmark :{}\n", commit + 1)?;
        for role in ["author", "committer"] {
            writeln!(out, "{role} {name} <{email}> {at_s} +0000")?;
        }
        data(out, &message)?;
        if commit > 0 { writeln!(out, "from :{commit}") } else { Ok(()) }
    }

    /// Changes one line and adds one that no other commit has, so that no commit is empty.
    fn edit(&mut self, index: usize, commit: usize) {
        let word = self.chance.one_of(WORDS);
        if let Some(lines) = self.contents.get_mut(index) {
            let (at, comment) = (self.chance.below(lines.len()), comment_of(index));
            if let Some(line) = lines.get_mut(at) {
                *line = format!("{comment} {word}: changed in step {commit}");
            }
            lines.insert(at, format!("{comment} {word}: see step {commit}"));
        }
    }

    fn put(&self, out: &mut impl Write, index: usize) -> io::Result<()> {
        let content = self.contents.get(index).map(|lines| lines.join("\n") + "\n").unwrap_or_default();
        writeln!(out, "M 100644 inline {}", path_of(index))?;
        data(out, &content)
    }
}

fn data(out: &mut impl Write, text: &str) -> io::Result<()> {
    write!(out, "data {}\n{text}\n", text.len())
}

/// Each index has its own path: two words count up together, and a number follows when they are used up.
fn path_of(index: usize) -> String {
    if let Some(first) = FIRST_FILES.get(index) {
        return (*first).to_owned();
    }
    let word = |number: usize| WORDS.get(number % WORDS.len()).copied().unwrap_or_default();
    let (a, b) = (word(index), word(index / WORDS.len()));
    let round = index / (WORDS.len() * WORDS.len());
    let name = if round == 0 { format!("{a}_{b}") } else { format!("{a}_{b}_{round}") };
    match index % 10 {
        0 | 1 => format!("docs/{b}/{name}.md"),
        2 => format!("tests/{name}.rs"),
        3 => format!("config/{b}/{name}.toml"),
        4..=6 => format!("src/{b}/{name}.rs"),
        _ => format!("src/{b}/{a}/{name}.rs"),
    }
}

fn comment_of(index: usize) -> &'static str {
    let path = path_of(index);
    match path.rsplit_once('.').map(|(_, kind)| kind) {
        Some("rs") => "//",
        Some("md") => "-",
        _ => "#",
    }
}

fn first_content(chance: &mut Chance, index: usize) -> Vec<String> {
    let comment = comment_of(index);
    let mut lines = vec![format!("{comment} {}", path_of(index))];
    for part in 0..4 + chance.below(12) {
        let (a, b) = (chance.one_of(WORDS), chance.one_of(WORDS));
        let number = chance.below(1000);
        lines.push(String::new());
        match comment {
            "//" => lines.extend([
                format!("/// Gives the {a} of a {b}."),
                format!("pub fn {a}_{b}_{part}({b}: u64) -> u64 {{"),
                format!("    let {a} = {b}.wrapping_mul({number});"),
                format!("    {a} ^ {b}"),
                "}".to_owned(),
            ]),
            "-" => lines.extend([
                format!("## The {a} and its {b}"),
                String::new(),
                format!("A {a} holds at most {number} of a {b}."),
            ]),
            _ => lines.push(format!("{a}_{b}_{part} = {number}")),
        }
    }
    lines
}

/// A linear congruential generator (Knuth's constants): the same numbers on every machine, for ever.
struct Chance(u64);

impl Chance {
    /// A number below `limit`; 0 for 0.
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or_default() % limit.max(1)
    }

    fn one_of<T: Copy + Default>(&mut self, all: &[T]) -> T {
        all.get(self.below(all.len())).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_files_share_a_path_and_no_file_is_another_ones_directory() {
        let paths: HashSet<String> = (0..3000).map(path_of).collect();
        assert_eq!(paths.len(), 3000);
        let is_dir = |path: &str| paths.iter().any(|other| other.starts_with(&format!("{path}/")));
        assert!(!paths.iter().take(300).any(|path| is_dir(path)));
    }
}
