//! Who may: root and ourselves always, others by polkit's word, nobody else. The other user is a process of its
//! own (`dbus-send`), as nobody where the tests run as root; polkit is a double on the same private bus.

use super::*;
use crate::bus::support::{self, PrivateBus};
use std::future::Future;
use std::sync::{Arc, Mutex};
use tokio::runtime::Builder as RuntimeBuilder;
use zbus::connection::Builder;
use zbus::interface;

const NAME: &str = "org.hvutils.Guarded1";
const PATH: &str = "/org/hvutils/Guarded1";
const ACTION: &str = "org.hvutils.test.change";

/// No user of this machine: whoever runs the tests is someone else, unless root.
const STRANGER: u32 = 4_000_000_000;

struct Guarded(Authority);

impl Authority {
    fn one_of(self, user: u32, users: &[u32]) -> Result<(), Error> {
        if self.trusts(user) || users.contains(&user) {
            return Ok(());
        }
        Err(refused("whoever has begun it may"))
    }
}

#[interface(name = "org.hvutils.Guarded1")]
impl Guarded {
    async fn change(
        &self,
        #[zbus(header)] call: Header<'_>,
        #[zbus(connection)] bus: &Connection,
    ) -> Result<(), Error> {
        self.0.check(bus, &call, ACTION).await
    }

    async fn root_only(
        &self,
        #[zbus(header)] call: Header<'_>,
        #[zbus(connection)] bus: &Connection,
    ) -> Result<(), Error> {
        self.0.root(bus, &call).await
    }

    async fn known_only(
        &self,
        #[zbus(header)] call: Header<'_>,
        #[zbus(connection)] bus: &Connection,
    ) -> Result<(), Error> {
        self.0.one_of(Authority::identify(bus, &call).await?, &[1, 2])
    }

    async fn known_other(
        &self,
        #[zbus(header)] call: Header<'_>,
        #[zbus(connection)] bus: &Connection,
    ) -> Result<(), Error> {
        self.0.one_of(Authority::identify(bus, &call).await?, &[support::NOBODY, own()])
    }

    async fn who(
        &self,
        #[zbus(header)] call: Header<'_>,
        #[zbus(connection)] bus: &Connection,
    ) -> Result<u32, Error> {
        self.0.admit(bus, &call, ACTION).await
    }
}

fn own() -> u32 {
    rustix::process::geteuid().as_raw()
}

type Answer = (bool, bool, HashMap<String, String>);
type Asked = Arc<Mutex<Vec<(String, String, u32)>>>;

struct Polkit {
    answer: (bool, bool),
    asked: Asked,
}

#[interface(name = "org.freedesktop.PolicyKit1.Authority")]
impl Polkit {
    async fn check_authorization(
        &self,
        subject: (String, HashMap<String, zbus::OwnedVariant>),
        action: String,
        _details: HashMap<String, String>,
        flags: u32,
        _cancellation: String,
    ) -> Answer {
        self.asked.lock().unwrap().push((subject.0, action, flags));
        (self.answer.0, self.answer.1, HashMap::new())
    }
}

/// Runs a test; the time limit only ends one that hangs.
fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = RuntimeBuilder::new_current_thread().enable_io().enable_time().build().unwrap();
    let limited = async { tokio::time::timeout(std::time::Duration::from_secs(60), test).await };
    runtime.block_on(limited).expect("hangs")
}

async fn guarded(bus: &PrivateBus, authority: Authority) -> Connection {
    Builder::address(bus.address().as_str())
        .serve_at(PATH, Guarded(authority))
        .name(NAME)
        .build()
        .await
        .unwrap()
}

async fn polkit_double(bus: &PrivateBus, answer: (bool, bool)) -> (Connection, Asked) {
    let asked = Asked::default();
    let polkit = Polkit { answer, asked: Arc::clone(&asked) };
    let connection = Builder::address(bus.address().as_str())
        .serve_at("/org/freedesktop/PolicyKit1/Authority", polkit)
        .name("org.freedesktop.PolicyKit1")
        .build()
        .await
        .unwrap();
    (connection, asked)
}

async fn call(bus: &PrivateBus, method: &str) -> Result<(), String> {
    let client = Builder::address(bus.address().as_str()).build().await.unwrap();
    let reply = client.call_method(Some(NAME), PATH, Some(NAME), method, &()).await;
    reply.map(drop).map_err(|error| error.to_string())
}

/// The other user's call: `Err` with what it was told. `None` if there is no way to be another user.
async fn call_as_other(test: &'static str, bus: &PrivateBus, method: &str) -> Option<Result<(), String>> {
    let (address, member) = (bus.address(), format!("{NAME}.{method}"));
    let call = move || support::call_as_other(test, &address, NAME, &[PATH, &member]);
    let output = tokio::task::spawn_blocking(call).await.unwrap()?;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    Some(if output.status.success() { Ok(()) } else { Err(told) })
}

