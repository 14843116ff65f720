//! Spellings of addresses that nobody may be sent to: refused before anything runs. And what comes after the
//! door: redirects, and names that mean another machine at the second look.

use gitledger_operations::Remotes;
use serde_json::json;

use crate::attacker::Attacker;
use crate::sandbox::Sandbox;
use crate::server::Server;

/// Each would lead git to this machine, to its network or to a cloud's metadata, or to a transport that runs a
/// program. `%PORT%` is where somebody listens.
const SPELLINGS: &[&str] = &[
    // This machine.
    "https://127.0.0.1:%PORT%/a/b",
    "https://127.0.0.1./a/b",
    "https://127.1:%PORT%/a/b",
    "https://127.0.1/a/b",
    "https://127.255.255.254/a/b",
    "https://2130706433:%PORT%/a/b",
    "https://0x7f000001/a/b",
    "https://0x7f.0x0.0x0.0x1/a/b",
    "https://0X7F.1/a/b",
    "https://0177.0.0.1/a/b",
    "https://0177.0x0.1/a/b",
    "https://017700000001/a/b",
    "https://00000177.1/a/b",
    "https://0/a/b",
    "https://0.0.0.0:%PORT%/a/b",
    "https://0x0/a/b",
    "https://[::1]:%PORT%/a/b",
    "https://[0:0:0:0:0:0:0:1]/a/b",
    "https://[::]/a/b",
    "https://[::127.0.0.1]/a/b",
    "https://[::ffff:127.0.0.1]/a/b",
    "https://[::ffff:7f00:1]/a/b",
    "https://[0:0:0:0:0:ffff:7f00:0001]/a/b",
    "https://localhost:%PORT%/a/b",
    "https://LOCALHOST/a/b",
    "https://localhost./a/b",
    "https://localhost.localdomain./a/b",
    "https://x.localhost/a/b",
    "https://\u{ff4c}ocalhost/a/b",
    "https://\u{24db}ocalhost/a/b",
    "https://%6c%6f%63%61%6c%68%6f%73%74/a/b",
    "https://%31%32%37.0.0.1/a/b",
    "https://127%2e0%2e0%2e1/a/b",
    "https://\u{ff11}\u{ff12}\u{ff17}.0.0.1/a/b",
    "https://127\u{3002}0\u{3002}0\u{3002}1/a/b",
    "https://127\u{ff0e}0\u{ff0e}0\u{ff0e}1/a/b",
    "https://\u{2460}\u{2461}\u{2466}.0.0.1/a/b",
    "https://1\u{ad}27.0.0.1/a/b",
    "https://127.0.0.1\u{200b}/a/b",
    // Its network.
    "https://10.0.0.1/a/b",
    "https://0xa.1/a/b",
    "https://167772161/a/b",
    "https://172.16.0.1/a/b",
    "https://172.31.255.255/a/b",
    "https://192.168.0.1/a/b",
    "https://3232235521/a/b",
    "https://100.64.0.1/a/b",
    "https://198.18.0.1/a/b",
    "https://192.0.0.1/a/b",
    "https://224.0.0.1/a/b",
    "https://255.255.255.255/a/b",
    "https://240.0.0.1/a/b",
    "https://[fd00::1]/a/b",
    "https://[fc00::1]/a/b",
    "https://[fe80::1]/a/b",
    "https://[fec0::1]/a/b",
    "https://[ff02::1]/a/b",
    "https://[::ffff:10.0.0.1]/a/b",
    "https://[64:ff9b::7f00:1]/a/b",
    "https://[64:ff9b::10.0.0.1]/a/b",
    "https://[64:ff9b:1::10.0.0.1]/a/b",
    "https://[2002:7f00:1::]/a/b",
    "https://[2002:a00:1::1]/a/b",
    "https://[2001:0:7f00:1::1]/a/b",
    "https://[2001:db8::1]/a/b",
    "https://[100::1]/a/b",
    "https://[::ffff:0:127.0.0.1]/a/b",
    "https://[fe80::1%25eth0]/a/b",
    "https://host/a/b",
    "https://printer.local/a/b",
    "https://git.internal/a/b",
    "https://router.lan/a/b",
    "https://nas.home.arpa/a/b",
    "https://wiki.corp./a/b",
    // A cloud's metadata.
    "https://169.254.169.254/a/b",
    "https://2852039166/a/b",
    "https://0xA9FEA9FE/a/b",
    "https://0251.0376.0251.0376/a/b",
    "https://169.254.43518/a/b",
    "https://[::ffff:169.254.169.254]/a/b",
    "https://[::ffff:a9fe:a9fe]/a/b",
    "https://[fd00:ec2::254]/a/b",
    "https://[64:ff9b::a9fe:a9fe]/a/b",
    "https://metadata.google.internal/a/b",
    "https://METADATA.GOOGLE.INTERNAL/a/b",
    "https://metadata.google.internal./a/b",
    "https://100.100.100.200/a/b",
    // Another host than the eye sees.
    "https://github.com@127.0.0.1:%PORT%/a/b",
    "https://github.com:443@127.0.0.1/a/b",
    "https://github.com%40127.0.0.1/a/b",
    "https://@127.0.0.1/a/b",
    "https://:@127.0.0.1/a/b",
    "https://github.com\\@127.0.0.1/a/b",
    "https://127.0.0.1\\@github.com/a/b",
    "https:\\\\127.0.0.1\\a\\b",
    "https://github.com#@127.0.0.1/a/b",
    "https://github.com?@127.0.0.1/a/b",
    "https:127.0.0.1/a/b",
    "https:/127.0.0.1/a/b",
    "https:///127.0.0.1/a/b",
    "https://127.0.0.1:0%PORT%/a/b",
    "https://127.0.0.1:99999/a/b",
    "https://127.0.0.1:%PORT%:443/a/b",
    "https://127.0.0.1 /a/b",
    "https://127.0.\t0.1/a/b",
    "https://127.0.\n0.1/a/b",
    "\u{1}https://127.0.0.1/a/b",
    " https://127.0.0.1/a/b",
    "https://127.0.0.1/a/b\r\nHost: x",
    "https://127.0.0.1%00.github.com/a/b",
    "https://127.0.0.1%0d%0a.github.com/a/b",
    // Other ways to get there.
    "HTTP://github.com/a/b",
    "http://github.com/a/b",
    "hTTps+x://github.com/a/b",
    "ftp://127.0.0.1/a/b",
    "git://127.0.0.1/a/b",
    "ssh://127.0.0.1/a/b",
    "git+ssh://127.0.0.1/a/b",
    "git@127.0.0.1:a/b",
    "127.0.0.1:a/b",
    "ssh://-oProxyCommand=x/a",
    "file:///etc/passwd",
    "FILE:///etc/passwd",
    "file://localhost/etc/passwd",
    "/etc/passwd",
    "./x",
    "ext::sh -c x",
    "ext::https://github.com/a/b",
    "fd::7",
    "https::https://127.0.0.1/a/b",
    "http::https://github.com/a/b",
    "bundle:x",
    "data:text/plain,x",
    "javascript:x",
    "//127.0.0.1/a/b",
    "--upload-pack=x",
    "-",
    "",
];

