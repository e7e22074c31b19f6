//! Who may: the other user is a process of its own (`dbus-send` as nobody, so that root has to run these), and polkit is a
//! double on the same bus which hangs, unless a test has it consent.

use std::collections::HashMap;
use std::process::Output;
use std::sync::atomic::{AtomicU32, Ordering};

use zbus::interface;

use super::*;
use crate::bus::support::call_as_other;

type Verdict = (bool, bool, HashMap<String, String>);

/// polkit as it is while filesystems are frozen, or before.
struct Polkit {
    consents: bool,
    asked: Arc<AtomicU32>,
}

#[interface(name = "org.freedesktop.PolicyKit1.Authority")]
impl Polkit {
    async fn check_authorization(
        &self,
        _subject: (String, HashMap<String, zbus::OwnedVariant>),
        action: String,
        _details: HashMap<String, String>,
        _flags: u32,
        _cancellation: String,
    ) -> Verdict {
        assert_eq!(action, "org.hvutils.vss.freeze");
        self.asked.fetch_add(1, Ordering::Relaxed);
        if !self.consents {
            std::future::pending::<()>().await;
        }
        (true, false, HashMap::new())
    }
}

struct World {
    setup: Setup,
    asked: Arc<AtomicU32>,
    polkit: Connection,
}

impl World {
    /// `None` where nobody can be another user.
    async fn start(test: &'static str, consents: bool) -> Option<World> {
        if !rustix::process::geteuid().is_root() {
            println!("skipped: {test}: only root can call as somebody else");
            return None;
        }
        let setup = Setup::start(test).await?;
        // Without a `dbus-send` nobody would come whom a test waits for.
        let _ = other(test, setup.bus.address(), STATE).await?;
        let asked = Arc::new(AtomicU32::new(0));
        let polkit = Builder::address(setup.bus.address().as_str())
            .serve_at("/org/freedesktop/PolicyKit1/Authority", Polkit { consents, asked: Arc::clone(&asked) })
            .name("org.freedesktop.PolicyKit1")
            .build()
            .await
            .unwrap();
        Some(World { setup, asked, polkit })
    }

    /// From here on polkit hangs.
    async fn hang(&self) {
        let object =
            self.polkit.object_server().interface::<_, Polkit>("/org/freedesktop/PolicyKit1/Authority");
        object.await.unwrap().get_mut().await.consents = false;
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::Relaxed)
    }
}

/// The other user's call: `Err` with what it was told. `None` without a `dbus-send`.
async fn other(
    test: &'static str,
    address: String,
    arguments: &'static [&'static str],
) -> Option<Result<String, String>> {
    let call = move || call_as_other(test, &address, VSS1, &[&[PATH], arguments].concat());
    let Output { status, stdout, stderr } = tokio::task::spawn_blocking(call).await.unwrap()?;
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    Some(if status.success() { Ok(text(&stdout)) } else { Err(text(&stderr)) })
}

const THAW: &[&str] = &["org.hvutils.Vss1.Thaw"];
const FREEZE: &[&str] = &["org.hvutils.Vss1.Freeze", "uint32:0"];
const STATE: &[&str] = &["org.freedesktop.DBus.Properties.Get", "string:org.hvutils.Vss1", "string:State"];
const HISTORY: &[&str] = &["org.hvutils.Vss1.History"];

#[tokio::test]
async fn somebody_else_cannot_thaw_and_polkit_is_not_asked() {
    const TEST: &str = "somebody_else_cannot_thaw_and_polkit_is_not_asked";
    let Some(mut world) = World::start(TEST, false).await else { return };
    for shown in [frozen(1000), Shown { state: ShownState::Freezing, ..Shown::default() }, Shown::default()] {
        world.setup.desk.shown.send_replace(shown);
        let Some(told) = other(TEST, world.setup.bus.address(), THAW).await else { return };
        let told = told.unwrap_err();
        assert!(told.starts_with("Error org.hvutils.Error.NotAuthorized: only root, and whoever"), "{told}");
    }
    assert_eq!(world.asked(), 0);
    assert!(world.setup.desk.asks.try_recv().is_err(), "the service was asked");
}

#[tokio::test]
async fn root_may_thaw_whoever_has_frozen() {
    const TEST: &str = "root_may_thaw_whoever_has_frozen";
    let Some(mut world) = World::start(TEST, false).await else { return };
    world.setup.desk.shown.send_replace(frozen(1000));
    let client = world.setup.client.clone();
    let (reply, asked) = tokio::join!(call(&client, "Thaw", &()), world.setup.agree());
    assert_eq!((reply.is_ok(), asked, world.asked()), (true, "thaw", 0));
}

