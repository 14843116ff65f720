//! The gate: where sandboxes have no network but a proxy of their host's, which adds the credential outside.
//!
//! Then no token is ever in the sandbox. git speaks plain HTTP to the gate, because nothing can be added to
//! what is encrypted end to end; for a remote with TLS the gate speaks TLS to it, and checks its certificate.
//! What of the repository is open, and until when, whoever runs the plan says to the host.

use super::Remote;

/// Where git in a sandbox finds the gate.
const PROXY: &str = "http://127.0.0.1:3128";

/// What git asks for when it fetches, below the repository's path.
const FETCHES: [&str; 2] = ["info/refs", "git-upload-pack"];
/// What it asks for when it pushes, beside the first of those.
const PUSHES: &str = "git-receive-pack";

impl Remote {
    /// `git -c` settings by which git reaches the remote through the gate.
    pub(crate) fn gate_settings(&self) -> Vec<String> {
        let mut settings = vec![format!("http.proxy={PROXY}")];
        if let Some(rest) = self.url().strip_prefix("https://") {
            settings.push(format!("url.http://{rest}.insteadOf={}", self.url()));
        }
        settings
    }

    /// The paths of the remote's host that the gate opens: what a fetch asks for, and a push only where
    /// something is published.
    pub fn gate_paths(&self, publishes: bool) -> Vec<String> {
        let names = FETCHES.into_iter().chain(publishes.then_some(PUSHES));
        names.map(|name| format!("{}/{name}", self.path())).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::Remotes;

    #[test]
    fn git_speaks_plainly_to_the_gate_and_only_what_is_needed_is_open() {
        let remotes = Remotes::allowing("http://127.0.0.1:8090/").unwrap().through_gate(true);
        let tls = remotes.admit("repo_url", "https://git.example.com:8443/acme/app.git").unwrap();
        assert_eq!(tls.protocol(), "http");
        let rewritten = "url.http://git.example.com:8443/acme/app.git.insteadOf=https://git.example.com:8443/acme/app.git";
        assert_eq!(tls.gate_settings(), ["http.proxy=http://127.0.0.1:3128", rewritten]);
        assert_eq!(tls.destination(), ("git.example.com", 8443, true));
        let paths = ["/acme/app.git/info/refs", "/acme/app.git/git-upload-pack"];
        assert_eq!(tls.gate_paths(false), paths);
        assert_eq!(tls.gate_paths(true)[2], "/acme/app.git/git-receive-pack");
        let plain = remotes.admit("repo_url", "http://127.0.0.1:8090/acme/app").unwrap();
        assert_eq!(plain.gate_settings(), ["http.proxy=http://127.0.0.1:3128"]);
        assert_eq!(plain.destination(), ("127.0.0.1", 8090, false));
    }
}
