//! Control groups: one per sandbox, where the host may make them.
//!
//! As root, or where a group has been delegated. Version 1 has a tree per controller, version 2 one for all;
//! both are looked for. Where there is none, resource limits and the warden have to do.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::limits::Limits;

/// What a host's directory of groups is called, before the host's pid and a number.
const NAME: &str = "gitledger-sandboxes";
/// Between two attempts to remove a group whose last process is just going.
const LOOK_AGAIN: Duration = Duration::from_millis(2);
/// How long that may take.
const GOING: Duration = Duration::from_secs(2);
/// The same for all that dead hosts left in a tree: what died with them is gone in a moment. What lives on in plain
/// sandboxes is for the next host in their directory to end, and no other's start waits for it.
const SWEEPING: Duration = Duration::from_millis(50);
/// Microseconds over which processor time is shared out.
const CPU_PERIOD_US: u32 = 100_000;
const WANTED: [&str; 3] = ["pids", "memory", "cpu"];

/// One tree of groups, and what is controlled in it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Tree {
    dir: PathBuf,
    controllers: Vec<&'static str>,
    unified: bool,
}

/// The trees in which sandboxes get groups.
pub(super) struct Cgroups {
    trees: Vec<Tree>,
}

impl Cgroups {
    /// Finds what can be used, and removes what dead hosts left.
    pub(super) fn take() -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let name = format!("{NAME}-{}", std::process::id());
        let mut trees = Vec::new();
        let mut taken: Vec<&str> = Vec::new();
        for mut tree in trees_at(&read("/proc/self/cgroup"), &read("/proc/mounts")) {
            sweep(&tree.dir);
            tree.dir.push(unique(&tree.dir, &name));
            tree.controllers.retain(|controller| !taken.contains(controller));
            if let Some(tree) = usable(tree) {
                taken.extend(&tree.controllers);
                trees.push(tree);
            }
        }
        Self { trees }
    }

    /// Whether this is held by groups.
    pub(super) fn holds(&self, controller: &str) -> bool {
        self.trees.iter().any(|tree| tree.controllers.contains(&controller))
    }

    /// Makes a sandbox's group. What a failure leaves behind is removed.
    pub(super) fn make(&self, id: &str, limits: &Limits) -> io::Result<Group> {
        let mut group = Group { dirs: Vec::new() };
        for tree in &self.trees {
            let dir = tree.dir.join(id);
            let made = fs::create_dir(&dir).and_then(|()| {
                group.dirs.push(dir.clone());
                limit(tree, &dir, limits)
            });
            if let Err(error) = made {
                group.remove();
                return Err(error);
            }
        }
        Ok(group)
    }
}

impl Drop for Cgroups {
    fn drop(&mut self) {
        for tree in &self.trees {
            remove_with_children(&tree.dir, Instant::now() + GOING);
        }
    }
}

/// One sandbox's group, in every tree.
#[derive(Clone)]
pub(super) struct Group {
    dirs: Vec<PathBuf>,
}

impl Group {
    /// Puts a process in; what it starts from now on is in too.
    pub(super) fn add(&self, pid: u32) -> io::Result<()> {
        self.dirs.iter().try_for_each(|dir| fs::write(dir.join("cgroup.procs"), pid.to_string()))
    }

    /// Memory in use and how much of it is cache, in bytes.
    pub(super) fn memory_bytes(&self) -> Option<(u64, u64)> {
        self.dirs.iter().find_map(|dir| {
            let read = |name| fs::read_to_string(dir.join(name)).ok();
            let all = read("memory.usage_in_bytes").or_else(|| read("memory.current"))?;
            let stat = read("memory.stat")?;
            let of = |name| {
                let line = stat.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
                line.parse::<u64>().ok()
            };
            let cache = of("total_cache").or_else(|| of("file")).unwrap_or(0);
            let all = all.trim().parse::<u64>().ok()?;
            Some((all.saturating_sub(cache), cache))
        })
    }

    /// Removes it; waits a moment for processes that are dead but not gone.
    pub(super) fn remove(&self) {
        for dir in &self.dirs {
            remove_empty(dir, Instant::now() + GOING);
        }
    }
}

/// The trees of this process: one per line of `/proc/self/cgroup` that has something wanted.
fn trees_at(own: &str, mounts: &str) -> Vec<Tree> {
    let mut trees = Vec::new();
    for line in own.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(names), Some(path)) = (parts.next(), parts.next()) else { continue };
        let unified = names.is_empty();
        let controllers: Vec<_> = WANTED
            .into_iter()
            .filter(|wanted| unified || names.split(',').any(|name| name == *wanted))
            .collect();
        let Some(mount) = mounted(mounts, &controllers, unified).filter(|_| !controllers.is_empty()) else {
            continue;
        };
        let inside = path.trim_start_matches('/');
        trees.push(Tree { dir: Path::new(mount).join(inside), controllers: controllers.clone(), unified });
        if unified && !inside.is_empty() {
            // A group that has processes can give nothing on, except the first of all.
            trees.push(Tree { dir: mount.into(), controllers, unified });
        }
    }
    trees
}

