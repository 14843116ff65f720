//! Repositories that are made to hurt whoever clones them: each is a script that runs in a bare repository.
//! `CANARY` is a file that must not appear, `SECRET` one that must not be read.

/// What the scripts have: `blob TEXT`, `tree` (of the lines `mode type id TAB name` that it reads), `raw TYPE`
/// (an object as it is written), `land TREE [MESSAGE]` (the next commit of `main`), `with MODE NAME TEXT` (lands
/// one more file, NAME as C writes it).
pub const TOOLS: &str = r#"
blob() { printf "$1" | git hash-object -w --stdin; }
tree() { git mktree; }
raw() { git hash-object -t "$1" -w --literally --stdin; }
hex() { printf "$(printf %s "$1" | sed 's/../\\x&/g')"; }
bare_entry() { printf "$1 $2\0"; hex "$3"; }
land() { git update-ref refs/heads/main "$(printf "${2:-x}" | git commit-tree -p refs/heads/main "$1")"; }
with() { { git ls-tree refs/heads/main; printf '%s blob %s\t"%s"\n' "$1" "$(blob "$3")" "$2"; } | tree >t; land "$(cat t)"; rm t; }
within() { inner=$(printf '%s blob %s\t%s\n' "$1" "$(blob "$4")" "$3" | tree)
  { git ls-tree refs/heads/main; printf '040000 tree %s\t"%s"\n' "$inner" "$2"; } | tree >t; land "$(cat t)"; rm t; }
link() { with 120000 "$1" "$2"; }
module() { with 100644 .gitmodules "$1"
  { git ls-tree refs/heads/main; printf '160000 commit %s\tsub\n' "$(git rev-parse refs/heads/main)"; } | git mktree --missing >t; land "$(cat t)"; rm t; }
entries() { { bare_entry 100644 f "$(git rev-parse refs/heads/main:f)"; cat; } | raw tree; }
commit() { printf "tree $(git rev-parse refs/heads/main^{tree})\nparent $(git rev-parse refs/heads/main)\n$1" | raw commit; }
"#;

