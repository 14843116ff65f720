//! `GET /docs`: the OpenAPI document as one page for people.
//!
//! Everything it needs is in it: no other address is asked, so it works offline. Without JavaScript it reads the
//! same; with it there is a filter, and every operation can be tried.

mod operation;

use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gitledger_operations::failure::CODES;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::openapi::DOCUMENT;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The page, with examples that ask the address at which the page was asked for.
pub(super) async fn served(headers: HeaderMap) -> Response {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let host = host.filter(|host| is_plain(host)).unwrap_or("127.0.0.1:8000");
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8".to_owned()),
        (header::CONTENT_SECURITY_POLICY, policy()),
    ];
    (headers, page(&DOCUMENT, host).into_string()).into_response()
}

/// It becomes part of a shell command that people copy.
fn is_plain(host: &str) -> bool {
    host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:".contains(&b))
}

/// Only this page's own script runs, and it speaks to this gateway only.
fn policy() -> String {
    let script = STANDARD.encode(Sha256::digest(SCRIPT));
    format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{script}'; connect-src 'self'; \
         img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

fn page(document: &Value, host: &str) -> Markup {
    let info = &document["info"];
    let groups = groups(document);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "gitledger interface" }
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#content" { "Skip to the operations" }
                header {
                    h1 { (text(&info["title"])) " " small { (text(&info["version"])) } }
                    (paragraphs(text(&info["description"])))
                    p { a href="/openapi.json" { "openapi.json" } " · " a href="/metrics" { "metrics" } }
                }
                div.columns {
                    (contents(&groups))
                    main id="content" {
                        @for group in &groups { (section(document, group, host)) }
                        (failures())
                    }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
}

/// A tag with what stands under it: path, method, operation.
struct Group<'d> {
    tag: &'d Value,
    members: Vec<(&'d str, &'d str, &'d Value)>,
}

fn groups(document: &Value) -> Vec<Group<'_>> {
    let paths = document["paths"].as_object().into_iter().flatten();
    let all: Vec<(&str, &str, &Value)> = paths
        .flat_map(|(path, item)| {
            let methods = item.as_object().into_iter().flatten();
            methods.map(move |(method, operation)| (path.as_str(), method.as_str(), operation))
        })
        .collect();
    let tagged =
        |tag: &Value| all.iter().filter(|(.., told)| told["tags"][0] == tag["name"]).copied().collect();
    let tags = document["tags"].as_array().into_iter().flatten();
    tags.map(|tag| Group { tag, members: tagged(tag) }).filter(|group| !group.members.is_empty()).collect()
}

fn contents(groups: &[Group<'_>]) -> Markup {
    html! {
        nav aria-label="Operations" {
            label.filter { span { "Filter" } input type="search" id="filter" autocomplete="off"; }
            @for group in groups {
                h2 { a href={ "#" (text(&group.tag["name"])) } { (text(&group.tag["name"])) } }
                ul {
                    @for (path, method, told) in &group.members {
                        li data-words={ (path) " " (text(&told["summary"])) } {
                            a href={ "#" (text(&told["operationId"])) } {
                                @if let Some(name) = path.strip_prefix("/git/") { (name) }
                                @else if path.starts_with("/sandbox/") { (path.trim_start_matches('/').replace('/', " ")) }
                                @else { (path) @if *method != "get" { " " small { (method.to_uppercase()) } } }
                            }
                        }
                    }
                }
            }
            h2 { a href="#failures" { "failure codes" } }
        }
    }
}

fn section(document: &Value, group: &Group<'_>, host: &str) -> Markup {
    html! {
        section id=(text(&group.tag["name"])) {
            h2 { (text(&group.tag["name"])) }
            (paragraphs(text(&group.tag["description"])))
            @for (path, method, told) in &group.members { (operation::shown(document, path, method, told, host)) }
        }
    }
}

/// The table of codes: the program's own, as an answer's schema has the names only.
fn failures() -> Markup {
    html! {
        section id="failures" {
            h2 { "failure codes" }
            p { "What " code { "failure.code" } " can be when git or the platform said no." }
            div.wide tabindex="0" role="region" aria-label="Failure codes" {
                table {
                    thead { tr { th { "code" } th { "class" } th { "retry" } th { "meaning" } th { "what to do" } } }
                    tbody {
                        @for code in CODES {
                            tr {
                                td { code { (code.name) } }
                                td { (code.error_type.as_str()) }
                                td { @if code.retryable { "yes" } @else { "no" } }
                                td { (prose(code.meaning)) }
                                td { (prose(code.remedy.unwrap_or_default())) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn paragraphs(text: &str) -> Markup {
    html! { @for paragraph in text.split("\n\n").filter(|text| !text.is_empty()) { p { (prose(paragraph)) } } }
}

/// Text in which backticks mean code, as in doc comments.
fn prose(text: &str) -> Markup {
    html! {
        @for (index, piece) in text.split('`').enumerate() {
            @if index % 2 == 1 { code { (piece) } } @else { (piece) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_shows_every_operation_of_the_document_and_asks_no_other_address() {
        let page = page(&DOCUMENT, "127.0.0.1:1").into_string();
        let shown = |group: &Group<'_>| {
            group.members.iter().map(|(.., told)| text(&told["operationId"]).to_owned()).collect::<Vec<_>>()
        };
        let ids: Vec<String> = groups(&DOCUMENT).iter().flat_map(shown).collect();
        let paths = DOCUMENT["paths"].as_object().unwrap();
        assert_eq!(ids.len(), paths.values().map(|item| item.as_object().unwrap().len()).sum::<usize>());
        for id in ids {
            assert_eq!(page.matches(&format!("id=\"{id}\"")).count(), 1, "{id}");
        }
        for elsewhere in ["src=\"", "href=\"http", "url(", "@import"] {
            assert!(!page.contains(elsewhere), "{elsewhere}");
        }
    }

    #[test]
    fn words_of_others_stay_words() {
        let page = page(&DOCUMENT, "\"><script>alert(1)</script>").into_string();
        assert_eq!(page.matches("<script>").count(), 1, "the page's own");
    }
}