#[test]
fn root_and_the_daemons_own_user_need_no_polkit() {
    let Some(bus) = PrivateBus::start("root_and_the_daemons_own_user_need_no_polkit") else { return };
    run(async {
        let _daemon = guarded(&bus, Authority::new()).await;
        assert_eq!(call(&bus, "Change").await, Ok(()));
        assert_eq!(call(&bus, "RootOnly").await, Ok(()));
    });
}

#[test]
fn root_is_allowed_whoever_the_daemon_is() {
    const TEST: &str = "root_is_allowed_whoever_the_daemon_is";
    if !rustix::process::geteuid().is_root() {
        use std::io::Write as _;
        // Not println!: the runner swallows what a test that passes prints with it.
        let _ = writeln!(std::io::stderr(), "skipped: {TEST}: only root can call as root");
        return;
    }
    let Some(bus) = PrivateBus::start(TEST) else { return };
    run(async {
        let _daemon = guarded(&bus, Authority::acting_as(STRANGER)).await;
        assert_eq!(call(&bus, "Change").await, Ok(()));
        assert_eq!(call(&bus, "RootOnly").await, Ok(()));
    });
}

#[test]
fn other_user_is_refused_where_there_is_no_polkit() {
    const TEST: &str = "other_user_is_refused_where_there_is_no_polkit";
    let Some(bus) = PrivateBus::start(TEST) else { return };
    run(async {
        let _daemon = guarded(&bus, Authority::acting_as(STRANGER)).await;
        for method in ["Change", "RootOnly"] {
            let Some(told) = call_as_other(TEST, &bus, method).await else { return };
            let told = told.unwrap_err();
            assert!(
                told.starts_with("Error org.hvutils.Error.NotAuthorized: only root may do this"),
                "{told}"
            );
        }
    });
}

struct BrokenPolkit;

#[interface(name = "org.freedesktop.PolicyKit1.Authority")]
impl BrokenPolkit {
    fn check_authorization(&self) -> zbus::fdo::Result<()> {
        Err(zbus::fdo::Error::Failed("Action is not registered".to_owned()))
    }
}

#[test]
fn polkit_that_answers_with_an_error_is_not_said_to_be_absent() {
    const TEST: &str = "polkit_that_answers_with_an_error_is_not_said_to_be_absent";
    let Some(bus) = PrivateBus::start(TEST) else { return };
    run(async {
        let _daemon = guarded(&bus, Authority::acting_as(STRANGER)).await;
        let _polkit = Builder::address(bus.address().as_str())
            .serve_at("/org/freedesktop/PolicyKit1/Authority", BrokenPolkit)
            .name("org.freedesktop.PolicyKit1")
            .build()
            .await
            .unwrap();
        let Some(told) = call_as_other(TEST, &bus, "Change").await else { return };
        let told = told.unwrap_err();
        assert!(
            told.starts_with("Error org.hvutils.Error.NotAuthorized: polkit cannot decide about"),
            "{told}"
        );
        assert!(!told.contains("not available"), "{told}");
    });
}

#[test]
fn errors_of_the_bus_tell_an_absent_polkit_from_one_that_refuses() {
    let error = |name: &'static str| {
        let message = zbus::Message::method_call("/", "X").build(&()).unwrap();
        let name = zbus::names::OwnedErrorName::try_from(name).unwrap();
        // As zbus turns a reply into an error: by variants of its own for the names it knows.
        let error = zbus::Error::MethodError(name, Some("why".to_owned()), message);
        unanswered(&zbus::Error::from(zbus::fdo::Error::from(error)), "a.b")
    };
    for absent in ["ServiceUnknown", "NameHasNoOwner", "Spawn.ServiceNotFound", "Spawn.ExecFailed"] {
        let name = format!("org.freedesktop.DBus.Error.{absent}");
        assert!(error(name.leak()).contains("not available"), "{absent}");
    }
    for there in ["org.freedesktop.PolicyKit1.Error.Failed", "org.freedesktop.DBus.Error.AccessDenied"] {
        let told = error(there);
        assert!(told.contains(there) && told.contains("why") && !told.contains("available"), "{told}");
    }
}

#[test]
fn other_user_is_allowed_by_polkits_consent_but_not_to_what_is_roots_alone() {
    const TEST: &str = "other_user_is_allowed_by_polkits_consent_but_not_to_what_is_roots_alone";
    let Some(bus) = PrivateBus::start(TEST) else { return };
    run(async {
        let _daemon = guarded(&bus, Authority::acting_as(STRANGER)).await;
        let (_polkit, asked) = polkit_double(&bus, (true, false)).await;
        let Some(told) = call_as_other(TEST, &bus, "Change").await else { return };
        assert_eq!(told, Ok(()));
        assert_eq!(*asked.lock().unwrap(), [("system-bus-name".to_owned(), ACTION.to_owned(), 0)]);
        let told = call_as_other(TEST, &bus, "RootOnly").await.unwrap();
        assert!(told.unwrap_err().contains("NotAuthorized"));
    });
}

/// polkit that hangs, as everything may that writes to a filesystem which is frozen.
struct HangingPolkit(Arc<Mutex<u32>>);