fn mounted<'a>(mounts: &'a str, controllers: &[&str], unified: bool) -> Option<&'a str> {
    mounts.lines().find_map(|line| {
        let mut words = line.split(' ').skip(1);
        let (dir, kind, options) = (words.next()?, words.next()?, words.next()?);
        let fits = match kind {
            "cgroup2" => unified,
            "cgroup" => !unified && controllers.iter().all(|name| options.split(',').any(|o| o == *name)),
            _ => false,
        };
        fits.then_some(dir)
    })
}

/// Hosts of one process, as tests have them, must not share a directory.
fn unique(parent: &Path, name: &str) -> String {
    let mut name_of = String::from(name);
    for number in 0_u32.. {
        name_of = format!("{name}-{number}");
        if !parent.join(&name_of).exists() {
            break;
        }
    }
    name_of
}

/// Makes the tree's directory and keeps what is really controlled in it; None when that is nothing.
fn usable(mut tree: Tree) -> Option<Tree> {
    fs::create_dir(&tree.dir).ok()?;
    if tree.unified {
        tree.controllers
            .retain(|name| fs::write(tree.dir.join("cgroup.subtree_control"), format!("+{name}")).is_ok());
    }
    let probe = tree.dir.join("probe");
    let works = !tree.controllers.is_empty()
        && fs::create_dir(&probe).is_ok()
        && limit(&tree, &probe, &Limits::default()).is_ok();
    remove_empty(&probe, Instant::now() + GOING);
    if !works {
        remove_empty(&tree.dir, Instant::now() + GOING);
    }
    works.then_some(tree)
}

fn limit(tree: &Tree, dir: &Path, limits: &Limits) -> io::Result<()> {
    let set = |file: &str, value: String| fs::write(dir.join(file), value);
    for controller in &tree.controllers {
        match *controller {
            "pids" if limits.processes > 0 => set("pids.max", limits.processes.to_string())?,
            "memory" => {
                if let Some(most) = limits.memory_bytes() {
                    let file = if tree.unified { "memory.max" } else { "memory.limit_in_bytes" };
                    set(file, most.to_string())?;
                    // Not every kernel counts swap; without it, memory is all there is.
                    let swap = if tree.unified { "memory.swap.max" } else { "memory.memsw.limit_in_bytes" };
                    let _ = set(swap, if tree.unified { 0 } else { most }.to_string());
                }
            }
            "cpu" if limits.cpus > 0 => {
                let quota_us = limits.cpus.saturating_mul(CPU_PERIOD_US);
                if tree.unified {
                    set("cpu.max", format!("{quota_us} {CPU_PERIOD_US}"))?;
                } else {
                    set("cpu.cfs_quota_us", quota_us.to_string())?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Removes the directories of hosts that are gone.
fn sweep(parent: &Path) {
    let until = Instant::now() + SWEEPING;
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let numbers = name.to_str().and_then(|name| name.strip_prefix(NAME)?.strip_prefix('-'));
        let Some((pid, _)) = numbers.and_then(|numbers| numbers.split_once('-')) else { continue };
        if pid.parse::<u32>().is_ok() && !Path::new("/proc").join(pid).exists() {
            remove_with_children(&entry.path(), until);
        }
    }
}

fn remove_with_children(dir: &Path, until: Instant) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_empty(&entry.path(), until);
        }
    }
    remove_empty(dir, until);
}

/// Tried once at least.
fn remove_empty(dir: &Path, until: Instant) {
    while let Err(error) = fs::remove_dir(dir) {
        if error.kind() != io::ErrorKind::ResourceBusy {
            return;
        }
        if Instant::now() >= until {
            tracing::warn!(dir = %dir.display(), "a control group could not be removed");
            return;
        }
        std::thread::sleep(LOOK_AGAIN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_controllers_tree_is_found_where_it_is_mounted() {
        let own = "8:pids:/\n4:memory:/a/b\n3:cpuset:/\n1:cpu,cpuacct:/\n0::/\n";
        let mounts = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\n\
            cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,cpu,cpuacct 0 0\n\
            cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0\n\
            cgroup /sys/fs/cgroup/pids cgroup rw,pids 0 0\n\
            cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
        let found: Vec<_> = trees_at(own, mounts).into_iter().map(|tree| tree.dir).collect();
        let expected = ["pids", "memory/a/b", "cpu,cpuacct", "unified/"];
        assert_eq!(found, expected.map(|name| Path::new("/sys/fs/cgroup").join(name)));
    }

    #[test]
    fn the_one_tree_of_version_two_is_tried_here_and_at_its_root() {
        let mounts = "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n";
        let found = trees_at("0::/user.slice/x.scope\n", mounts);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].dir, Path::new("/sys/fs/cgroup/user.slice/x.scope"));
        assert_eq!(found[1].dir, Path::new("/sys/fs/cgroup"));
        assert_eq!(found[1].controllers, WANTED);
    }

    #[test]
    fn a_machine_without_control_groups_has_no_trees() {
        assert_eq!(trees_at("", ""), []);
        assert_eq!(trees_at("0::/\n", "proc /proc proc rw 0 0\n"), []);
    }
}
