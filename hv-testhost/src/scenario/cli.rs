//! `run`: plays files one after the other and prints what came of them.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;

use super::{Scenario, ScenarioReport, play};
use crate::failure::{Failure, Why, exit};
use crate::output::{Rendered, render_failure};
use crate::record::Records;
use crate::sim::listening_hint;

/// Where and how scenarios are played.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Directory for the sockets.
    pub dir: PathBuf,
    /// Time for everything that is waited for, instead of what the scenarios say; `within-ms` of a step stays.
    pub timeout: Option<Duration>,
    /// Where packets are written down.
    pub records: Records,
}

/// Plays `files`. All are read before the first is played.
pub async fn run(options: &RunOptions, files: &[PathBuf], json: bool) -> Rendered {
    let loaded: Result<Vec<Scenario>, _> = files.iter().map(|file| Scenario::load(file)).collect();
    let mut scenarios = match loaded {
        Ok(scenarios) => scenarios,
        Err(error) => {
            let why = Why::from(error.to_string()).hint("the format is described in SCENARIOS.md");
            return render_failure(Failure::Usage(why), json);
        }
    };
    if let Some(limit) = options.timeout.and_then(|limit| u64::try_from(limit.as_millis()).ok()) {
        scenarios.iter_mut().for_each(|scenario| scenario.timeout_ms = limit);
    }
    let mut reports = Vec::new();
    for scenario in &scenarios {
        match played(options, &options.dir, scenario).await {
            Ok(report) => reports.push(report),
            Err(error) => {
                let why = Why::from(format!("{}: {error}", scenario.name));
                return render_failure(Failure::Host(why.hint(listening_hint(&error))), json);
            }
        }
    }
    rendered(&reports, json)
}

async fn played(options: &RunOptions, dir: &Path, scenario: &Scenario) -> std::io::Result<ScenarioReport> {
    options.records.heading(&scenario.name);
    play(scenario, dir, options.records.clone()).await
}

fn rendered(reports: &[ScenarioReport], json: bool) -> Rendered {
    let passed = reports.iter().filter(|report| report.passed()).count();
    let failed: Vec<_> = reports.iter().filter(|report| !report.passed()).collect();
    let exit = match failed.as_slice() {
        [] => exit::OK,
        failed if failed.iter().any(|report| report.guest_came) => exit::REFUSED,
        _ => exit::NO_ANSWER,
    };
    let stdout = if json {
        let scenarios: Vec<_> = reports.iter().map(ScenarioReport::json).collect();
        let all =
            json!({"schema": 1, "kind": "scenarios", "passed": exit == exit::OK, "scenarios": scenarios});
        format!("{all}\n")
    } else {
        let texts: String = reports.iter().map(ScenarioReport::text).collect();
        format!("{texts}{passed} of {} scenarios passed\n", reports.len())
    };
    Rendered { exit, stdout, stderr: String::new() }
}