#[test]
fn no_spelling_of_an_address_that_is_not_public_is_admitted() {
    let port = Attacker::listen().address.port().to_string();
    let remotes = Remotes::default();
    let spelt = SPELLINGS.iter().map(|spelling| spelling.replace("%PORT%", &port));
    let admitted: Vec<String> = spelt.filter(|url| remotes.admit("repo_url", url).is_ok()).collect();
    println!("{} spellings", SPELLINGS.len());
    assert!(SPELLINGS.len() >= 60);
    assert!(admitted.is_empty(), "{admitted:#?}");
}

fn clone(url: &str) -> serde_json::Value {
    json!({"repo_url": url, "agent_id": "a1", "task_id": "t1", "branch": "main"})
}

/// The same listener, first admitted by the operator: so it would be heard if somebody came.
#[test]
fn nobody_is_called_who_is_not_admitted_and_who_is_admitted_is_called() {
    let canary = Attacker::listen();
    let mut sandbox = Sandbox::new();
    let url = format!("{}a/b", canary.url());
    assert!(sandbox.remotes.admit("repo_url", &url).is_err());
    // What was admitted when it was cloned is asked about again.
    let server = Server::with_repository(None);
    let mut cloned = server.cloned();
    cloned.remotes = Remotes::default();
    let before = server.requests().len();
    for name in ["fetch", "pull", "push"] {
        assert_eq!(cloned.bad(name, json!({"sandbox_id": "s1"})).code.name, "transport-forbidden", "{name}");
    }
    assert_eq!((server.requests().len(), canary.heard().len()), (before, 0));
    sandbox.remotes = Remotes::allowing(&canary.url()).unwrap();
    assert_eq!(sandbox.bad("clone", clone(&url)).code.name, "auth-required");
    assert!(!canary.heard().is_empty(), "the positive control");
}

#[test]
fn a_redirect_from_an_admitted_server_is_not_followed() {
    let canary = Attacker::listen();
    let server = Server::with_repository(Some("token"));
    let mut sandbox = server.cloned();
    server.redirect_to(canary.url().trim_end_matches('/'));
    for (name, mut input) in [("fetch", json!({})), ("pull", json!({})), ("push", json!({}))] {
        input["sandbox_id"] = json!("s1");
        assert_eq!(sandbox.bad(name, input).code.name, "repository-moved", "{name}");
    }
    assert_eq!(server.sandbox().bad("clone", clone(&server.repo_url())).code.name, "repository-moved");
    assert!(canary.heard().is_empty());
    // Plain git follows, so there was something to follow.
    let url = server.repo_url();
    let _ = std::process::Command::new("git")
        .args(["ls-remote", &url])
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_ASKPASS", "/bin/false")
        .output();
    assert!(!canary.heard().is_empty(), "the positive control");
}

/// A name is looked up by git, in the sandbox, after the door: it may mean another machine by then. Whoever is
/// called so hears the first words of TLS, which no plain service understands, and no request and no token: its
/// certificate would have to be the name's.
#[test]
fn who_is_reached_by_a_name_that_changed_its_meaning_hears_no_request() {
    let canary = Attacker::listen();
    let url = format!("https://localhost:{}/", canary.address.port());
    let mut sandbox = Sandbox::new();
    sandbox.token = Some("token-of-the-name".to_owned());
    // As if the name had been a public one when it was admitted.
    sandbox.remotes = Remotes::allowing(&url).unwrap();
    let failure = sandbox.bad("clone", clone(&format!("{url}a/b")));
    assert_ne!(failure.code.name, "unknown-git-error", "{failure:?}");
    let heard = canary.heard();
    assert!(!heard.is_empty());
    for bytes in heard {
        assert!(bytes.is_empty() || bytes[0] == 0x16, "{:?}", String::from_utf8_lossy(&bytes));
        assert!(!String::from_utf8_lossy(&bytes).contains("Authorization"));
    }
}
