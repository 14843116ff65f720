//! What a hostile caller writes into a field: options, shell text, transports, revisions, paths.

/// Values that would touch `canary` or read `secret` where they are taken for more than a value.
pub fn values(canary: &str, secret: &str) -> Vec<String> {
    let touch = format!("touch {canary}");
    let mut all = options(&touch, canary, secret);
    all.extend(shell(&touch, canary));
    all.extend(transports(&touch, secret));
    all.extend(revisions_and_paths(secret));
    // The same, where a value is trimmed, quoted, or joined to something before it is used.
    let dressed: Vec<String> = all
        .iter()
        .flat_map(|value| {
            [format!(" {value}"), format!("main {value}"), format!("x\n{value}"), format!("'{value}'")]
        })
        .collect();
    all.extend(dressed);
    all
}

fn options(touch: &str, canary: &str, secret: &str) -> Vec<String> {
    let run = [
        "--upload-pack=",
        "--receive-pack=",
        "-u",
        "-u ",
        "--exec=",
        "--exec-path=",
        "-x ",
        "-ccore.sshCommand=",
        "--config=core.sshCommand=",
        "--config=core.fsmonitor=",
        "-ccore.pager=",
        "-cprotocol.ext.allow=always -cx=",
        "--open-files-in-pager=",
        "-O",
        "--strategy=",
        "-s ",
        "-X",
        "--gpg-sign=",
        "--server-option=",
        "--config-env=core.pager=",
        "--ext-diff=",
        "--editor=",
        "--sign=",
        "-S",
        "--run=",
        "--remote=ext::sh -c ",
    ];
    let file = [
        "--output=",
        "-o",
        "-o ",
        "--output-directory=",
        "--separate-git-dir=",
        "--git-dir=",
        "--work-tree=",
        "--template=",
        "--reference=",
        "--bundle-uri=",
        "--index-file=",
        "--export-marks=",
        "--import-marks=",
    ];
    let read = [
        "--file=",
        "-F",
        "-F ",
        "--contents=",
        "--pathspec-from-file=",
        "--patch-file=",
        "-f",
        "--no-index /dev/null ",
        "--exclude-from=",
        "-X ",
        "--ignore-revs-file=",
        "--attr-source=",
        "--super-prefix=",
        "-t",
        "--refmap=",
    ];
    let bare = [
        "--",
        "-",
        "--help",
        "--orphan",
        "--detach",
        "--mirror",
        "--all",
        "--force",
        "--delete",
        "-D",
        "--prune",
        "--tags",
        "--end-of-options",
        "--stdin",
        "--textconv",
        "--no-textconv",
        "--interactive",
        "-i",
        "-p",
        "--edit",
        "--bare",
        "--amend",
        "--hard",
        "--recurse-submodules",
        "--pathspec-file-nul",
        "--no-verify",
        "--allow-empty",
    ];
    let of =
        |flags: &[&str], value: &str| flags.iter().map(|flag| format!("{flag}{value}")).collect::<Vec<_>>();
    [of(&run, touch), of(&file, canary), of(&read, secret), of(&bare, "")].concat()
}

fn shell(touch: &str, canary: &str) -> Vec<String> {
    vec![
        format!("$({touch})"),
        format!("`{touch}`"),
        format!(";{touch}"),
        format!("|{touch}"),
        format!("||{touch}"),
        format!("&&{touch}"),
        format!("&{touch}&"),
        format!("\n{touch}\n"),
        format!("';{touch};'"),
        format!("\";{touch};\""),
        format!(">{canary}"),
        format!("x>{canary}"),
        format!("${{IFS}};{touch}"),
        format!("$(({touch}))"),
        format!("a[$({touch})]"),
        format!("!{touch}"),
        format!("() {{ :; }}; {touch}"),
        format!("%x00$({touch})"),
        format!("x\\\n;{touch}"),
        format!("<({touch})"),
    ]
}

fn transports(touch: &str, secret: &str) -> Vec<String> {
    let escaped = touch.replace(' ', "% ");
    vec![
        format!("ext::sh -c {escaped}"),
        format!("ext::{escaped}"),
        format!("fd::7,{touch}"),
        format!("ssh://-oProxyCommand={touch}/x"),
        format!("-oProxyCommand={touch}"),
        format!("git@-oProxyCommand={touch}:x"),
        format!("file://{secret}"),
        format!("file:{secret}"),
        secret.to_owned(),
        "git://127.0.0.1/x".to_owned(),
        "http://127.0.0.1:1/x".to_owned(),
        "https://user:secret@github.com/a/b".to_owned(),
        "https://github.com/a/b --config=x".to_owned(),
        "::1".to_owned(),
    ]
}

fn revisions_and_paths(secret: &str) -> Vec<String> {
    let mut all: Vec<String> = [
        "HEAD^{/x}",
        ":/x",
        "a..b",
        "a...b",
        "^HEAD",
        "@{-1}",
        "@{u}",
        "HEAD@{0}",
        "HEAD~1",
        "stash@{0}",
        "+main",
        ":main",
        "main:main",
        "refs/heads/--upload-pack=x",
        "refs/heads/*",
        "*",
        ":(top)f",
        ":(glob)**",
        ":!f",
        ":/",
        "../x",
        "../../../../etc/passwd",
        "/etc/passwd",
        "~/.bashrc",
        "~root",
        ".git/config",
        ".GIT/config",
        ".git/hooks/post-commit",
        "a/../../x",
        "..",
        ".",
        "./..",
        ".git\\config",
        "git~1/config",
        ".git /config",
        "a//b",
        "f\u{0}g",
        "\u{202e}f",
        "f\u{1b}[2J",
        "x.lock",
        "@",
        "CON",
    ]
    .map(str::to_owned)
    .to_vec();
    all.push(format!("..{secret}"));
    all
}
