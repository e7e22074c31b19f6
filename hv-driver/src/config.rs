//! `[driver]` and `[file-copy]`, from what was written to what is meant.
//!
//! Reading and merging files, and reporting everything that is wrong in them, is the core's. What `hv-driver use` makes
//! permanent goes into a drop-in of its own, so that no file of a person's is ever edited by a program.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hv_utils_core::daemon::config::{Config, Finding, Sources, Table, usable};
use hv_utils_core::daemon::log::{Format, Level};
use hv_utils_core::daemon::{Exit, directory, log_settings};
use hv_utils_core::wire::Ic;

use crate::components::COMPONENTS;
use crate::engine::Choice;
use crate::error::{Error, Kind};
use hv_utils_core::daemon::replace;

#[cfg(test)]
mod tests;

/// The drop-in of `hv-driver use`.
const DROP_IN: &str = "50-driver.toml";

/// What else there is in `[file-copy]`: hv-fcopyd reads it and says what is wrong with it; here it is merely no mistake.
const OTHERS_IN_FILE_COPY: [&str; 8] = [
    "roots",
    "max-file-mib",
    "min-free-mib",
    "max-rate-kib-per-sec",
    "mode",
    "directory-mode",
    "owner",
    "max-message-version",
];

/// Where the configuration is, and what the command line says about the log.
#[derive(Debug, Clone)]
pub struct Place {
    /// `--config`.
    pub config: Option<PathBuf>,
    /// Where the machine's configuration is.
    pub etc_root: PathBuf,
    /// `--log-level`.
    pub level: Option<Level>,
    /// `--log-format`.
    pub format: Option<Format>,
}

/// What the configuration says to this program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// The choice for each component; without one, `auto`.
    pub choices: BTreeMap<Ic, Choice>,
    /// `[file-copy] enabled`.
    pub file_copy: bool,
}

/// The configuration as it was found.
#[derive(Debug)]
pub struct Loaded {
    /// What it says.
    pub settings: Settings,
    /// Level and form of the log.
    pub log: (Level, Format),
    /// What is wrong with it.
    pub findings: Vec<Finding>,
}

impl Place {
    fn sources(&self) -> Sources {
        Sources::new(self.config.as_deref(), &self.etc_root)
    }

    /// Reads all files.
    #[must_use]
    pub fn load(&self) -> Loaded {
        let mut config = Config::load(&self.sources());
        let log = log_settings(&mut config.table("log"), self.level, self.format);
        let settings = Settings::read(&mut config.table("driver"));
        Loaded { settings, log, findings: config.finish() }
    }

    /// Reads all files, for somebody who cannot go on with wrong ones.
    ///
    /// # Errors
    /// Something is wrong: the first finding, and exit code 78.
    pub fn settings(&self) -> Result<Settings, Error> {
        let loaded = self.load();
        if usable(&loaded.findings) {
            return Ok(loaded.settings);
        }
        let findings: Vec<String> = loaded.findings.iter().map(ToString::to_string).collect();
        let text = format!("the configuration cannot be used: {}", findings.join("; "));
        Err(Error::new(Kind::Exit(Exit::Config), text))
    }

    /// The drop-in of `hv-driver use`.
    #[must_use]
    pub fn drop_in(&self) -> PathBuf {
        let mut directory = self.sources().file.into_os_string();
        directory.push(".d");
        Path::new(&directory).join(DROP_IN)
    }

    /// Makes `choice` for `components` permanent, beside what was chosen earlier.
    ///
    /// # Errors
    /// The drop-in cannot be written, or a later file says otherwise.
    pub fn keep(&self, components: &[Ic], choice: Choice) -> Result<(), Error> {
        let path = self.drop_in();
        let mut choices = chosen_in(&path);
        choices.extend(components.iter().map(|ic| (*ic, choice)));
        if let Some(parent) = path.parent() {
            directory(parent)?;
        }
        replace(&path, text(&choices).as_bytes(), 0o644)?;
        let settings = self.settings()?;
        let overruled = components.iter().any(|ic| settings.choice(*ic) != choice);
        if overruled {
            let text =
                format!("a file that is read after {} chooses otherwise: change that one", path.display());
            return Err(Error::refused(text));
        }
        Ok(())
    }
}

impl Settings {
    /// Reads `[driver]` and `[file-copy]`; what is wrong is reported through the tables.
    pub fn read(table: &mut Table<'_>) -> Self {
        let mut choices = BTreeMap::new();
        for component in COMPONENTS {
            let choice = table.one_of(component.name, &Choice::WORDS);
            choices.extend(choice.map(|choice| (component.ic, choice)));
        }
        let mut file_copy = table.also("file-copy");
        for key in OTHERS_IN_FILE_COPY {
            // Asked for is known.
            file_copy.is_set(key);
        }
        let file_copy = file_copy.boolean("enabled").unwrap_or(false);
        Self { choices, file_copy }
    }

    /// What is chosen for a component.
    #[must_use]
    pub fn choice(&self, ic: Ic) -> Choice {
        self.choices.get(&ic).copied().unwrap_or_default()
    }
}

/// What an earlier `use` wrote; what makes no sense in it is not kept.
fn chosen_in(path: &Path) -> BTreeMap<Ic, Choice> {
    // There is no vendor's file of one drop-in.
    let sources = Sources { vendor: PathBuf::from("/dev/null"), file: path.to_owned(), explicit: false };
    Settings::read(&mut Config::load(&sources).table("driver")).choices
}

fn text(choices: &BTreeMap<Ic, Choice>) -> String {
    let mut text =
        "# Written by `hv-driver use` and `hvctl driver use`, which replace it as a whole.\n[driver]\n"
            .to_owned();
    for component in COMPONENTS {
        if let Some(choice) = choices.get(&component.ic) {
            text += &format!("{} = \"{}\"\n", component.name, choice.word());
        }
    }
    text
}
