//! Ways out of a sandbox, tried one by one. Each prints `open` where it leads somewhere. Behind bwrap none
//! does; to show that they would, the same ones are tried in a plain process, where most do.

use std::io::Write as _;

use serde_json::json;

use crate::client::Sandbox;
use crate::{Running, isolated, start};

/// What is tried, with `{secret}` a file of the host's, `{data}` the host's directory, `{pid}` the host's
/// process, `{other}` a neighbour's id, `{own}` this sandbox's.
const PROBES: [(&str, &str); 26] = [
    ("read a file of the host", "cat {secret}"),
    ("read it through another process's root", "cat /proc/{pid}/root{secret}"),
    ("read it through the first process's root", "cat /proc/1/root{secret}"),
    ("list the home of root", "ls -A /root/ | grep -q ."),
    ("read the shadow file", "cat /etc/shadow"),
    ("know the host's accounts", "grep -q -e '^_apt:' -e '^daemon:' -e '^www-data:' /etc/passwd"),
    ("list what others keep in /var/lib", "ls /var/lib/"),
    ("list /sys", "ls /sys/kernel"),
    ("see a control group", "ls /sys/fs/cgroup/"),
    ("see the host's directory", "ls {data}"),
    ("see a neighbour's files", "ls {data}/s/{other}/home"),
    ("speak to a neighbour's envd", "test -S {data}/s/{other}/envd.sock"),
    ("speak to its own envd as the host", "test -S {data}/s/{own}/envd.sock"),
    ("see the host's process", "test -d /proc/{pid}"),
    ("see the host's environment", "tr '\\0' '\\n' </proc/{pid}/environ | grep -q PATH"),
    ("signal the host", "kill -0 {pid}"),
    ("see more than a few processes", "test $(ls -d /proc/[0-9]* | wc -l) -gt 12"),
    ("write where programs are", "touch /usr/gitledger-probe && rm /usr/gitledger-probe"),
    ("write into /etc", "touch /etc/gitledger-probe && rm /etc/gitledger-probe"),
    ("write a setting of the kernel", "cat /proc/sys/kernel/core_pattern >/proc/sys/kernel/core_pattern"),
    (
        "write any setting of the machine",
        "find /proc -path '/proc/[0-9]*' -prune -o -type f -writable -print 2>/dev/null | grep -q .",
    ),
    ("have a capability", "grep CapEff /proc/self/status | grep -q '[1-9a-f]$'"),
    ("mount", "mkdir -p /tmp/m && mount -t tmpfs none /tmp/m && umount /tmp/m"),
    ("make a user namespace", "unshare -Ur true"),
    ("make a device", "mknod /tmp/probe-device b 1 0 && rm /tmp/probe-device"),
    (
        "become root by a program that may",
        "test $(find /usr/bin -perm -4000 -exec {} -c 'id -u' \\; 2>&1 | head -1) = 0",
    ),
];

async fn open(running: &Running) -> Vec<&'static str> {
    let mut secret = tempfile::NamedTempFile::new_in("/var/tmp").unwrap();
    secret.write_all(b"secret").unwrap();
    let neighbour = running.client.create(json!({})).await;
    neighbour.run("echo theirs > file").await;
    let sandbox = running.client.create(json!({})).await;
    let mut found = Vec::new();
    for (name, probe) in PROBES {
        let probe = filled(probe, running, &neighbour, &sandbox, &secret.path().display().to_string());
        let ran = sandbox.run(&format!("if ({probe}) >/dev/null 2>&1; then echo open; fi")).await;
        if ran.stdout.ends_with("open\n") {
            found.push(name);
        }
    }
    found
}

fn filled(probe: &str, running: &Running, neighbour: &Sandbox, sandbox: &Sandbox, secret: &str) -> String {
    probe
        .replace("{secret}", secret)
        .replace("{data}", &running.dir.path().canonicalize().unwrap().display().to_string())
        .replace("{pid}", &std::process::id().to_string())
        .replace("{other}", &neighbour.id)
        .replace("{own}", &sandbox.id)
}

#[tokio::test]
async fn no_way_out_of_a_sandbox_is_open() {
    let running = isolated().await;
    assert_eq!(open(&running).await, [""; 0]);
    running.host.shutdown().await;
}

#[tokio::test]
async fn the_same_ways_are_open_where_nothing_isolates() {
    let running = start(false).await;
    let found = open(&running).await;
    // Some are closed to an ordinary user anyway.
    assert!(found.len() >= 10, "only {found:?}");
    running.host.shutdown().await;
}
