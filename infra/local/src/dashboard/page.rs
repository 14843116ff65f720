//! The page: one skeleton of headings and empty panels, which paints at once, and the style and script that fill it.
//!
//! Nothing recorded is in the served page, so that it needs no key; the script asks for it.

use gitledger_projections::verdict::Verdict;
use maud::{DOCTYPE, Markup, html};

/// The page's own style, after uPlot's.
pub const STYLE: &str = concat!(
    include_str!("vendor/uPlot.min.css"),
    include_str!("page/ground.css"),
    include_str!("page/panels.css"),
    include_str!("page/drawer.css"),
);

/// The charts (see `vendor/uPlot.LICENSE`) and the page's own script: one file, whose parts share one scope.
pub const SCRIPT: &str = concat!(
    include_str!("vendor/uPlot.iife.min.js"),
    "\n(() => {\n\"use strict\";\n",
    include_str!("page/elements.js"),
    include_str!("page/words.js"),
    include_str!("page/source.js"),
    include_str!("page/figures.js"),
    include_str!("page/chart.js"),
    include_str!("page/panels.js"),
    include_str!("page/tables.js"),
    include_str!("page/drawer.js"),
    include_str!("page/verdict.js"),
    include_str!("page/page.js"),
    "})();\n",
);

/// What the served page may do: run its own script, show its own style, ask this gateway.
pub const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                          base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// A file that the served page is made of: media type and text.
pub fn asset(name: &str) -> Option<(&'static str, &'static str)> {
    match name {
        "page.css" => Some(("text/css; charset=utf-8", STYLE)),
        "page.js" => Some(("text/javascript; charset=utf-8", SCRIPT)),
        _ => None,
    }
}

/// The page as the gateway serves it.
pub fn served() -> String {
    let head = html! {
        link rel="stylesheet" href="/dashboard/assets/page.css";
        script src="/dashboard/assets/page.js" defer {}
    };
    skeleton("gitledger", &head, &html! {})
}

/// A panel: its name in ids, its title, what it says, and how wide it is.
struct Panel(&'static str, &'static str, &'static str, &'static str);

const GAUGES: [Panel; 4] = [
    Panel("success", "Success rate", "of what ended", "gauge"),
    Panel("active", "Active sandboxes", "running now", "gauge"),
    Panel("cache", "Cache hit ratio", "leases that found a sandbox", "gauge"),
    Panel("monthly", "Monthly cost", "of sandboxes: this month so far, the rest at today's rate", "gauge"),
];
const CHARTS: [Panel; 8] = [
    Panel("p95", "P95 latency by operation", "95 of 100 took no longer; the dashed line is 5 s", "half"),
    Panel("rate", "Operations per minute", "by operation, at their end", "half"),
    Panel("errors", "Errors per minute", "by type", "third"),
    Panel("creation", "Sandbox creation time", "darker: more of them", "third"),
    Panel("distribution", "Distribution", "operations that ended", "third"),
    Panel("daily", "Daily cost", "of sandboxes, in the 24 hours before; the dashed line is $2.50", "third"),
    Panel("retries", "Push retries", "by number of the retry", "third"),
    Panel("conflicts", "Conflicts", "that git could not resolve", "third"),
];

/// The whole page; `head` brings style and script, `tail` what a report carries with it.
pub fn skeleton(title: &str, head: &Markup, tail: &Markup) -> String {
    let criteria = Verdict::default().criteria;
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (title) }
                link rel="icon" href="data:,";
                (head)
            }
            body {
                a.skip href="#content" { "Skip to the panels" }
                (bar())
                main id="content" {
                    div id="notice" role="status" {}
                    div id="shown" {
                        section.verdict aria-labelledby="verdict-title" {
                            h2 id="verdict-title" { "Verdict" }
                            button.plain type="button" id="whole-report" hidden { "The whole report" }
                            ol id="verdict" {
                                @for criterion in &criteria {
                                    li id={ "criterion-" (criterion.id) } {
                                        h3 { (criterion.title) }
                                        div.body {}
                                    }
                                }
                            }
                        }
                        section.grid aria-label="Panels" aria-busy="true" id="panels" {
                            h2.unseen { "Panels" }
                            @for panel in GAUGES.iter().chain(&CHARTS) { (panel.shown()) }
                        }
                        section.grid aria-label="Details" {
                            h2.unseen { "Details" }
                            (Panel("agents", "Cost by agent", "of sandboxes, in this window, idle time included; “gitledger cost” adds functions and ledger where their prices are in use", "half").shown())
                            (Panel("sandboxes", "Live sandboxes", "running or paused", "half").shown())
                            (Panel("latest", "Latest operations", "in this window; newest first", "full").shown())
                        }
                    }
                }
                (foot())
                dialog id="drawer" aria-labelledby="drawer-title" {}
                div.unseen aria-live="polite" id="said" {}
                noscript { p.noscript { "This page draws with JavaScript, which is off. " code { "gitledger events" } " shows the ledger without it." } }
                (tail)
            }
        }
    };
    page.into_string()
}

fn bar() -> Markup {
    html! {
        header.bar {
            h1 { "gitledger" span.unseen { " dashboard" } }
            p id="live" role="status" { span.dot {} span.text { "loading" } }
            div id="windows" role="group" aria-label="Window of time" {}
        }
    }
}

fn foot() -> Markup {
    html! {
        footer {
            p id="about" {}
            p {
                "Straight from the ledger, by the time that events were recorded. Arrow keys move along a chart, "
                kbd { "Enter" } " shows the operations behind a point, dragging across a chart zooms in."
            }
        }
    }
}

impl Panel {
    fn shown(&self) -> Markup {
        let Self(id, title, what, width) = self;
        html! {
            article.panel.(width) id={ "panel-" (id) } aria-labelledby={ "title-" (id) } {
                header {
                    h3 id={ "title-" (id) } { (title) }
                    p.what { (what) }
                }
                div.body {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_with_all_its_parts_is_small_and_asks_no_other_address() {
        let page = served();
        let bytes = page.len() + STYLE.len() + SCRIPT.len();
        assert!(bytes < 150_000, "{bytes}");
        for elsewhere in ["href=\"http", "src=\"http", "//cdn", "@import", "url(http"] {
            assert!(
                !page.contains(elsewhere) && !STYLE.contains(elsewhere) && !SCRIPT.contains(elsewhere),
                "{elsewhere}"
            );
        }
    }

    #[test]
    fn no_text_becomes_markup_in_the_script() {
        let own = SCRIPT.split_once("(() => {").map_or("", |(_, own)| own);
        for sink in
            ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"]
        {
            assert!(!own.contains(sink), "{sink}");
        }
    }

    #[test]
    fn the_served_page_has_no_script_or_style_of_its_own_in_it() {
        let page = served();
        assert_eq!(page.matches("<script").count(), 1);
        assert!(
            page.contains("<script src=") && !page.contains("<style") && !page.contains(" style="),
            "{page}"
        );
        assert_eq!(page.matches("<article").count(), 15, "twelve panels and three tables");
    }
}
