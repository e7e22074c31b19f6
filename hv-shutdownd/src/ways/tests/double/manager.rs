//! systemd's manager: targets that are started or not, and the end of their job.

use zbus::object_server::SignalEmitter;
use zbus::wire::OwnedObjectPath;
use zbus::{fdo, interface};

use super::Double;

/// The double of the manager.
pub(in crate::ways::tests) struct Manager(pub(in crate::ways::tests) Double);

/// The only job that it ever begins.
pub(in crate::ways::tests) fn job() -> OwnedObjectPath {
    "/org/freedesktop/systemd1/job/7".try_into().unwrap()
}

#[interface(name = "org.freedesktop.systemd1.Manager")]
impl Manager {
    fn start_unit(&self, name: &str, mode: &str) -> fdo::Result<OwnedObjectPath> {
        self.0.told(format!("start {name} {mode}"));
        if self.0.mind().no_targets {
            return Err(fdo::Error::Failed("not today".to_owned()));
        }
        Ok(job())
    }

    fn power_off(&self) {
        self.0.told("power off at once".to_owned());
    }

    fn reboot(&self) {
        self.0.told("restart at once".to_owned());
    }

    fn get_unit_file_state(&self, name: &str) -> fdo::Result<&'static str> {
        assert_eq!(name, "hv-utils-sleep.service");
        self.0.mind().unit_file.ok_or_else(|| fdo::Error::FileNotFound("no such file".to_owned()))
    }

    #[zbus(signal)]
    pub(in crate::ways::tests) async fn job_removed(
        emitter: &SignalEmitter<'_>,
        id: u32,
        job: OwnedObjectPath,
        unit: &str,
        result: &str,
    ) -> zbus::Result<()>;
}
