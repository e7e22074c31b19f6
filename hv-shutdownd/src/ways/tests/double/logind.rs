//! logind: methods with and without flags, inhibitors, and what it announces.

use zbus::interface;
use zbus::object_server::SignalEmitter;

use super::{Age, Double};

/// logind's errors, its own and those of its library.
#[derive(Debug, zbus::DBusError)]
#[zbus(prefix = "org.freedesktop")]
pub(in crate::ways::tests) enum Refusal {
    #[zbus(error)]
    Bus(zbus::Error),
    #[zbus(name = "login1.BlockedByInhibitorLock")]
    BlockedByInhibitorLock(String),
    #[zbus(name = "login1.OperationInProgress")]
    OperationInProgress(String),
    #[zbus(name = "login1.SleepVerbNotSupported")]
    SleepVerbNotSupported(String),
    #[zbus(name = "DBus.Error.UnknownMethod")]
    UnknownMethod(String),
    #[zbus(name = "DBus.Error.InvalidArgs")]
    InvalidArgs(String),
    #[zbus(name = "DBus.Error.AccessDenied")]
    AccessDenied(String),
}

/// The double of logind.
pub(in crate::ways::tests) struct Logind(pub(in crate::ways::tests) Double);

impl Logind {
    async fn go(&self, call: &str, flags: Option<u64>) -> Result<(), Refusal> {
        let Self(double) = self;
        let flag = flags.map_or_else(String::new, |flags| format!(" {flags}"));
        double.told(format!("{call}{flag}"));
        let (age, refuses, hangs, blocked) = {
            let mind = double.mind();
            (mind.age, mind.refuses, mind.hangs, !mind.inhibitors.is_empty())
        };
        if hangs {
            std::future::pending::<()>().await;
        }
        match (age, flags) {
            (Age::Old, Some(_)) => return Err(Refusal::UnknownMethod("none".to_owned())),
            (Age::Middle, Some(16)) => return Err(Refusal::InvalidArgs("flags".to_owned())),
            (Age::Middle, Some(1)) if blocked => {
                return Err(Refusal::AccessDenied("an inhibitor".to_owned()));
            }
            (Age::New, None | Some(0 | 1)) if blocked => {
                return Err(Refusal::BlockedByInhibitorLock("an inhibitor".to_owned()));
            }
            _ => {}
        }
        refuses.map_or(Ok(()), |refusal| Err(refusal()))
    }
}

#[interface(name = "org.freedesktop.login1.Manager")]
impl Logind {
    async fn power_off(&self, _interactive: bool) -> Result<(), Refusal> {
        self.go("PowerOff", None).await
    }

    async fn reboot(&self, _interactive: bool) -> Result<(), Refusal> {
        self.go("Reboot", None).await
    }

    async fn hibernate(&self, _interactive: bool) -> Result<(), Refusal> {
        self.go("Hibernate", None).await
    }

    async fn power_off_with_flags(&self, flags: u64) -> Result<(), Refusal> {
        self.go("PowerOff", Some(flags)).await
    }

    async fn reboot_with_flags(&self, flags: u64) -> Result<(), Refusal> {
        self.go("Reboot", Some(flags)).await
    }

    async fn hibernate_with_flags(&self, flags: u64) -> Result<(), Refusal> {
        self.go("Hibernate", Some(flags)).await
    }

    async fn list_inhibitors(&self) -> Vec<(String, String, String, String, u32, u32)> {
        if self.0.mind().hangs {
            std::future::pending::<()>().await;
        }
        let row = |(what, mode): &(&str, &str)| {
            (
                (*what).to_owned(),
                "app\u{1b}[2J".to_owned(),
                format!("has to {what}"),
                (*mode).to_owned(),
                1000,
                7,
            )
        };
        self.0.mind().inhibitors.iter().map(row).collect()
    }

    fn can_hibernate(&self) -> &'static str {
        self.0.mind().can_hibernate
    }

    fn set_wall_message(&self, message: &str, enable: bool) {
        self.0.told(format!("wall {enable}: {message}"));
    }

    async fn schedule_shutdown(&self, kind: &str, when: u64) -> Result<(), Refusal> {
        self.go(&format!("schedule {kind}"), None).await?;
        assert!(when > 1_500_000_000_000_000, "µs since 1970");
        self.0.mind().scheduled = kind.to_owned();
        Ok(())
    }

    #[zbus(property)]
    fn preparing_for_shutdown(&self) -> bool {
        self.0.mind().preparing
    }

    #[zbus(property)]
    fn preparing_for_sleep(&self) -> bool {
        false
    }

    #[zbus(property)]
    fn scheduled_shutdown(&self) -> (String, u64) {
        (self.0.mind().scheduled.clone(), 7)
    }

    #[zbus(signal)]
    pub(in crate::ways::tests) async fn prepare_for_shutdown(
        emitter: &SignalEmitter<'_>,
        begins: bool,
    ) -> zbus::Result<()>;

    #[zbus(signal)]
    pub(in crate::ways::tests) async fn prepare_for_sleep(
        emitter: &SignalEmitter<'_>,
        begins: bool,
    ) -> zbus::Result<()>;
}
