//! What a query asks for: names of metrics, labels and their values. The grammar itself is promtool's to check.

use std::collections::BTreeSet;

use gitledger_projections::metrics::process::PROCESS;
use gitledger_projections::metrics::{Kind, METRICS, Metric, Values};

use crate::files::FROM_OUTSIDE;

/// Words that are no metric although nothing is called with them.
const WORDS: [&str; 10] = ["and", "or", "unless", "offset", "bool", "by", "without", "on", "inf", "nan"];
/// What stands before a list of labels.
const LISTS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];
/// Labels that every series has or may have.
const ANYWHERE: [&str; 3] = ["job", "instance", "le"];

/// A part of a query.
#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Sign(char),
}

/// A metric with what is asked of its labels: name, sign, value.
#[derive(Clone, Debug, PartialEq)]
pub struct Selector {
    /// The metric.
    pub name: String,
    /// Its matchers.
    pub matchers: Vec<(String, String, String)>,
}

fn tokens(query: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = query.chars().peekable();
    while let Some(c) = rest.next() {
        if c == '"' || c == '\'' {
            tokens.push(Token::Text(rest.by_ref().take_while(|next| *next != c).collect()));
        } else if c == '[' {
            // A range is of no interest.
            rest.by_ref().find(|next| *next == ']');
        } else if c.is_alphanumeric() || c == '_' || c == ':' || c == '$' {
            let mut word = c.to_string();
            while let Some(next) = rest.next_if(|next| next.is_alphanumeric() || "_:.".contains(*next)) {
                word.push(next);
            }
            tokens.push(Token::Word(word));
        } else if !c.is_whitespace() {
            tokens.push(Token::Sign(c));
        }
    }
    tokens
}

/// Every metric that a query selects.
pub fn selectors(query: &str) -> Vec<Selector> {
    let tokens = tokens(query);
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        at += 1;
        let Token::Word(word) = token else { continue };
        let next = tokens.get(at);
        let aggregates = matches!(next, Some(Token::Word(word)) if word == "by" || word == "without");
        if LISTS.contains(&word.as_str()) && next == Some(&Token::Sign('(')) {
            at += tokens[at..].iter().position(|token| *token == Token::Sign(')')).unwrap_or(0);
        } else if next != Some(&Token::Sign('('))
            && !aggregates
            && !WORDS.contains(&word.as_str())
            && word.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == ':')
        {
            let mut matchers = Vec::new();
            if next == Some(&Token::Sign('{')) {
                let end = tokens[at..].iter().position(|token| *token == Token::Sign('}'));
                let end = at + end.unwrap_or_else(|| panic!("{query} has no end"));
                matchers = matchers_of(&tokens[at + 1..end]);
                at = end + 1;
            }
            found.push(Selector { name: word.clone(), matchers });
        }
    }
    found
}

fn matchers_of(tokens: &[Token]) -> Vec<(String, String, String)> {
    let parts = tokens.split(|token| *token == Token::Sign(','));
    let matcher = |part: &[Token]| {
        let [Token::Word(label), signs @ .., Token::Text(value)] = part else { return None };
        let sign = signs.iter().map(|sign| if let Token::Sign(c) = sign { *c } else { ' ' }).collect();
        Some((label.clone(), sign, value.clone()))
    };
    parts.filter_map(matcher).collect()
}

/// The declared metric behind the name of a series.
fn declared(name: &str) -> Option<&'static Metric> {
    let all = || METRICS.iter().chain(PROCESS);
    let plain = all().find(|metric| metric.name == name && metric.kind != Kind::Histogram);
    plain.or_else(|| {
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|suffix| name.strip_suffix(suffix))?;
        all().find(|metric| metric.name == base && metric.kind == Kind::Histogram)
    })
}

fn wrong_label(metric: &Metric, label: &str, sign: &str, value: &str) -> Option<String> {
    if ANYWHERE.contains(&label) {
        return None;
    }
    let Some(known) = metric.labels.iter().find(|known| known.name == label) else {
        return Some(format!("{} has no label {label}", metric.name));
    };
    let Values::Of(values) = known.values else { return None };
    let asked: Vec<&str> = if sign.contains('~') { value.split('|').collect() } else { vec![value] };
    let strange = asked.into_iter().find(|value| !values.contains(value))?;
    Some(format!("{}: {label} is never {strange}", metric.name))
}

/// What a query asks for that nothing provides; `recorded` are the names of recording rules.
pub fn unknown(query: &str, recorded: &BTreeSet<String>) -> Vec<String> {
    let mut wrong = Vec::new();
    for Selector { name, matchers } in selectors(query) {
        if let Some(metric) = declared(&name) {
            let labels =
                matchers.iter().filter_map(|(label, sign, value)| wrong_label(metric, label, sign, value));
            wrong.extend(labels);
        } else if !recorded.contains(&name) && !FROM_OUTSIDE.contains(&name.as_str()) {
            wrong.push(format!("nobody provides {name}"));
        }
    }
    wrong
}

#[test]
fn a_query_is_taken_apart_into_what_it_selects() {
    let query = r#"sum by (le, job) (rate(a_bucket{job=~"$job",x!="1 or 2"}[5m])) > on (y) group_left () b:c:d and 1e9 / e"#;
    let names: Vec<String> = selectors(query).into_iter().map(|selector| selector.name).collect();
    assert_eq!(names, ["a_bucket", "b:c:d", "e"]);
    let first = &selectors(query)[0];
    let wanted = [("job", "=~", "$job"), ("x", "!=", "1 or 2")];
    let wanted = wanted.map(|(label, sign, value)| (label.to_owned(), sign.to_owned(), value.to_owned()));
    assert_eq!(first.matchers, wanted);
}

#[test]
fn a_metric_a_label_or_a_value_that_nobody_provides_is_found() {
    let none = BTreeSet::new();
    for wrong in [
        "git_operations_total",
        "sandbox_creation_seconds",
        r#"git_operation_total{state="success"}"#,
        r#"git_operation_total{status="succeeded"}"#,
        r#"git_operation_total{status=~"success|failed"}"#,
        "job:recorded:elsewhere",
    ] {
        assert_eq!(unknown(wrong, &none).len(), 1, "{wrong}");
    }
    for right in [
        "up",
        r#"rate(git_operation_total{status=~"success|failure",job=~".+"}[5m])"#,
        "sandbox_creation_seconds_sum",
    ] {
        assert!(unknown(right, &none).is_empty(), "{right}");
    }
}