#[interface(name = "org.freedesktop.PolicyKit1.Authority")]
impl HangingPolkit {
    async fn check_authorization(&self) {
        *self.0.lock().unwrap() += 1;
        std::future::pending::<()>().await;
    }
}

#[test]
fn who_is_known_is_decided_without_polkit() {
    const TEST: &str = "who_is_known_is_decided_without_polkit";
    let Some(bus) = PrivateBus::start(TEST) else { return };
    run(async {
        let _daemon = guarded(&bus, Authority::acting_as(STRANGER)).await;
        let asked = Arc::new(Mutex::new(0));
        let _polkit = Builder::address(bus.address().as_str())
            .serve_at("/org/freedesktop/PolicyKit1/Authority", HangingPolkit(Arc::clone(&asked)))
            .name("org.freedesktop.PolicyKit1")
            .build()
            .await
            .unwrap();
        let Some(told) = call_as_other(TEST, &bus, "KnownOnly").await else { return };
        let told = told.unwrap_err();
        assert!(
            told.starts_with("Error org.hvutils.Error.NotAuthorized: whoever has begun it may"),
            "{told}"
        );
        assert_eq!(call_as_other(TEST, &bus, "KnownOther").await, Some(Ok(())));
        assert_eq!(*asked.lock().unwrap(), 0);
    });
}

#[test]
fn root_and_the_daemons_own_user_are_known() {
    let Some(bus) = PrivateBus::start("root_and_the_daemons_own_user_are_known") else { return };
    run(async {
        let _daemon = guarded(&bus, Authority::new()).await;
        assert_eq!(call(&bus, "KnownOnly").await, Ok(()));
    });
}

#[test]
fn who_is_admitted_is_told() {
    let Some(bus) = PrivateBus::start("who_is_admitted_is_told") else { return };
    run(async {
        let _daemon = guarded(&bus, Authority::new()).await;
        let client = Builder::address(bus.address().as_str()).build().await.unwrap();
        let reply = client.call_method(Some(NAME), PATH, Some(NAME), "Who", &()).await.unwrap();
        assert_eq!(reply.body().deserialize::<u32>().unwrap(), own());
    });
}

#[test]
fn other_user_is_refused_by_polkits_word_and_told_if_a_password_would_help() {
    const TEST: &str = "other_user_is_refused_by_polkits_word_and_told_if_a_password_would_help";
    let Some(bus) = PrivateBus::start(TEST) else { return };
    run(async {
        let _daemon = guarded(&bus, Authority::acting_as(STRANGER)).await;
        for (challenge, hint) in [(false, "polkit does not allow it"), (true, "needs a password")] {
            let (polkit, _asked) = polkit_double(&bus, (false, challenge)).await;
            let Some(told) = call_as_other(TEST, &bus, "Change").await else { return };
            let told = told.unwrap_err();
            assert!(told.contains("NotAuthorized") && told.contains(hint), "{told}");
            polkit.release_name("org.freedesktop.PolicyKit1").await.unwrap();
        }
    });
}

#[test]
fn person_is_asked_only_if_the_call_allows_it() {
    let Some(bus) = PrivateBus::start("person_is_asked_only_if_the_call_allows_it") else { return };
    run(async {
        let client = Builder::address(bus.address().as_str()).build().await.unwrap();
        let (_polkit, asked) = polkit_double(&bus, (true, false)).await;
        let caller = client.unique_name().unwrap().clone();
        polkit(&client, &caller, ACTION, true).await.unwrap();
        polkit(&client, &caller, ACTION, false).await.unwrap();
        let flags: Vec<u32> = asked.lock().unwrap().iter().map(|(.., flags)| *flags).collect();
        assert_eq!(flags, [ALLOW_USER_INTERACTION, 0]);
    });
}

#[test]
fn caller_without_a_name_on_a_bus_is_refused() {
    run(async {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let server = Builder::unix_stream(ours)
            .server(zbus::Guid::generate())
            .p2p()
            .serve_at(PATH, Guarded(Authority::new()));
        let client = Builder::unix_stream(theirs).p2p();
        let (server, client) = tokio::join!(server.build(), client.build());
        let (_server, client) = (server.unwrap(), client.unwrap());
        for method in ["Change", "KnownOther"] {
            let refused = client.call_method(None::<&str>, PATH, Some(NAME), method, &()).await.unwrap_err();
            assert!(refused.to_string().contains("NotAuthorized"), "{refused}");
        }
    });
}

#[test]
fn caller_whom_the_bus_does_not_know_is_refused() {
    let Some(bus) = PrivateBus::start("caller_whom_the_bus_does_not_know_is_refused") else { return };
    run(async {
        let client = Builder::address(bus.address().as_str()).build().await.unwrap();
        let gone = UniqueName::try_from(":1.4711").unwrap();
        let refused = user(&client, &gone).await.unwrap_err();
        assert!(matches!(refused, Error::NotAuthorized(_)), "{refused:?}");
    });
}
