//! `run`: plays files one after the other and prints what came of them.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::{Scenario, ScenarioReport, play};
use crate::outcome::{Failure, exit};
use crate::output::{Rendered, render_failure};
use crate::transcript::Transcript;

/// Where and how scenarios are played.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Directory for the sockets.
    pub dir: PathBuf,
    /// Where packets are written down.
    pub transcript: Option<Transcript>,
}

/// Plays `files`. All are read before the first is played.
pub async fn run(options: &RunOptions, files: &[PathBuf], json: bool) -> Rendered {
    let loaded: Result<Vec<Scenario>, _> = files.iter().map(|file| Scenario::load(file)).collect();
    let scenarios = match loaded {
        Ok(scenarios) => scenarios,
        Err(error) => return render_failure(Failure::Usage(error.to_string()), json),
    };
    let mut reports = Vec::new();
    for scenario in &scenarios {
        match played(options, &options.dir, scenario).await {
            Ok(report) => reports.push(report),
            Err(error) => {
                return render_failure(Failure::Host(format!("{}: {error}", scenario.name)), json);
            }
        }
    }
    rendered(&reports, json)
}

async fn played(options: &RunOptions, dir: &Path, scenario: &Scenario) -> std::io::Result<ScenarioReport> {
    if let Some(transcript) = &options.transcript {
        transcript.line(&format!("== {}", scenario.name));
    }
    play(scenario, dir, options.transcript.clone()).await
}

fn rendered(reports: &[ScenarioReport], json: bool) -> Rendered {
    let passed = reports.iter().filter(|report| report.passed()).count();
    let exit = if passed == reports.len() { exit::OK } else { exit::REFUSED };
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
