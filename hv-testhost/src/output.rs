//! How a report looks: text for a person, or one JSON object; what goes to standard output and what to the error output.
//!
//! In text, results go to standard output and everything else to the error output. In JSON everything, an error too,
//! is one object on standard output: `{"schema": 1, "kind": …}` or `{"schema": 1, "error": {…}}`.

mod adapter;
mod checkpoint;
mod copy;
mod vm;

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use hv_utils_core::wire::Status;

use crate::hex::{self, printable};
use crate::host::Phase;
use crate::host::status::display_name;
use crate::outcome::{Failure, Item, Outcome, Report, ServiceState};

/// What a program prints and returns.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rendered {
    /// Exit code.
    pub exit: u8,
    /// For standard output.
    pub stdout: String,
    /// For the error output.
    pub stderr: String,
}

/// Renders a report.
pub fn render(report: &Report, json: bool) -> Rendered {
    let exit = report.exit_code();
    if json {
        return Rendered { exit, stdout: format!("{}\n", as_json(report)), stderr: String::new() };
    }
    let mut rendered = Rendered { exit, ..Rendered::default() };
    match &report.result {
        Ok(outcome) => rendered.stdout = as_text(outcome),
        Err(failure) => {
            rendered.stderr = failure_text(failure);
            match failure {
                Failure::RefusedBytes { payload, .. } => rendered.stdout = hex::dump(payload),
                Failure::Checkpoint(done) => rendered.stdout = checkpoint::text(done),
                _ => {}
            }
        }
    }
    for violation in &report.violations {
        let _ = writeln!(rendered.stderr, "violation: {}", printable(&violation.to_string()));
    }
    for note in &report.notes {
        let _ = writeln!(rendered.stderr, "note: {}", printable(note));
    }
    rendered
}

/// A failure that has no report: wrong usage, no host.
pub fn render_failure(failure: Failure, json: bool) -> Rendered {
    render(&Report::of(Err(failure)), json)
}

fn failure_text(failure: &Failure) -> String {
    let message = failure.to_string();
    let message = match failure {
        // Words, arguments and files of the user's own, which may point at a place in them over several lines.
        Failure::Usage(_) => hex::readable(&message),
        _ => printable(&message),
    };
    format!("hv-testhost: {message}\nhint: {}\n", printable(&failure.hint()))
}

fn as_text(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done(what) => format!("{}\n", printable(what)),
        Outcome::Item(item) => format!("{}\n", printable(&item.value)),
        Outcome::Items(items) => items_text(items),
        Outcome::Adapter(configuration) => adapter::text(configuration),
        Outcome::Vm(vm) => vm::text(vm),
        Outcome::Services(services) => services_text(services),
        Outcome::Agreed { ic, framework, message } => {
            format!("{ic}: negotiated framework {framework}, messages {message}\n")
        }
        Outcome::VssCheck(flags) => format!("the guest can be backed up, flags {flags:#010x}\n"),
        Outcome::VssAnswer(answer) => checkpoint::answer_text(answer),
        Outcome::Checkpoint(done) => checkpoint::text(done),
        Outcome::FileCopied(copied) => copy::text(copied),
        Outcome::Bytes { status, payload } => {
            let status = status.map(|status| format!("status {status}\n")).unwrap_or_default();
            format!("{status}{}", hex::dump(payload))
        }
    }
}

/// A line each; the pool is named where there are several.
fn items_text(items: &[Item]) -> String {
    let several = items.iter().any(|item| item.pool != items[0].pool);
    let mut out = String::new();
    for item in items {
        if several {
            let _ = write!(out, "{}: ", item.pool.name());
        }
        let _ = writeln!(out, "{} = {}", printable(&item.key), printable(&item.value));
    }
    out
}

fn services_text(services: &[ServiceState]) -> String {
    let mut out = format!(
        "{:<10} {:<24} {:<8} {:<22} {:<9} {}\n",
        "NAME", "SERVICE", "ENABLED", "STATUS", "VERSIONS", "DETAIL"
    );
    for service in services {
        let versions = versions(&service.phase).map(|(framework, message)| format!("{framework}/{message}"));
        let line = format!(
            "{:<10} {:<24} {:<8} {:<22} {:<9} {}",
            service.ic.name(),
            display_name(service.ic),
            if service.enabled { "yes" } else { "no" },
            service.operational().text,
            versions.unwrap_or_else(|| "-".to_owned()),
            printable(&service.detail()),
        );
        let _ = writeln!(out, "{}", line.trim_end());
    }
    out
}

