//! A plain round: every program of a directory, one after the other, with the same words.
//!
//! What one of them does wrong keeps no other from being run, and nothing of them is left running when the round is over. A
//! daemon whose rounds belong together, as there and back, has its own, of the same pieces.

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;

use super::files::{self, File, Found};
use super::job::{Job, OK, Outcome, micros};
use super::runners::{Means, Owner, Runner, Runners};

/// How the hooks of a plain round are run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Whose they are.
    pub owner: Owner,
    /// Where they are.
    pub directory: PathBuf,
    /// How long each may take.
    pub time: Duration,
    /// What runs them.
    pub runner: Runner,
}

/// What became of one hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Its name in the directory.
    pub name: String,
    /// How long it took, in µs.
    pub took_us: u64,
    /// [`OK`], or a sentence.
    pub result: String,
    /// What it wrote, cut after some KiB.
    pub output: String,
}

impl Report {
    /// Whether it did its work.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.result == OK
    }
}

/// The hooks of a directory. Clones are the same hooks.
#[derive(Debug, Clone)]
pub struct Hooks {
    options: Options,
    runners: Runners,
}

impl Hooks {
    /// Nothing is read or run yet.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let runners = Runners::new(options.owner, options.runner);
        Self { options, runners }
    }

    /// The bus that the daemon is on now: systemd is asked over it, if it is there.
    pub fn over(&self, bus: zbus::Connection) {
        self.runners.over(bus);
    }

    /// Those that would be run now, in the order of their names' bytes. No directory is no hooks.
    ///
    /// # Errors
    /// The directory cannot be read, or others than root can change what is in it: a sentence.
    pub fn names(&self) -> Result<Vec<String>, String> {
        let is_safe = |file: &File| file.program(&self.options.directory).is_ok();
        Ok(self.files()?.into_iter().filter(is_safe).map(|file| file.name).collect())
    }

    /// Runs all of them, one after the other, each with these arguments and with this beside `PATH` and `LANG` in its
    /// environment. What is not safe to run is reported, too. Dropped, it ends the hook that runs, with what that has
    /// started.
    ///
    /// # Errors
    /// As [`names`](Self::names): nothing was run.
    pub async fn run(
        &self,
        arguments: &[&str],
        environment: &[(&str, String)],
    ) -> Result<Vec<Report>, String> {
        let files = self.files()?;
        if files.is_empty() {
            return Ok(Vec::new());
        }
        let means = self.runners.means().await;
        let mut reports = Vec::with_capacity(files.len());
        for file in files {
            let began = Instant::now();
            let outcome = self.hook(&means, &file, arguments, environment).await;
            let Outcome { result, output } = outcome;
            reports.push(Report { name: file.name, took_us: micros(began.elapsed()), result, output });
        }
        Ok(reports)
    }

    async fn hook(
        &self,
        means: &Means,
        file: &File,
        arguments: &[&str],
        environment: &[(&str, String)],
    ) -> Outcome {
        let Options { directory, time, .. } = &self.options;
        let program = match file.program(directory) {
            Ok(program) => program,
            Err(why) => return Outcome::not_run(&why),
        };
        let (path, name) = (directory.join(&file.name), file.name.as_str());
        let (program, path, time) = (program.as_path(), path.as_path(), *time);
        let job = Job { program, path, name, arguments, environment, time, stays: false };
        means.run(&job).await.0
    }

    /// What is there, what is not run left out and said once.
    fn files(&self) -> Result<Vec<File>, String> {
        let Found { files, left_out } = files::find(&self.options.directory)?;
        left_out.into_iter().for_each(|why| self.runners.once(why));
        Ok(files)
    }
}

#[cfg(test)]
mod tests;
