//! Who may speak to a gateway on loopback: programs of this machine, not web pages in its browser.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use gitledger_functions::Refusal;
use gitledger_operations::Rejection;
use http::{HeaderMap, HeaderName, header};

use super::reply;

/// The port this gateway answers on.
#[derive(Clone, Copy)]
pub struct Port(pub u16);

/// Refuses requests that a foreign web page could send: `Host` must be this machine (a rebound DNS name
/// is not), and `Origin`, which browsers add, must be this gateway.
pub async fn same_machine(State(Port(port)): State<Port>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let host = text(headers, &header::HOST).or_else(|| request.uri().host());
    let origin = text(headers, &header::ORIGIN);
    let refusal = if !host.is_some_and(is_this_machine) {
        Some(forbidden("Host", "must be a loopback name or address"))
    } else if !origin.is_none_or(|origin| is_this_gateway(origin, port)) {
        Some(forbidden("Origin", "must be this gateway"))
    } else {
        None
    };
    match refusal {
        Some(refusal) => reply::refusal(&refusal).into_response(),
        None => next.run(request).await,
    }
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
