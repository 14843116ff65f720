//! The report as one HTML file that needs nothing else.

use gitledger_projections::report::{CriterionReport, Report};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::text;

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#1e293b}\
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem}table{border-collapse:collapse;width:100%}\
th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid #e2e8f0}code,pre{font:12px ui-monospace,monospace;\
background:#f1f5f9}pre{padding:.6rem;overflow-x:auto;white-space:pre-wrap}.bad{color:#b91c1c;font-weight:600}\
.ok{color:#15803d}section{border-top:1px solid #e2e8f0;padding-top:.5rem}small{color:#475569}";

/// The page.
pub fn html(report: &Report) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "gitledger: the verdict on hosted sandboxes" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { (text::verdict(report)) }
                p { small {
                    (report.operations) " operations in " (text::days(report.days)) " from " (report.from)
                    ", up to position " (report.position) " (" (report.at) ")"
                } }
                table {
                    thead { tr { th { "Criterion" } th { "Value" } th { "Threshold" } th { "" } th { "Trend" } th { "Between" } } }
                    tbody { @for one in &report.criteria { (row(one)) } }
                }
                @for one in &report.criteria { (section(one)) }
                h2 { "The validation's phases" }
                @for line in text::phases(report) { (line_of(&line)) }
                h2 { "What else could be done" }
                @for line in text::advice(report) { (line_of(&line)) }
                p { small { "Simulated by the policy's own code; the line \"now\" says how far to believe it." } }
            }
        }
    };
    page.into_string()
}

/// A line of the terminal's report; a command stands out.
fn line_of(line: &str) -> Markup {
    let line = line.trim();
    html! { p { @if let Some(command) = line.strip_prefix("query ") { code { (command.trim()) } } @else { (line) } } }
}

fn row(one: &CriterionReport) -> Markup {
    let criterion = &one.criterion;
    html! {
        tr {
            td { a href={ "#" (criterion.id) } { (criterion.title) } }
            td { a href={ "#" (criterion.id) "-query" } { (text::value(criterion.value, criterion.unit)) } }
            td { "> " (text::value(Some(criterion.threshold), criterion.unit)) }
            td {
                span.bad[criterion.exceeded].ok[!criterion.exceeded] { (text::state(criterion)) }
            }
            td { (text::trend(one.trend)) }
            td { (text::interval(one)) }
        }
    }
}

fn section(one: &CriterionReport) -> Markup {
    let criterion = &one.criterion;
    html! {
        section id=(criterion.id) {
            h2 { (criterion.title) }
            (weeks(one))
            @if criterion.exceeded {
                p { b { "Remedy: " } (one.remedy.as_ref().map_or_else(|| "none of the policies tried".to_owned(), text::alternative)) }
            }
            @if !one.evidence.is_empty() {
                details {
                    summary { "The events behind it" }
                    ul { @for event in &one.evidence {
                        li { "position " (event.position) ": " (event.why) " " code { (event.command) } }
                    } }
                }
            }
            p id={ (criterion.id) "-query" } { small { "This figure again:" } }
            pre { (one.query) }
        }
    }
}

/// Week by week as bars, the threshold a line.
#[allow(clippy::cast_precision_loss)] // pixels
fn weeks(one: &CriterionReport) -> Markup {
    let criterion = &one.criterion;
    let greatest =
        one.weeks.iter().filter_map(|week| week.value).fold(criterion.threshold, f64::max).max(1e-9) * 1.1;
    let y = |value: f64| 90.0 - 80.0 * value / greatest;
    let width = 60.0 + 70.0 * one.weeks.len() as f64;
    html! {
        svg viewBox={ "0 0 " (width) " 110" } width=(width) height="110" role="img" font-size="10" {
            title { (criterion.title) " by week" }
            @for (place, week) in one.weeks.iter().enumerate() {
                @if let Some(value) = week.value {
                    @let top = y(value);
                    rect x=(10.0 + 70.0 * place as f64) y=(format!("{top:.1}")) width="50"
                        height=(format!("{:.1}", (90.0 - top).max(0.5))) fill=(if week.exceeded { "#dc2626" } else { "#64748b" }) {
                        title { (week.from) ": " (text::value(week.value, criterion.unit)) }
                    }
                }
                text x=(10.0 + 70.0 * place as f64) y="103" { (week.from) }
            }
            line x1="0" x2=(width) y1=(format!("{:.1}", y(criterion.threshold))) y2=(format!("{:.1}", y(criterion.threshold)))
                stroke="#b91c1c" stroke-dasharray="4 3" {}
        }
    }
}