/// Name and script.
pub const SPECIMENS: &[(&str, &str)] = &[
    ("a link to an absolute path outside", r"link secret SECRET"),
    ("a link out of the workspace", r"link secret ../../../../../../../../../..SECRET"),
    ("a link into .git", r"link config .git/config"),
    ("a link to the folder .git", r"link inner .git"),
    ("a link to the environment", r"link env /proc/self/environ"),
    ("links in a circle", r"link a b; link b a"),
    ("a link to the folder above", r"link up .."),
    ("a file .git", r"with 100644 .git 'gitdir: /tmp\n'"),
    ("a folder .git with a hook", r"within 100755 .git post-checkout '#!/bin/sh\ntouch CANARY\n'"),
    (".GIT", r"within 100644 .GIT config '[core]\n\tfsmonitor = touch CANARY\n'"),
    (".git with a space at the end", r"within 100644 '.git ' config '[core]\n\tfsmonitor = touch CANARY\n'"),
    (".git with a dot at the end", r"within 100644 .git. config x"),
    ("git~1", r"within 100644 'git~1' config x"),
    (".git with a code point that HFS+ ignores", r"within 100644 '.g\342\200\214it' config x"),
    (".git as a stream of NTFS", r"within 100644 '.git::$INDEX_ALLOCATION' config x"),
    (".git with a backslash", r"with 100644 '.git\\config' x"),
    ("a folder ..", r"land $(bare_entry 40000 .. $(git rev-parse main^{tree}) | entries)"),
    ("a folder .", r"land $(bare_entry 40000 . $(git rev-parse main^{tree}) | entries)"),
    ("a name with a slash", r"land $(bare_entry 100644 ../../x $(git rev-parse main:f) | entries)"),
    ("an absolute name", r"land $(bare_entry 100644 CANARY $(git rev-parse main:f) | entries)"),
    ("an empty name", r"land $(bare_entry 100644 '' $(git rev-parse main:f) | entries)"),
    ("the same name twice", r"land $(bare_entry 100644 f $(git rev-parse main:g) | entries)"),
    (
        "a link and a folder of one name",
        r"t=$(git rev-parse main^{tree}); land $({ bare_entry 120000 z $(blob .git); bare_entry 40000 z $t; } | entries)",
    ),
    (".gitmodules that is a link", r"link .gitmodules SECRET"),
    (
        "a submodule by ext::",
        r"module '[submodule \042sub\042]\n\tpath = sub\n\turl = ext::sh -c touch%% CANARY\n'",
    ),
    (
        "a submodule whose address is an option",
        r"module '[submodule \042sub\042]\n\tpath = sub\n\turl = --upload-pack=touch CANARY\n'",
    ),
    (
        "a submodule whose name leads out",
        r"module '[submodule \042../../x\042]\n\tpath = sub\n\turl = ./x\n'",
    ),
    (
        "a submodule whose path ends with CR",
        r"module '[submodule \042sub\042]\n\tpath = \042sub\r\042\n\turl = ./x\n'",
    ),
    (
        "a submodule that runs a command",
        r"module '[submodule \042sub\042]\n\tpath = sub\n\turl = ./x\n\tupdate = !touch CANARY\n'",
    ),
    (
        "a submodule of nobody",
        r"{ git ls-tree main; printf '160000 commit %s\tsub\n' $(git rev-parse main); } | git mktree --missing >t; land $(cat t)",
    ),
    (".gitattributes that is a link", r"link .gitattributes SECRET"),
    (
        "attributes that call filters and drivers",
        r"with 100644 .gitattributes '* filter=lfs diff=evil merge=evil working-tree-encoding=EVIL ident text eol=crlf\n'",
    ),
    (".mailmap and .gitignore that are links", r"link .mailmap SECRET; link .gitignore SECRET"),
    (
        ".lfsconfig",
        r"with 100644 .lfsconfig '[lfs]\n\turl = http://127.0.0.1:1/\n[lfs \042customtransfer.x\042]\n\tpath = touch CANARY\n'; with 100644 .gitattributes '* filter=lfs diff=lfs merge=lfs -text\n'",
    ),
    (
        "a bare repository in a folder",
        r"config=$(blob '[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tfsmonitor = touch CANARY\n\tworktree = ..\n'); keep=$(blob ''); empty=$(printf '100644 blob %s\tkeep\n' $keep | tree)
      head=$(blob 'ref: refs/heads/main\n'); inner=$(printf '100644 blob %s\tHEAD\n100644 blob %s\tconfig\n040000 tree %s\tobjects\n040000 tree %s\trefs\n' $head $config $empty $empty | tree)
      { git ls-tree main; printf '040000 tree %s\tbare\n' $inner; } | tree >t; land $(cat t)",
    ),
    (
        "a working tree that is a bare repository",
        r"config=$(blob '[core]\n\tbare = true\n\tfsmonitor = touch CANARY\n'); empty=$(printf '100644 blob %s\tkeep\n' $(blob '') | tree)
      { git ls-tree main; printf '100644 blob %s\tHEAD\n100644 blob %s\tconfig\n040000 tree %s\tobjects\n040000 tree %s\trefs\n' $(blob 'ref: refs/heads/main\n') $config $empty $empty; } | tree >t; land $(cat t)",
    ),
    ("a name with a terminal's escapes", r"with 100644 'x\033]0;owned\007\033[2Jy' x"),
    ("a name that is shown backwards", r"with 100644 'invoice\342\200\256fdp.sh' x"),
    ("a name of several lines", r"with 100644 'a\nb\tc\r\nremote: GH006' x"),
    ("a name with C1 and DEL", r"with 100644 'a\302\2332J\177' x"),
    ("a name that is not UTF-8", r"with 100644 'a\377\376b' x"),
    ("a name that is too long", r#"with 100644 "$(head -c 300 /dev/zero | tr '\0' x)" x"#),
    (
        "folders in folders in folders",
        r"t=$(git rev-parse main^{tree}); for i in $(seq 60); do t=$(printf '040000 tree %s\t%s\n' $t $(head -c 90 /dev/zero | tr '\0' d) | tree); done; land $t",
    ),
    (
        "names that are options",
        r"with 100644 --output=canary x; with 100644 -O x; with 100644 '--upload-pack=touch canary' x",
    ),
    (
        "names that are pathspecs",
        r"with 100644 ':(top)f' x; with 100644 ':!f' x; with 100644 '*' x; with 100644 ':0:f' x",
    ),
    (
        "names that differ in case only",
        r"with 100644 F x; within 100755 Hooks post-checkout x; link hooks .git/hooks",
    ),
    (
        "a name that is a shell's command",
        r"with 100644 '$(touch canary)' x; with 100644 ';touch canary;' x; with 100644 '`touch canary`' x",
    ),
    (
        "a message with a terminal's escapes",
        r"land $(git rev-parse main^{tree}) '\033]0;owned\007\033[2J\342\200\256x\n\n\302\2332J\n'",
    ),
    (
        "an author with a terminal's escapes",
        r"git update-ref refs/heads/main $(commit 'author \033[2J\342\200\256e <\033]0;x\007@x> 1700000000 +0000\ncommitter c <c@x> 1700000000 +0000\n\nx\n')",
    ),
    (
        "an author who writes further lines",
        r"git update-ref refs/heads/main $(commit 'author a\rb <a@x> 1700000000 +0000\ncommitter c <c@x> 1700000000 +0000\nencoding \033[2J\n\nx\n')",
    ),
    (
        "a message with a NUL",
        r"git update-ref refs/heads/main $(commit 'author a <a@x> 1700000000 +0000\ncommitter c <c@x> 1700000000 +0000\n\na\0b\n')",
    ),
    (
        "a time that no clock has",
        r"git update-ref refs/heads/main $(commit 'author a <a@x> 99999999999999999999 +9999\ncommitter c <c@x> 99999999999999999999 +9999\n\nx\n')",
    ),
    ("a commit without an author", r"git update-ref refs/heads/main $(commit '\nx\n')"),
    (
        "a commit with a signature of escapes",
        r"git update-ref refs/heads/main $(commit 'author a <a@x> 1700000000 +0000\ncommitter c <c@x> 1700000000 +0000\ngpgsig -----BEGIN\033[2J\n x\n\nx\n')",
    ),
    (
        "a message of a megabyte",
        r"head -c 1000000 /dev/zero | tr '\0' x >m; git update-ref refs/heads/main $(git commit-tree -p main -F m main^{tree})",
    ),
    (
        "modes that are none",
        r"land $({ bare_entry 100777 h $(git rev-parse main:f); bare_entry 140000 i $(git rev-parse main:f); } | entries)",
    ),
    (
        "a tree that is not sorted",
        r"land $({ bare_entry 100644 b $(git rev-parse main:f); bare_entry 100644 a $(git rev-parse main:f); } | entries)",
    ),
    ("a tree that ends in the middle", r"land $(printf '100644 x\0abc' | raw tree)"),
    (
        "a file that the server does not have",
        r"land $(bare_entry 100644 gone 1234567890123456789012345678901234567890 | entries)",
    ),
    (
        "branches that are options",
        r"git update-ref 'refs/heads/--upload-pack=x' main; git update-ref refs/heads/-x main; git update-ref refs/tags/--output=canary main",
    ),
    (
        "branches with bidirectional marks and C1",
        r#"git update-ref "$(printf 'refs/heads/a\342\200\256b')" main; git update-ref "$(printf 'refs/heads/a\302\2332Jb')" main; git update-ref "$(printf 'refs/tags/a\342\200\256b')" main"#,
    ),
    (
        "branches with control bytes",
        r"git pack-refs --all; printf '%s refs/heads/a\033[2Jb\n' $(git rev-parse main) >>packed-refs",
    ),
    (
        "a branch named like a command",
        r"git update-ref 'refs/heads/$(touch${IFS}canary)' main; git update-ref 'refs/heads/;touch${IFS}x' main",
    ),
    (
        "tags of files and folders",
        r"git update-ref refs/tags/blob $(git rev-parse main:f); git update-ref refs/tags/tree $(git rev-parse main^{tree}); git tag -a -m x of-blob main:f",
    ),
    (
        "a tag with escapes",
        r"git update-ref refs/tags/t $(printf 'object %s\ntype commit\ntag t\ntagger \033[2J\342\200\256 <x@x> 1700000000 +0000\n\n\033]0;owned\007\n' $(git rev-parse main) | raw tag)",
    ),
    (
        "a tag without a tagger",
        r"git update-ref refs/tags/t $(printf 'object %s\ntype commit\ntag t\n\nx\n' $(git rev-parse main) | raw tag)",
    ),
    (
        "a tag that is another",
        r"git update-ref refs/tags/t $(printf 'object %s\ntype tree\ntag ../x\n\nx\n' $(git rev-parse main) | raw tag)",
    ),
    (
        "HEAD on a branch that is an option",
        r"git update-ref refs/heads/--x main; git symbolic-ref HEAD refs/heads/--x",
    ),
    ("HEAD on nothing", r"git symbolic-ref HEAD refs/heads/nowhere"),
    ("HEAD on a tag", r"git update-ref refs/tags/t main; git symbolic-ref HEAD refs/tags/t"),
    (
        "replacements",
        r"git update-ref refs/replace/$(git rev-parse main) main~1; git update-ref refs/notes/commits main",
    ),
    ("a commit of nothing", r"land $(printf '' | tree)"),
    (
        "a hook that speaks in escapes and declines",
        r#"printf '#!/bin/sh\nprintf "\\033]0;owned\\007\\033[2J\\342\\200\\256no\\n" >&2\nexit 1\n' >hooks/pre-receive; chmod 755 hooks/pre-receive"#,
    ),
    (
        "a hook that pretends to be git",
        r#"printf '#!/bin/sh\nprintf "fatal: Authentication failed\\rerror: \\033[1A\\n"\n' >hooks/post-receive; chmod 755 hooks/post-receive"#,
    ),
];
