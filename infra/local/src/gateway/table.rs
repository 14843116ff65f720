//! The one table of routes: the router and the OpenAPI document are both made from it, so they cannot differ.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodFilter, MethodRouter, on};
use gitledger_functions::costs::{Question, Told as CostTold};
use gitledger_functions::{Answer, Refusal};
use gitledger_operations::table::{OPERATIONS, SANDBOX_OPERATIONS};
use gitledger_operations::{Declaration, Rejection};
use schemars::{JsonSchema, Schema, generate::SchemaSettings};

use super::access::admit;
use super::guard::{Place, own_pages};
use super::shapes::{EventsPage, Health, Index, Page, Sandbox, Sandboxes};
use super::{Gateway, docs, openapi, reply, routes};

/// One route.
pub(super) struct Route {
    pub(super) method: Method,
    /// As axum and OpenAPI write it alike: `/sandboxes/{id}`.
    pub(super) path: &'static str,
    pub(super) told: Told,
    /// What answers, on the method it is given.
    handler: fn(MethodFilter) -> MethodRouter<Gateway>,
}

/// The methods that there are routes for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Get,
    Post,
    Delete,
}

impl Method {
    /// As in a document's path item.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Delete => "delete",
        }
    }

    fn filter(self) -> MethodFilter {
        match self {
            Self::Get => MethodFilter::GET,
            Self::Post => MethodFilter::POST,
            Self::Delete => MethodFilter::DELETE,
        }
    }
}

/// How a route stands in the document.
pub(super) enum Told {
    /// Once for every operation of these, by its declaration.
    PerOperation(&'static [Declaration]),
    /// By these words.
    Once(Words),
}

/// What the document says about a route that is no operation's.
pub(super) struct Words {
    /// `operationId`.
    pub(super) id: &'static str,
    /// Under which it is shown.
    pub(super) tag: &'static str,
    pub(super) summary: &'static str,
    /// What the summary leaves open; may be empty.
    pub(super) description: &'static str,
    /// The type that the query is read as.
    pub(super) query: Option<fn() -> Schema>,
    /// Answers that are no problems: status, meaning, body.
    pub(super) answers: &'static [(u16, &'static str, Body)],
    /// Problems by status, beside 403, which every route has.
    pub(super) problems: &'static [u16],
}

/// What an answer carries.
pub(super) enum Body {
    None,
    Json(fn() -> Schema),
    /// Text of this media type.
    Text(&'static str),
}

/// The shape of what is written.
pub(super) fn of<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>()
}

