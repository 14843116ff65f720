//! Where a request may come from: programs, and this gateway's own pages, not other web pages in a browser.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use gitledger_functions::Refusal;
use gitledger_operations::Rejection;
use http::{HeaderMap, HeaderName, header};

use super::reply;

/// What is told apart from.
#[derive(Clone, Copy)]
pub enum Place {
    /// Loopback, on this port, where whoever reaches it is let in without a key.
    Machine(u16),
    /// Anywhere, under any name: whoever reaches it needs a key.
    Keyed,
}

/// Refuses requests that a foreign web page could send. On loopback `Host` must be this machine (a rebound
/// DNS name is not), and `Origin`, which browsers add, must be this gateway. Where keys are required the
/// gateway has names that it does not know (a proxy's, a load balancer's), and a page under a rebound name has
/// no key; `Origin` must be the host that is asked.
pub async fn own_pages(State(place): State<Place>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let host = text(headers, &header::HOST).or_else(|| request.uri().host());
    match refusal(place, host, headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or("null"))) {
        Some(refusal) => reply::refusal(&refusal).into_response(),
        None => next.run(request).await,
    }
}

fn refusal(place: Place, host: Option<&str>, origin: Option<&str>) -> Option<Refusal> {
    match place {
        Place::Machine(_) if !host.is_some_and(is_this_machine) => {
            Some(forbidden("Host", "must be a loopback name or address"))
        }
        Place::Machine(port) => (!origin.is_none_or(|origin| is_this_gateway(origin, port)))
            .then(|| forbidden("Origin", "must be this gateway")),
        Place::Keyed => (!origin.is_none_or(|origin| is_host(origin, host)))
            .then(|| forbidden("Origin", "must be the host that is asked")),
    }
}

fn is_host(origin: &str, host: Option<&str>) -> bool {
    let asked = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    asked.is_some_and(|asked| host.is_some_and(|host| asked.eq_ignore_ascii_case(host)))
}

fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

fn forbidden(field: &str, rule: &str) -> Refusal {
    Rejection { code: "forbidden", field: field.to_owned(), rule: rule.to_owned() }.into()
}

/// `localhost`, `127.x.y.z` or `[::1]`, with any port.
fn is_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn is_this_gateway(origin: &str, port: u16) -> bool {
    let Some(rest) = origin.strip_prefix("http://") else { return false };
    is_this_machine(rest) && rest.rsplit_once(':').is_some_and(|(_, found)| found == port.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rebound_name_is_not_this_machine() {
        for good in ["localhost:8000", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST", "127.0.0.1"] {
            assert!(is_this_machine(good), "{good}");
        }
        for bad in ["evil.com:8000", "localhost.evil.com", "10.0.0.1:8000", "", "127.0.0.1.evil.com"] {
            assert!(!is_this_machine(bad), "{bad}");
        }
    }

    #[test]
    fn where_keys_are_required_only_pages_of_the_host_that_is_asked_may_ask() {
        let refused = |host, origin| refusal(Place::Keyed, host, origin).is_some();
        assert!(!refused(Some("git.example:8000"), None));
        assert!(!refused(Some("git.example"), Some("https://Git.Example")));
        for origin in ["https://evil.com", "null", "", "git.example", "https://git.example:8000", "file://"] {
            assert!(refused(Some("git.example"), Some(origin)), "{origin}");
        }
        assert!(refused(None, Some("https://")));
        assert!(refusal(Place::Machine(8000), Some("git.example:8000"), None).is_some());
        assert!(refusal(Place::Machine(8000), Some("localhost:8000"), Some("null")).is_some());
        assert!(refusal(Place::Machine(8000), Some("localhost:8000"), None).is_none());
    }

    #[test]
    fn another_page_on_this_machine_is_another_origin() {
        assert!(is_this_gateway("http://localhost:8000", 8000));
        for bad in [
            "http://localhost:3000",
            "https://localhost:8000",
            "null",
            "http://evil.com:8000",
            "http://localhost",
        ] {
            assert!(!is_this_gateway(bad, 8000), "{bad}");
        }
    }
}
