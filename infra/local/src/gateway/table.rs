//! The one table of routes: the router and the OpenAPI document are both made from it, so they cannot differ.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::on;
use gitledger_functions::costs::{Question, Told as CostTold};
use gitledger_functions::report::Question as ReportAsked;
use gitledger_functions::{Answer, Refusal};
use gitledger_operations::Rejection;
use gitledger_operations::table::{OPERATIONS, SANDBOX_OPERATIONS};
use gitledger_projections::Verdict;
use gitledger_projections::report::Report;
use gitledger_projections::timeline::{CostTable, Found};

use super::access::admit;
use super::guard::{Place, own_pages};
use super::measured::measured;
use super::route::{Body, Method, Route, Told, Words, fields_of, of};
use super::shapes::{EventsPage, Health, Index, Page, Sandbox, Sandboxes};
use super::{Gateway, dashboard, docs, openapi, reply, routes, verdict};
use crate::dashboard::shapes::{LiveSandboxes, Series, Story};

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
            query: Some(fields_of::<Question>),
            answers: &[(200, "What the window cost.", Body::Json(of::<CostTold>))],
            problems: &[400, 503],
        }),
        handler: |method| on(method, routes::cost),
    },
    Route {
        method: Method::Get,
        path: "/report",
        told: Told::Once(Words {
            id: "getReport",
            tag: "ledger",
            summary: "Judges by five criteria whether it is time to leave hosted sandboxes, and what else could be done",
            description: "Read from the whole ledger, with simulations of other policies: it may take seconds. With \
                          `Accept: text/html` it is a page.",
            query: Some(fields_of::<ReportAsked>),
            answers: &[(200, "The report.", Body::Json(of::<Report>))],
            problems: &[400, 503],
        }),
        handler: |method| on(method, verdict::shown),
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
    Route {
        method: Method::Get,
        path: "/dashboard",
        told: Told::Once(Words {
            id: "getDashboard",
            tag: "dashboard",
            summary: "Shows the dashboard",
            description: "A page for people. It holds nothing that is recorded: that it asks for by the routes below.",
            query: None,
            answers: &[(200, "The page.", Body::Text("text/html"))],
            problems: &[],
        }),
        handler: |method| on(method, dashboard::shown),
    },
    Route {
        method: Method::Get,
        path: "/dashboard/assets/{name}",
        told: Told::Once(Words {
            id: "getDashboardAsset",
            tag: "dashboard",
            summary: "A part of the page: its style, its script",
            description: "",
            query: None,
            answers: &[(200, "The file.", Body::Text("*/*"))],
            problems: &[404],
        }),
        handler: |method| on(method, dashboard::asset),
    },
    Route {
        method: Method::Get,
        path: "/dashboard/series",
        told: Told::Once(Words {
            id: "getDashboardSeries",
            tag: "dashboard",
            summary: "The twelve panels of a window, by event time",
            description: "",
            query: Some(fields_of::<dashboard::Span>),
            answers: &[(200, "The panels.", Body::Json(of::<Series>))],
            problems: &[400, 503],
        }),
        handler: |method| on(method, dashboard::series),
    },
    Route {
        method: Method::Get,
        path: "/dashboard/verdict",
        told: Told::Once(Words {
            id: "getDashboardVerdict",
            tag: "dashboard",
            summary: "Whether a window speaks for moving off hosted sandboxes",
            description: "",
            query: Some(fields_of::<dashboard::Span>),
            answers: &[(200, "The five criteria.", Body::Json(of::<Verdict>))],
            problems: &[400, 503],
        }),
        handler: |method| on(method, dashboard::verdict),
    },
    Route {
        method: Method::Get,
        path: "/dashboard/cost",
        told: Told::Once(Words {
            id: "getDashboardCost",
            tag: "dashboard",
            summary: "What the sandboxes of a window cost, by agent and by operation",
            description: "",
            query: Some(fields_of::<dashboard::Span>),
            answers: &[(200, "Each list adds up to the total.", Body::Json(of::<CostTable>))],
            problems: &[400, 503],
        }),
        handler: |method| on(method, dashboard::cost),
    },
    Route {
        method: Method::Get,
        path: "/dashboard/sandboxes",
        told: Told::Once(Words {
            id: "getDashboardSandboxes",
            tag: "dashboard",
            summary: "The sandboxes that are alive, with what they have cost",
            description: "",
            query: None,
            answers: &[(200, "Those that run or are paused.", Body::Json(of::<LiveSandboxes>))],
            problems: &[503],
        }),
        handler: |method| on(method, dashboard::sandboxes),
    },
    Route {
        method: Method::Get,
        path: "/dashboard/operations",
        told: Told::Once(Words {
            id: "findDashboardOperations",
            tag: "dashboard",
            summary: "The operations behind a point of a panel",
            description: "",
            query: Some(fields_of::<dashboard::Which>),
            answers: &[(200, "How many there are, and the first of them.", Body::Json(of::<Found>))],
            problems: &[400, 503],
        }),
        handler: |method| on(method, dashboard::operations),
    },
    Route {
        method: Method::Get,
        path: "/dashboard/operations/{id}",
        told: Told::Once(Words {
            id: "getDashboardOperation",
            tag: "dashboard",
            summary: "One operation from its request to its outcome",
            description: "",
            query: None,
            answers: &[(200, "Its events, timing and cost.", Body::Json(of::<Story>))],
            problems: &[404, 503],
        }),
        handler: |method| on(method, dashboard::operation),
    },
    Route {
        method: Method::Get,
        path: "/dashboard/live",
        told: Told::Once(Words {
            id: "followDashboard",
            tag: "dashboard",
            summary: "Tells of new events as they are recorded",
            description: "Server-sent events: `position` with the ledger's last position, at once and then at most \
                          twice a second, for as long as the caller listens.",
            query: None,
            answers: &[(200, "A stream without an end.", Body::Text("text/event-stream"))],
            problems: &[503],
        }),
        handler: |method| on(method, dashboard::live),
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
        .layer(from_fn(measured))
        .with_state(gateway)
}