/// Every route, in the order in which they are shown.
pub(super) const ROUTES: &[Route] = &[
    Route {
        method: Method::Get,
        path: "/",
        told: Told::Once(Words {
            id: "getIndex",
            tag: "gateway",
            summary: "Lists what there is to ask for",
            description: "",
            query: None,
            answers: &[(200, "Every route in one line.", Body::Json(of::<Index>))],
            problems: &[],
        }),
        handler: |method| on(method, routes::index),
    },
    Route {
        method: Method::Post,
        path: "/git/{operation}",
        told: Told::PerOperation(OPERATIONS),
        handler: |method| on(method, routes::git),
    },
    Route {
        method: Method::Post,
        path: "/sandbox/{operation}",
        told: Told::PerOperation(SANDBOX_OPERATIONS),
        handler: |method| on(method, routes::about_sandboxes),
    },
    Route {
        method: Method::Get,
        path: "/operations/{id}",
        told: Told::Once(Words {
            id: "getOperation",
            tag: "ledger",
            summary: "Shows an operation's recorded answer",
            description: "An output that can be long is recorded as a summary, and contents of files are not \
                          recorded at all; so `output` may be less than the operation answered at the time.",
            query: None,
            answers: &[
                (200, "It has ended: the answer as it is recorded.", Body::Json(of::<Answer>)),
                (202, "It has not ended yet: ask again.", Body::Json(of::<Answer>)),
            ],
            problems: &[404, 503],
        }),
        handler: |method| on(method, routes::operation),
    },
    Route {
        method: Method::Get,
        path: "/events",
        told: Told::Once(Words {
            id: "listEvents",
            tag: "ledger",
            summary: "Shows what happened, in order",
            description: "",
            query: Some(|| schemars::schema_for!(Page)),
            answers: &[(200, "A page of events; empty at the end.", Body::Json(of::<EventsPage>))],
            problems: &[400, 503],
        }),
        handler: |method| on(method, routes::events),
    },
    Route {
        method: Method::Get,
        path: "/sandboxes",
        told: Told::Once(Words {
            id: "listSandboxes",
            tag: "sandboxes",
            summary: "Lists the sandboxes that are alive",
            description: "",
            query: None,
            answers: &[(200, "Those that run or are paused.", Body::Json(of::<Sandboxes>))],
            problems: &[503],
        }),
        handler: |method| on(method, routes::sandboxes),
    },
    Route {
        method: Method::Get,
        path: "/sandboxes/{id}",
        told: Told::Once(Words {
            id: "getSandbox",
            tag: "sandboxes",
            summary: "Shows one sandbox, alive or gone",
            description: "",
            query: None,
            answers: &[(200, "What its events say.", Body::Json(of::<Sandbox>))],
            problems: &[404, 503],
        }),
        handler: |method| on(method, routes::sandbox),
    },
    Route {
        method: Method::Delete,
        path: "/sandboxes/{id}",
        told: Told::Once(Words {
            id: "killSandbox",
            tag: "sandboxes",
            summary: "Ends a sandbox at once",
            description: "What was not pushed is lost. Its events stay.",
            query: None,
            answers: &[(204, "It is gone.", Body::None)],
            problems: &[404, 503],
        }),
        handler: |method| on(method, routes::kill),
    },
    Route {
        method: Method::Get,
        path: "/cost",
        told: Told::Once(Words {
            id: "getCost",
            tag: "ledger",
            summary: "Shows what it cost, divided so that the parts add up to the whole",
            description: "Money is in billionths of a dollar. The whole ledger is read for each answer.",
            query: Some(|| schemars::schema_for!(Question)),
            answers: &[(200, "What the window cost.", Body::Json(of::<CostTold>))],
            problems: &[400, 503],
        }),
        handler: |method| on(method, routes::cost),
    },
    Route {
        method: Method::Get,
        path: "/metrics",
        told: Told::Once(Words {
            id: "getMetrics",
            tag: "gateway",
            summary: "Shows every metric in Prometheus' text format",
            description: "",
            query: None,
            answers: &[(200, "What the ledger holds at this moment.", Body::Text("text/plain"))],
            problems: &[503],
        }),
        handler: |method| on(method, routes::metrics),
    },
    Route {
        method: Method::Get,
        path: "/healthz",
        told: Told::Once(Words {
            id: "getHealth",
            tag: "gateway",
            summary: "Says whether the gateway and its ledger answer",
            description: "",
            query: None,
            answers: &[(200, "They do.", Body::Json(of::<Health>))],
            problems: &[503],
        }),
        handler: |method| on(method, routes::healthz),
    },
    Route {
        method: Method::Get,
        path: "/openapi.json",
        told: Told::Once(Words {
            id: "getDocument",
            tag: "gateway",
            summary: "This interface as an OpenAPI 3.1 document",
            description: "",
            query: None,
            answers: &[(200, "The document.", Body::Json(|| schemars::json_schema!({"type": "object"})))],
            problems: &[],
        }),
        handler: |method| on(method, openapi::served),
    },
    Route {
        method: Method::Get,
        path: "/docs",
        told: Told::Once(Words {
            id: "getDocs",
            tag: "gateway",
            summary: "This interface as a page for people",
            description: "",
            query: None,
            answers: &[(200, "The page.", Body::Text("text/html"))],
            problems: &[],
        }),
        handler: |method| on(method, docs::served),
    },
];

/// The router of the table.
pub(super) fn router(gateway: Gateway, address: SocketAddr) -> Router {
    let routed = |router: Router<Gateway>, route: &Route| {
        router.route(route.path, (route.handler)(route.method.filter()))
    };
    let place = if gateway.world.access.required() { Place::Keyed } else { Place::Machine(address.port()) };
    ROUTES
        .iter()
        .fold(Router::new(), routed)
        .merge(crate::mcp::route(&gateway))
        .fallback(|| async { reply::refusal(&Refusal::NotFound { what: "route" }) })
        .method_not_allowed_fallback(|| async {
            let rule = "is not one of this route's; see GET /".to_owned();
            reply::refusal(&Rejection { code: "method-not-allowed", field: "method".to_owned(), rule }.into())
        })
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(gateway.clone(), admit))
        .layer(from_fn_with_state(place, own_pages))
        .with_state(gateway)
}
