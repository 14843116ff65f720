//! What a sandbox cannot see or do.

use serde_json::json;

use crate::isolated;

#[tokio::test]
async fn a_sandbox_sees_nothing_of_the_machine_and_nothing_of_others() {
    let running = isolated().await;
    let on_the_host = tempfile::NamedTempFile::new().unwrap();
    let outside = on_the_host.path().display().to_string();
    let data = running.dir.path().display().to_string();
    let other = running.client.create(json!({})).await;
    other.run("echo secret > /home/user/secret; echo secret > /tmp/secret").await;
    let sandbox = running.client.create(json!({})).await;
    for path in [
        &outside,
        &data,
        "/etc/shadow",
        "/var/lib",
        "/home/user/secret",
        "/tmp/secret",
        "/old_root",
        "/run/dbus",
        "/sys",
    ] {
        let ran = sandbox.run(&format!("ls -d {path}")).await;
        assert_ne!(ran.code(), 0, "{path} is seen: {}", ran.stdout);
    }
    assert_eq!(sandbox.run("ls -A /root").await.stdout, "", "it is the sandbox's own");
    assert_eq!(sandbox.run("ls /home; id -un; hostname").await.stdout, "user\nuser\nsandbox\n");
    for attempt in ["touch /usr/x", "touch /etc/x", "unshare -Ur true", "mount -t tmpfs x /tmp"] {
        assert_ne!(sandbox.run(attempt).await.code(), 0, "{attempt}");
    }
    assert_eq!(sandbox.run("grep CapEff /proc/self/status").await.stdout, "CapEff:\t0000000000000000\n");
    assert_eq!(sandbox.run("touch /tmp/x /home/user/x /dev/shm/x /x").await.code(), 0);
    assert_ne!(sandbox.run("head -c 100M /dev/zero > /x").await.code(), 0, "it is memory, and limited");
    running.host.shutdown().await;
}

#[tokio::test]
async fn a_sandbox_sees_its_own_processes_only_and_no_secret_of_the_host() {
    let running = isolated().await;
    let sandbox = running.client.create(json!({})).await;
    let ran = sandbox.run("cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\\0' '\\n'").await;
    assert!(ran.stdout.contains("/run/gitledger/envd"), "{}", ran.stdout);
    assert!(!ran.stdout.contains(&sandbox.token), "the token is in some command line or environment");
    assert!(!ran.stdout.contains("CARGO"), "the host's environment is seen");
    // bwrap's first process tells the bind mounts' sources; that is a path, and no way to it.
    let seen = sandbox.run("ls -d /proc/[0-9]* | wc -l").await.stdout.trim().parse::<u32>().unwrap();
    assert!(seen <= 6, "{seen} processes are seen");
    running.host.shutdown().await;
}

#[tokio::test]
async fn a_sandbox_without_network_has_none() {
    let running = isolated().await;
    let sandbox = running.client.create(json!({"allow_internet_access": false})).await;
    assert_eq!(sandbox.run("ls /proc/self/net/ | wc -l; tail -n +3 /proc/net/dev").await.code(), 0);
    let interfaces = sandbox.run("tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '").await.stdout;
    assert_eq!(interfaces, "lo\n");
    let url = running.host.url().replace("http://", "").replace(':', "/");
    assert_ne!(sandbox.run(&format!("exec 3<>/dev/tcp/{url}")).await.code(), 0, "the host is reached");
    let open = running.client.create(json!({})).await;
    assert_eq!(open.run(&format!("exec 3<>/dev/tcp/{url}")).await.code(), 0);
    running.host.shutdown().await;
}