fn versions(phase: &Phase) -> Option<(String, String)> {
    match phase {
        Phase::Ready(agreed) | Phase::Lost(agreed) => {
            Some((agreed.framework.to_string(), agreed.message.to_string()))
        }
        _ => None,
    }
}

fn as_json(report: &Report) -> Value {
    let mut object = Map::new();
    object.insert("schema".to_owned(), json!(1));
    match &report.result {
        Ok(outcome) => object.extend(outcome_json(outcome)),
        Err(failure) => {
            object.insert("error".to_owned(), failure_json(failure));
        }
    }
    let violations: Vec<Value> = report
        .violations
        .iter()
        .map(|found| {
            json!({
                "service": found.ic.name(),
                "during": found.during,
                "problem": found.problem.to_string(),
                "fatal": found.problem.is_fatal(),
            })
        })
        .collect();
    object.insert("violations".to_owned(), Value::Array(violations));
    object.insert("notes".to_owned(), json!(report.notes));
    Value::Object(object)
}

fn outcome_json(outcome: &Outcome) -> Map<String, Value> {
    let value = match outcome {
        Outcome::Done(what) => json!({"kind": "done", "message": what}),
        Outcome::Item(item) => json!({"kind": "kvp-item", "item": item_json(item)}),
        Outcome::Items(items) => {
            json!({"kind": "kvp-list", "items": items.iter().map(item_json).collect::<Vec<_>>()})
        }
        Outcome::Adapter(configuration) => {
            json!({"kind": "guest-network-adapter-configuration", "configuration": configuration})
        }
        Outcome::Vm(vm) => vm::json(vm),
        Outcome::Services(services) => json!({
            "kind": "integration-services",
            "services": services.iter().map(service_json).collect::<Vec<_>>(),
        }),
        Outcome::Agreed { ic, framework, message } => json!({
            "kind": "agreed",
            "service": ic.name(),
            "framework": framework.to_string(),
            "message": message.to_string(),
        }),
        Outcome::VssCheck(flags) => json!({"kind": "vss-check", "flags": format!("{flags:#010x}")}),
        Outcome::VssAnswer(answer) => checkpoint::answer_json(answer),
        Outcome::Checkpoint(done) => {
            json!({"kind": "checkpoint", "steps": checkpoint::steps(done), "frozen": checkpoint::frozen(done)})
        }
        Outcome::FileCopied(copied) => copy::json(copied),
        Outcome::Bytes { status, payload } => {
            json!({"kind": "packet", "status": status.map(status_json), "payload": hex::line(payload)})
        }
    };
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

fn item_json(item: &Item) -> Value {
    json!({"pool": item.pool.name(), "key": item.key, "value": item.value})
}

fn service_json(service: &ServiceState) -> Value {
    let (framework, message) = versions(&service.phase).unwrap_or_default();
    json!({
        "name": service.ic.name(),
        "service": display_name(service.ic),
        "enabled": service.enabled,
        "status": service.operational().text,
        "operational_status": service.operational().code,
        "detail": service.detail(),
        "framework": framework,
        "message": message,
        "openings": service.openings,
        "sequence": service.sequence,
        "application_state": service.application_state(),
    })
}

fn failure_json(failure: &Failure) -> Value {
    let mut value = json!({"name": failure.name(), "message": failure.to_string(), "hint": failure.hint()});
    match failure {
        Failure::Refused { status, .. } => value["status"] = status_json(*status),
        Failure::Checkpoint(done) => {
            value["steps"] = json!(checkpoint::steps(done));
            value["frozen"] = checkpoint::frozen(done);
        }
        Failure::RefusedBytes { status, payload } => {
            value["status"] = status_json(*status);
            value["payload"] = json!(hex::line(payload));
        }
        _ => {}
    }
    value
}

fn status_json(status: Status) -> Value {
    json!(format!("0x{:08x}", status.0))
}

#[cfg(test)]
mod tests;
