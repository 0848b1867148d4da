//! The answers for people and for machines.

use serde_json::{Map, Value, json};

use super::compare::Difference;
use super::{Report, Row};

/// The widest value of a column, in characters.
const WIDEST: usize = 20;

/// The table for people: `!` a difference without a reason, `~` one with a reason, `-` not tried.
pub fn text(report: &Report) -> String {
    let width = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or_default();
    let names = width(&mut report.rows.iter().map(|row| row.name.chars().count()));
    let facts = width(&mut report.rows.iter().flat_map(|row| row.facts.iter().map(|fact| fact.chars().count())));
    let mut text = format!("  {:names$}  {:facts$}", "", "");
    for server in &report.servers {
        text += &format!("  {:WIDEST$}", server.name());
    }
    text = text.trim_end().to_owned() + "\n";
    for row in &report.rows {
        if let Some(why) = &row.not_tried {
            text += &format!("- {:names$}  not tried: {why}\n", row.name);
            continue;
        }
        let mut name = row.name;
        for fact in row.facts {
            text += &line(row, fact, &format!("{name:names$}  {fact:facts$}"));
            name = "";
            for difference in row.differences.iter().filter(|difference| difference.fact == *fact) {
                text += &format!("{:indent$}{}\n", "", words(difference), indent = names + 6);
            }
        }
    }
    text
}

/// One fact of all servers.
fn line(row: &Row, fact: &'static str, start: &str) -> String {
    let differences: Vec<&Difference> = row.differences.iter().filter(|difference| difference.fact == fact).collect();
    let mark = match differences.as_slice() {
        [] => ' ',
        some if some.iter().any(|difference| difference.is_finding()) => '!',
        _ => '~',
    };
    let values: Vec<&str> = row.answers.iter().map(|answer| answer.get(fact).map_or("·", String::as_str)).collect();
    let first = values.first().copied().unwrap_or_default();
    let mut line = format!("{mark} {start}");
    if values.iter().all(|value| *value == first) {
        line += &format!("  {first}");
    } else {
        for value in values {
            line += &format!("  {:WIDEST$}", cut(value));
        }
    }
    line.trim_end().to_owned() + "\n"
}

/// Who makes a difference, and why.
fn words(difference: &Difference) -> String {
    let (left, right) = difference.pair.kinds();
    let why = difference.why.unwrap_or("no reason known");
    let shown = if difference.listed { String::new() } else { format!(" ({})", difference.shown()) };
    format!("{} ≠ {}  {}: {why}{shown}", left.name(), right.name(), difference.maker.name())
}

/// A finding as a sentence.
pub fn finding(row: &Row, difference: &Difference) -> String {
    format!("{}, {}: {}", row.name, difference.fact, words(difference))
}

fn cut(value: &str) -> String {
    if value.chars().count() <= WIDEST {
        return value.to_owned();
    }
    value.chars().take(WIDEST - 1).chain(['…']).collect()
}

/// The same for machines.
pub fn as_json(report: &Report) -> String {
    let names: Vec<&str> = report.servers.iter().map(|server| server.name()).collect();
    let rows: Vec<Value> = report.rows.iter().map(|row| row_as_json(row, &names)).collect();
    let runserver = report.without_runserver.as_ref().map(|error| format!("{error:#}"));
    let agrees = report.findings().next().is_none();
    json!({ "agrees": agrees, "servers": names, "without_runserver": runserver, "requests": rows }).to_string()
}

fn row_as_json(row: &Row, names: &[&str]) -> Value {
    let answers: Map<String, Value> =
        names.iter().zip(&row.answers).map(|(name, answer)| ((*name).to_owned(), json!(answer))).collect();
    let differences: Vec<Value> = row
        .differences
        .iter()
        .map(|difference| {
            let (left, right) = difference.pair.kinds();
            json!({
                "fact": difference.fact,
                "between": [left.name(), right.name()],
                "values": [difference.left, difference.right],
                "maker": difference.maker,
                "why": difference.why,
                "listed": difference.listed,
                "finding": difference.is_finding(),
            })
        })
        .collect();
    json!({ "request": row.name, "not_tried": row.not_tried, "answers": answers, "differences": differences })
}
