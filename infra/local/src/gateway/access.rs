//! Who may take which route. A route that is not named here is for whoever may see everything: one that is
//! added and forgotten here is shut, not open.

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::Response;
use gitledger_functions::Refusal;
use gitledger_functions::access::Principal;
use gitledger_operations::table;

use super::{Gateway, reply};

/// What a route needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Need {
    /// Nothing: it shows nothing that is recorded, and does nothing.
    Nothing,
    /// Nothing but the signature that the body carries, which the story checks first: E2B has no key of ours.
    Signature,
    /// Any key, where keys are required; the handler, or the story, looks at what the key may.
    Key,
    /// A key that may see everything, or, to change something, do everything.
    Everything,
}

fn need(method: &Method, path: &str) -> Need {
    let shows = is_safe(method);
    match path {
        "/" | "/healthz" | "/openapi.json" | "/docs" | "/dashboard" if shows => Need::Nothing,
        // The page and its parts are the same for everybody; what they show is asked for with a key.
        _ if shows && (path.starts_with("/docs/") || path.starts_with("/dashboard/assets/")) => Need::Nothing,
        "/sandboxes" | "/operations" | "/mcp" => Need::Key,
        _ if method == Method::POST && is_signed(path) => Need::Signature,
        _ if ["/git/", "/sandbox/", "/sandboxes/", "/operations/"]
            .iter()
            .any(|start| path.starts_with(start)) =>
        {
            Need::Key
        }
        _ => Need::Everything,
    }
}

/// Whether a route takes a request by its signature alone.
pub fn is_signed(path: &str) -> bool {
    table::all().any(|operation| operation.signed && operation.path() == path)
}

/// Whether a route can be read by anybody.
pub fn is_open(path: &str) -> bool {
    need(&Method::GET, path) == Need::Nothing
}

fn is_safe(method: &Method) -> bool {
    method == Method::GET || method == Method::HEAD
}

/// Lets a request in or answers it. Before its body is read.
pub async fn admit(State(gateway): State<Gateway>, mut request: Request, next: Next) -> Response {
    // Whatever prints a request from here on does not print the key.
    for value in request.headers_mut().iter_mut().filter(|(name, _)| *name == header::AUTHORIZATION) {
        value.1.set_sensitive(true);
    }
    match judge(&gateway, &request) {
        Ok(principal) => {
            request.extensions_mut().insert(principal);
            next.run(request).await
        }
        Err(refusal) => reply::refusal(&refusal),
    }
}

fn judge(gateway: &Gateway, request: &Request) -> Result<Option<Principal>, Refusal> {
    let need = need(request.method(), request.uri().path());
    if need == Need::Nothing {
        return Ok(None);
    }
    if need == Need::Signature {
        return Ok(Some(Principal::Operator));
    }
    let world = &gateway.world;
    let principal = world.access.principal(authorization(request.headers())?, world.clock.now())?;
    if need == Need::Everything {
        principal.check_all(!is_safe(request.method()))?;
    }
    Ok(Some(principal))
}

/// The one `Authorization` header, if there is one.
fn authorization(headers: &HeaderMap) -> Result<Option<&str>, Refusal> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let first = all.next();
    let refused = |rule: &str| Refusal::Unauthenticated { rule: rule.to_owned() };
    if all.next().is_some() {
        return Err(refused("must be there once"));
    }
    first.map(|value| value.to_str().map_err(|_| refused("must be ASCII"))).transpose()
}

/// Who asks, as a handler takes it.
pub struct Asking(pub Principal);

impl<S: Send + Sync> FromRequestParts<S> for Asking {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let found = parts.extensions.get::<Option<Principal>>().cloned().flatten();
        let missing =
            || Refusal::Fault("a handler asks who it is for on a route that needs nobody".to_owned());
        found.map(Self).ok_or_else(|| reply::refusal(&missing()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_or_shows_what_is_recorded_needs_a_key() {
        for open in [
            "/",
            "/healthz",
            "/openapi.json",
            "/docs",
            "/docs/style.css",
            "/dashboard",
            "/dashboard/assets/page.js",
        ] {
            assert_eq!(need(&Method::GET, open), Need::Nothing, "{open}");
            assert_eq!(need(&Method::HEAD, open), Need::Nothing, "{open}");
            assert_ne!(need(&Method::POST, open), Need::Nothing, "{open}");
        }
        for keyed in [
            "/git/push",
            "/git/",
            "/sandbox/create",
            "/sandbox/reap",
            "/sandbox/x",
            "/operations/1",
            "/operations",
            "/sandboxes",
            "/sandboxes/i1",
            "/mcp",
        ] {
            assert_eq!(need(&Method::GET, keyed), Need::Key, "{keyed}");
        }
    }

    #[test]
    fn only_a_webhook_is_let_in_by_its_signature() {
        assert_eq!(need(&Method::POST, "/sandbox/lifecycle"), Need::Signature);
        assert_eq!(need(&Method::GET, "/sandbox/lifecycle"), Need::Key);
        for path in ["/sandbox/lifecycle/", "/sandbox/kill", "/git/sandbox-lifecycle", "/git/lifecycle"] {
            assert_ne!(need(&Method::POST, path), Need::Signature, "{path}");
        }
    }

    #[test]
    fn what_is_not_known_is_shut() {
        for path in [
            "/metrics",
            "/events",
            "/dashboard/series",
            "/dashboard/",
            "/dashboard/assets",
            "/dashboardx",
            "/new",
            "/docsx",
            "//healthz",
            "/healthz/",
            "/Git/push",
            "",
        ] {
            assert_eq!(need(&Method::GET, path), Need::Everything, "{path}");
        }
    }

    #[test]
    fn two_headers_are_no_key() {
        let mut headers = HeaderMap::new();
        assert!(matches!(authorization(&headers), Ok(None)));
        headers.append(header::AUTHORIZATION, "Bearer a".parse().unwrap());
        assert!(matches!(authorization(&headers), Ok(Some("Bearer a"))));
        headers.append(header::AUTHORIZATION, "Bearer b".parse().unwrap());
        assert!(authorization(&headers).is_err());
    }
}
