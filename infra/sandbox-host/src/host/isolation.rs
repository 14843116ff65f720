//! What a sandbox sees of the machine: with bwrap, `/usr` and its own directory.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::storage;
use crate::settings::MARKER;

/// The parts of `/etc` that tools need: certificates, names of hosts, the linker's cache, the time zone.
const FROM_ETC: [&str; 10] = [
    "alternatives",
    "ca-certificates",
    "crypto-policies",
    "hosts",
    "ld.so.cache",
    "localtime",
    "nsswitch.conf",
    "pki",
    "resolv.conf",
    "ssl",
];
/// Links into `/usr` on merged systems, directories on others.
const BESIDE_USR: [&str; 4] = ["/bin", "/lib", "/lib64", "/sbin"];
/// Room for files and directories that a sandbox makes beside those that are there: E2B's users may, so they do.
const TOP_BYTES: &str = "67108864";
/// Where the program that runs envd is seen.
const PROGRAM: &str = "/run/gitledger/envd";

/// Parts of `/proc` that set something on the machine. Without a capability nobody but root may write there,
/// but to the kernel a sandbox's user *is* root when the host runs as root, and bwrap covers only some.
const SETTINGS_IN_PROC: [&str; 7] = ["acpi", "fs", "mtrr", "pressure", "scsi", "sys", "sysrq-trigger"];

/// How sandboxes are kept apart from the machine and from each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// Namespaces, made by `bwrap`: no file of the machine but `/usr`, no process but their own. The kernel
    /// is shared, and for now the network: this is for a developer's own agents, not for hostile tenants.
    Bwrap,
    /// None: `bwrap` is absent or does not work here. Commands run as the user who runs the host and can
    /// read and change whatever that user can.
    Plain,
}

impl fmt::Display for Isolation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Bwrap => "bwrap",
            Self::Plain => "none",
        })
    }
}

/// What isolates, and what differs between sandboxes.
pub(super) struct View<'a> {
    /// The program that isolates.
    pub(super) bwrap: &'a Path,
    /// The sandbox's directory on the machine.
    pub(super) dir: &'a Path,
    /// Where the generated `passwd` and `group` are.
    pub(super) etc: &'a Path,
    /// Whether it may use the machine's network.
    pub(super) network: bool,
    /// What it sees as the number of this start of its machine; none: the real machine's.
    pub(super) boot_id: Option<&'a Path>,
    /// The socket of the only way out; none: there is no way, or the machine's network.
    pub(super) egress: Option<&'a Path>,
}

/// `bwrap` with the whole view, still without the program to run in it.
fn bwrap(view: &View<'_>) -> Command {
    let mut command = Command::new(view.bwrap);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env(MARKER, view.dir)
        .args(["--unshare-user", "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"])
        .args(["--uid", "1000", "--gid", "1000", "--disable-userns", "--cap-drop", "ALL"])
        .args(["--die-with-parent", "--new-session", "--clearenv", "--hostname", "sandbox"])
        // Whatever is not bound below is in memory, and gone when the sandbox is.
        .args(["--size", TOP_BYTES, "--tmpfs", "/", "--tmpfs", "/etc"])
        .args(["--ro-bind", "/usr", "/usr", "--proc", "/proc", "--dev", "/dev"])
        .args(["--tmpfs", "/run", "--dir", "/var/tmp"]);
    if !view.network {
        command.arg("--unshare-net");
    }
    if let Some(egress) = view.egress {
        command.arg("--ro-bind").arg(egress).arg(crate::forwarder::SOCKET);
    }
    for name in SETTINGS_IN_PROC {
        let path = format!("/proc/{name}");
        command.args(["--ro-bind-try", &path, &path]);
    }
    if let Some(boot_id) = view.boot_id {
        command.arg("--ro-bind").arg(boot_id).arg("/proc/sys/kernel/random/boot_id");
    }
    for path in BESIDE_USR {
        match std::fs::read_link(path) {
            Ok(target) => command.arg("--symlink").arg(target).arg(path),
            Err(_) => command.args(["--ro-bind-try", path, path]),
        };
    }
    for name in FROM_ETC {
        let path = format!("/etc/{name}");
        command.args(["--ro-bind-try", &path, &path]);
    }
    for name in ["passwd", "group"] {
        command.arg("--ro-bind").arg(view.etc.join(name)).arg(format!("/etc/{name}"));
    }
    command.args(["--remount-ro", "/etc"]);
    for own in storage::OWN {
        command.arg("--bind").arg(view.dir.join(own)).arg(format!("/{own}"));
    }
    command
}

/// The command that runs `program` as a sandbox's envd.
pub(super) fn isolated(view: &View<'_>, program: &[OsString]) -> Command {
    let mut command = bwrap(view);
    let (binary, args) = program.split_first().map_or((None, program), |(first, rest)| (Some(first), rest));
    command.arg("--ro-bind").args(binary).arg(PROGRAM);
    command.args(["--chdir", "/home/user", "--", PROGRAM]).args(args);
    command
}

/// The same without isolation.
pub(super) fn plain(dir: &Path, program: &[OsString]) -> Command {
    let mut program = program.iter();
    let mut command = Command::new(program.next().map(PathBuf::from).unwrap_or_default());
    command
        .args(program)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env(MARKER, dir)
        .current_dir(dir);
    command
}

/// Whether bwrap works here, found by running it with everything a sandbox will use. The words are for the
/// warning.
pub(super) fn probe(view: &View<'_>) -> Result<(), String> {
    let mut command = bwrap(view);
    command.args(["--", "/bin/sh", "-c", ":"]);
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("bwrap: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim()))
}
