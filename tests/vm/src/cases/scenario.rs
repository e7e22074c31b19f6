//! One conversation about items, held with every KVP daemon on every transport: what the host asks, what it is told.

use serde_json::Value;

use crate::machine::{Answer, Machine};

/// What the host was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    /// What it had asked.
    pub(super) asked: String,
    /// Items, a status, or the like, as text.
    pub(super) answer: String,
}

/// The questions, as words for the host. `LONG…` are texts of the longest lengths that Windows allows.
const QUESTIONS: &[&[&str]] = &[
    &["enumerate", "external"],
    &["set-kvp", "external", "Colour", "green"],
    &["add-kvp", "Second", "two"],
    &["set-kvp", "external", "Colour", "grün €𝄞"],
    &["modify-kvp", "Second", "zwei"],
    &["enumerate", "external"],
    &["get-kvp", "--direct", "external", "Colour"],
    &["get-kvp", "--direct", "external", "Missing"],
    &["get-kvp", "external", "Second"],
    &["set-kvp", "external", "Empty", ""],
    &["set-kvp", "--type", "dword", "external", "Dword", "4294967295"],
    &["set-kvp", "--type", "qword", "external", "Qword", "18446744073709551615"],
    &["enumerate", "external"],
    &["enumerate", "external", "99"],
    &["delete-kvp", "external", "Missing"],
    &["remove-kvp", "Second"],
    &["delete-kvp", "external", "Empty"],
    &["enumerate", "external"],
    &["set-kvp", "external", "LONGKEY", "LONGVALUE"],
    &["get-kvp", "external", "LONGKEY"],
    &["delete-kvp", "external", "LONGKEY"],
    &["set-kvp", "guest", "FromHost", "1"],
    &["enumerate", "guest"],
    &["delete-kvp", "guest", "FromHost"],
    &["set-kvp", "auto", "Forged", "1"],
    &["delete-kvp", "auto", "OSName"],
    &["set-kvp", "auto-external", "VirtualMachineName", "renamed"],
    &["get-kvp", "auto-external", "VirtualMachineName"],
    &["delete-kvp", "auto-external", "VirtualMachineName"],
    &["set-kvp", "auto-internal", "Odd", "1"],
    &["enumerate", "auto-internal"],
];

/// Holds the conversation.
pub(super) fn hold(machine: &Machine) -> Vec<Told> {
    let (key, value) = ("K".repeat(254), "v".repeat(1022));
    let mut told = Vec::new();
    for question in QUESTIONS {
        let words: Vec<&str> = question
            .iter()
            .map(|word| match *word {
                "LONGKEY" => key.as_str(),
                "LONGVALUE" => value.as_str(),
                word => word,
            })
            .collect();
        let answer = machine.ask(&words);
        let text = status_or_broken(&answer, |_| answer_text(&answer));
        told.push(Told { asked: question.join(" "), answer: shorten(&text) });
    }
    told
}

/// The names of the intrinsic items, in order, and their values.
pub(super) fn intrinsic(machine: &Machine) -> Vec<(String, String)> {
    machine.ask(&["get-guest-intrinsic-items"]).with_code(0).items()
}

/// The status of a refusal, or the text of an answer; with either the rules that were broken.
pub(super) fn status_or_broken(answer: &Answer, text: impl FnOnce(&Value) -> String) -> String {
    let object = &answer.object;
    let mut told = match object.get("error") {
        None => text(object),
        Some(error) => match error["status"].as_str() {
            Some(status) => format!("status {status}"),
            None => error["name"].as_str().unwrap_or("an error").to_owned(),
        },
    };
    for violation in object["violations"].as_array().into_iter().flatten() {
        told += &format!(" [broken rule: {}]", violation["problem"].as_str().unwrap_or_default());
    }
    told
}

fn answer_text(answer: &Answer) -> String {
    let object = &answer.object;
    match object["kind"].as_str() {
        Some("kvp-list") => {
            let items: Vec<String> =
                answer.items().into_iter().map(|(key, value)| format!("{key}={value}")).collect();
            format!("items {}", items.join(", "))
        }
        Some("kvp-item") => format!("value {}", object["item"]["value"].as_str().unwrap_or_default()),
        Some("done") => "done".to_owned(),
        _ => Value::to_string(object),
    }
}

/// The longest texts would fill the screen.
fn shorten(text: &str) -> String {
    let units = text.chars().count();
    if units <= 200 {
        text.to_owned()
    } else {
        format!("{} … ({units})", text.chars().take(40).collect::<String>())
    }
}