#[tokio::test]
async fn whoever_has_frozen_may_thaw_though_polkit_hangs() {
    const TEST: &str = "whoever_has_frozen_may_thaw_though_polkit_hangs";
    let Some(mut world) = World::start(TEST, true).await else { return };
    let address = world.setup.bus.address();
    let freezing = tokio::spawn(other(TEST, address.clone(), FREEZE));
    let Some(Ask::Freeze { answer, .. }) = world.setup.desk.asks.recv().await else {
        panic!("another question")
    };
    world.setup.desk.shown.send_replace(frozen(1000));
    answer.send(Ok(())).unwrap();
    assert!(freezing.await.unwrap().unwrap().is_ok());
    assert_eq!(world.asked(), 1);
    world.hang().await;
    // Another connection of the same user.
    let thawing = tokio::spawn(other(TEST, address.clone(), THAW));
    assert_eq!(world.setup.agree().await, "thaw");
    assert!(thawing.await.unwrap().unwrap().is_ok());
    // When it is over they are told so, and the service, for which the host's next freeze may have begun, is not asked.
    for over in [Shown { state: ShownState::Thawing, ..Shown::default() }, Shown::default()] {
        world.setup.desk.shown.send_replace(over);
        let told = other(TEST, address.clone(), THAW).await.unwrap().unwrap_err();
        assert!(told.starts_with("Error org.hvutils.Error.NotFrozen: "), "{told}");
    }
    assert!(world.setup.desk.asks.try_recv().is_err(), "the service was asked");
    // What the host freezes afterwards is not theirs.
    world.setup.desk.shown.send_replace(frozen(2000));
    let told = other(TEST, address, THAW).await.unwrap().unwrap_err();
    assert!(told.contains("NotAuthorized"), "{told}");
    assert_eq!(world.asked(), 1);
}

#[tokio::test]
async fn whoever_is_freezing_may_thaw_before_it_is_frozen() {
    const TEST: &str = "whoever_is_freezing_may_thaw_before_it_is_frozen";
    let Some(mut world) = World::start(TEST, true).await else { return };
    let address = world.setup.bus.address();
    let freezing = tokio::spawn(other(TEST, address.clone(), FREEZE));
    let Some(Ask::Freeze { answer, .. }) = world.setup.desk.asks.recv().await else {
        panic!("another question")
    };
    world.setup.desk.shown.send_replace(Shown { state: ShownState::Freezing, ..Shown::default() });
    world.hang().await;
    let thawing = tokio::spawn(other(TEST, address.clone(), THAW));
    assert_eq!(world.setup.agree().await, "thaw");
    assert!(thawing.await.unwrap().unwrap().is_ok());
    answer.send(Err(hv_utils_core::bus::Error::Failed("thawed".to_owned()))).unwrap();
    assert!(freezing.await.unwrap().unwrap().is_err());
    // It came to nothing: what comes next is not theirs.
    world.setup.desk.shown.send_replace(frozen(2000));
    assert!(other(TEST, address, THAW).await.unwrap().is_err());
}

#[tokio::test]
async fn nobody_asks_polkit_while_anything_is_frozen() {
    const TEST: &str = "nobody_asks_polkit_while_anything_is_frozen";
    let Some(world) = World::start(TEST, false).await else { return };
    let failed = Shown { state: ShownState::Failed, ..frozen(1000) };
    for shown in [frozen(1000), failed, Shown { state: ShownState::Thawing, ..Shown::default() }] {
        world.setup.desk.shown.send_replace(shown);
        let Some(told) = other(TEST, world.setup.bus.address(), FREEZE).await else { return };
        let told = told.unwrap_err();
        assert!(told.starts_with("Error org.hvutils.Error.Busy: a freeze is under way"), "{told}");
    }
    assert_eq!(world.asked(), 0);
}

#[tokio::test]
async fn anyone_may_read_while_polkit_hangs() {
    const TEST: &str = "anyone_may_read_while_polkit_hangs";
    let Some(world) = World::start(TEST, false).await else { return };
    world.setup.desk.shown.send_replace(frozen(1000));
    let Some(told) = other(TEST, world.setup.bus.address(), STATE).await else { return };
    assert!(told.unwrap().contains("\"frozen\""));
    assert!(other(TEST, world.setup.bus.address(), HISTORY).await.unwrap().is_ok());
    assert_eq!(world.asked(), 0);
}

#[tokio::test]
async fn who_is_not_allowed_to_freeze_does_not_reach_the_service() {
    const TEST: &str = "who_is_not_allowed_to_freeze_does_not_reach_the_service";
    let Some(mut world) = World::start(TEST, true).await else { return };
    world.polkit.release_name("org.freedesktop.PolicyKit1").await.unwrap();
    let Some(told) = other(TEST, world.setup.bus.address(), FREEZE).await else { return };
    let told = told.unwrap_err();
    assert!(told.contains("NotAuthorized") && told.contains("org.hvutils.vss.freeze"), "{told}");
    assert!(world.setup.desk.asks.try_recv().is_err(), "the service was asked");
}
