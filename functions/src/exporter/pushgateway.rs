//! The Pushgateway: a PUT replaces a group, a DELETE takes it away.

use std::time::Duration;

use gitledger_sandboxes::tls;
use url::Url;

use super::{Credential, Destination};

/// What one try may take, unless told otherwise.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// One Pushgateway.
pub struct Pushgateway {
    client: reqwest::Client,
    destination: Destination,
    patience: Duration,
}

impl Pushgateway {
    /// The Pushgateway at this address.
    pub fn at(address: Url) -> Result<Self, reqwest::Error> {
        Self::patient(address, PATIENCE)
    }

    /// The same, with another limit for one try.
    pub fn patient(address: Url, patience: Duration) -> Result<Self, reqwest::Error> {
        Self::new(Destination { address, credential: Credential::Plain }, patience)
    }

    /// The Pushgateway that is told who publishes, by a name and a password; no gateway knows AWS' signatures.
    pub fn to(destination: Destination) -> Result<Self, reqwest::Error> {
        Self::new(destination, PATIENCE)
    }

    fn new(destination: Destination, patience: Duration) -> Result<Self, reqwest::Error> {
        let client = client_for(&destination.address, patience).build()?;
        Ok(Self { client, destination, patience })
    }

    /// What one try may take.
    pub(super) fn patience(&self) -> Duration {
        self.patience
    }

    /// Replaces what the group has. The text is in Prometheus' format 0.0.4.
    pub(super) async fn put(&self, instance: &str, text: String) -> Result<(), reqwest::Error> {
        let request = self.client.put(self.group(instance));
        self.sent(request.header("content-type", "text/plain; version=0.0.4").body(text)).await
    }

    /// Takes a group away; also one that is not there.
    pub(super) async fn delete(&self, instance: &str) -> Result<(), reqwest::Error> {
        self.sent(self.client.delete(self.group(instance))).await
    }

    fn group(&self, instance: &str) -> Url {
        let mut address = self.destination.address.clone();
        let base = address.path().trim_end_matches('/').to_owned();
        address.set_path(&format!("{base}/metrics/job/{}/instance/{instance}", super::JOB));
        address
    }

    async fn sent(&self, request: reqwest::RequestBuilder) -> Result<(), reqwest::Error> {
        let request = match &self.destination.credential {
            Credential::Basic { user, password } => request.basic_auth(user, Some(password.expose())),
            Credential::Plain | Credential::Aws(_) => request,
        };
        let answer = request.send().await.and_then(reqwest::Response::error_for_status);
        answer.map(|_| ()).map_err(reqwest::Error::without_url)
    }
}

/// A client for what is published there: it trusts whom the system trusts, and no proxy stands before this machine.
pub(crate) fn client_for(address: &Url, patience: Duration) -> reqwest::ClientBuilder {
    let client = tls::trusting(reqwest::Client::builder().timeout(patience));
    if is_this_machine(address) { client.no_proxy() } else { client }
}

/// What is on this machine is not asked for through a proxy.
pub fn is_this_machine(address: &Url) -> bool {
    match address.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_this_machine_is_never_asked_for_through_a_proxy() {
        let here = |url: &str| is_this_machine(&url.parse().unwrap());
        assert!(
            ["http://127.0.0.1:8000", "http://LocalHost:8000/", "http://[::1]:8000"].into_iter().all(here)
        );
        assert!(!["https://gitledger.example", "http://10.0.0.1:8000", "file:///x"].into_iter().any(here));
    }

    #[tokio::test]
    async fn a_gateway_that_asks_who_comes_is_told_by_a_header() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: Url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let password = gitledger_sandboxes::Secret::new("open sesame");
        let credential = Credential::Basic { user: "Aladdin".to_owned(), password };
        let gateway = Pushgateway::to(Destination { address, credential }).unwrap();
        let put = tokio::spawn(async move { gateway.put("v1", String::new()).await });
        let (stream, _) = listener.accept().await.unwrap();
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            stream.readable().await.unwrap();
            let mut some = [0; 1024];
            let Ok(length) = stream.try_read(&mut some) else { continue };
            assert_ne!(length, 0, "{head}");
            head.push_str(std::str::from_utf8(&some[..length]).unwrap());
        }
        assert!(head.contains("authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n"), "{head}");
        put.abort();
    }
}
