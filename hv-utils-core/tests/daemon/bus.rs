//! On the bus, without it, after it, and who may do what there.

use crate::process::{Daemon, Home, run};
use crate::support::{PrivateBus, call_as_other};
use futures_util::StreamExt;
use std::os::unix::net::UnixListener;
use zbus::connection::Builder;
use zbus::fdo::{DBusProxy, PropertiesProxy};
use zbus::names::InterfaceName;
use zbus::proxy::CacheProperties;
use zbus::{Connection, Variant};

const NAME: &str = "org.hvutils.Heartbeat1";
const OBJECT: &str = "/org/hvutils/Heartbeat1";
const SERVICE1: &str = "org.hvutils.Service1";
const LOG_CONTROL: &str = "org.freedesktop.LogControl1";
const LOG_CONTROL_PATH: &str = "/org/freedesktop/LogControl1";

fn start(home: &Home, bus: &PrivateBus) -> Daemon {
    home.start(["--bus", bus.address().as_str()])
}

pub(crate) async fn client(bus: &PrivateBus) -> Connection {
    Builder::address(bus.address().as_str()).build().await.unwrap()
}

pub(crate) async fn properties(client: &Connection, path: &'static str) -> PropertiesProxy<'static> {
    let builder = PropertiesProxy::builder(client).destination(NAME).path(path);
    builder.cache_properties(CacheProperties::No).build().await.unwrap()
}

pub(crate) async fn get(
    client: &Connection,
    interface: &'static str,
    path: &'static str,
    name: &str,
) -> String {
    let interface = InterfaceName::from_static_str(interface).unwrap();
    properties(client, path).await.get(interface, name).await.unwrap().to_string()
}

/// Waits until the daemon has its name on a bus that it is not on yet, or may not be.
async fn appears(client: &Connection) {
    let bus = DBusProxy::new(client).await.unwrap();
    let mut changes = bus.receive_name_owner_changed_with_args(&[(0, NAME)]).await.unwrap();
    if bus.name_has_owner(NAME.try_into().unwrap()).await.unwrap() {
        return;
    }
    while let Some(change) = changes.next().await {
        if change.args().unwrap().new_owner.is_some() {
            return;
        }
    }
}

#[test]
fn ready_daemon_has_its_name_its_objects_and_the_shells() {
    let Some(bus) = PrivateBus::start("ready_daemon_has_its_name_its_objects_and_the_shells") else { return };
    run(async {
        let home = Home::new();
        let daemon = start(&home, &bus);
        daemon.ready().await;
        let client = client(&bus).await;
        assert_eq!(get(&client, NAME, OBJECT, "Sequence").await, "uint64 0");
        assert_eq!(
            get(&client, SERVICE1, OBJECT, "Version").await,
            format!("{:?}", env!("CARGO_PKG_VERSION"))
        );
        assert_eq!(get(&client, SERVICE1, OBJECT, "ChannelState").await, "\"closed\"");
        assert_eq!(get(&client, SERVICE1, OBJECT, "MessagesReceived").await, "uint64 0");
        assert_eq!(get(&client, SERVICE1, OBJECT, "LastMessage").await, "uint64 0");
        assert_eq!(get(&client, LOG_CONTROL, LOG_CONTROL_PATH, "LogLevel").await, "\"info\"");
        assert_eq!(get(&client, LOG_CONTROL, LOG_CONTROL_PATH, "LogTarget").await, "\"console\"");
        assert_eq!(
            get(&client, LOG_CONTROL, LOG_CONTROL_PATH, "SyslogIdentifier").await,
            "\"hv-heartbeatd\""
        );
        assert_eq!(daemon.stop().await.code, Some(0));
    });
}

#[test]
fn system_bus_is_the_one_the_environment_names() {
    let Some(bus) = PrivateBus::start("system_bus_is_the_one_the_environment_names") else { return };
    run(async {
        let home = Home::new();
        let daemon = home.start_with(["--bus", "system"], |command| {
            command.env("DBUS_SYSTEM_BUS_ADDRESS", bus.address());
        });
        daemon.ready().await;
        assert_eq!(get(&client(&bus).await, NAME, OBJECT, "Sequence").await, "uint64 0");
    });
}

#[test]
fn name_that_another_owns_ends_with_75() {
    let Some(bus) = PrivateBus::start("name_that_another_owns_ends_with_75") else { return };
    run(async {
        let _owner = Builder::address(bus.address().as_str()).name(NAME).build().await.unwrap();
        let ended = start(&Home::new(), &bus).ended().await;
        assert_eq!(ended.code, Some(75));
        assert!(ended.log.contains("org.hvutils.Heartbeat1 is taken"), "{}", ended.log);
    });
}

#[test]
fn policy_against_the_name_ends_with_77() {
    let policy = format!("<deny own='{NAME}'/>");
    let Some(bus) = PrivateBus::with_policy("policy_against_the_name_ends_with_77", &policy) else { return };
    run(async {
        let ended = start(&Home::new(), &bus).ended().await;
        assert_eq!(ended.code, Some(77));
        assert!(ended.log.contains("policy"), "{}", ended.log);
    });
}

#[test]
fn daemon_serves_before_there_is_a_bus_and_joins_it_when_it_comes() {
    let Some(mut bus) = PrivateBus::absent("daemon_serves_before_there_is_a_bus_and_joins_it_when_it_comes")
    else {
        return;
    };
    run(async {
        let home = Home::new();
        let daemon = start(&home, &bus);
        daemon.ready().await;
        bus.restart();
        let client = client(&bus).await;
        appears(&client).await;
        assert_eq!(get(&client, SERVICE1, OBJECT, "ChannelState").await, "\"closed\"");
        let ended = daemon.stop().await;
        assert_eq!(ended.log.matches("is not there").count(), 1, "{}", ended.log);
    });
}

#[test]
fn daemon_outlives_the_bus_and_joins_the_next() {
    let Some(mut bus) = PrivateBus::start("daemon_outlives_the_bus_and_joins_the_next") else { return };
    run(async {
        let home = Home::new();
        let daemon = start(&home, &bus);
        daemon.ready().await;
        for _ in 0..2 {
            bus.restart();
            let client = client(&bus).await;
            appears(&client).await;
            assert_eq!(get(&client, NAME, OBJECT, "Sequence").await, "uint64 0");
            assert_eq!(get(&client, LOG_CONTROL, LOG_CONTROL_PATH, "LogLevel").await, "\"info\"");
        }
        assert_eq!(daemon.stop().await.code, Some(0));
    });
}

#[test]
fn bus_that_never_answers_holds_up_neither_ready_nor_stop() {
    run(async {
        let home = Home::new();
        let path = home.path("silent");
        let _silent = UnixListener::bind(&path).unwrap();
        let daemon = home.start(["--bus", format!("unix:path={}", path.display()).as_str()]);
        daemon.ready().await;
        assert_eq!(daemon.stop().await.code, Some(0));
    });
}

#[test]
fn owner_may_change_level_and_target_and_nonsense_is_refused() {
    let Some(bus) = PrivateBus::start("owner_may_change_level_and_target_and_nonsense_is_refused") else {
        return;
    };
    run(async {
        let home = Home::new();
        let daemon = start(&home, &bus);
        daemon.ready().await;
        let client = client(&bus).await;
        let properties = properties(&client, LOG_CONTROL_PATH).await;
        let interface = || InterfaceName::from_static_str(LOG_CONTROL).unwrap();
        properties.set(interface(), "LogLevel", &Variant::from("notice")).await.unwrap();
        assert_eq!(get(&client, LOG_CONTROL, LOG_CONTROL_PATH, "LogLevel").await, "\"notice\"");
        properties.set(interface(), "LogTarget", &Variant::from("null")).await.unwrap();
        assert_eq!(get(&client, LOG_CONTROL, LOG_CONTROL_PATH, "LogTarget").await, "\"null\"");
        for (property, nonsense) in [("LogLevel", "loud"), ("LogTarget", "printer")] {
            let refused = properties.set(interface(), property, &Variant::from(nonsense)).await.unwrap_err();
            let zbus::fdo::Error::ZBus(zbus::Error::MethodError(name, ..)) = refused else {
                panic!("{refused}")
            };
            assert_eq!(name.as_str(), "org.hvutils.Error.InvalidArgument");
        }
        assert!(properties.set(interface(), "SyslogIdentifier", &Variant::from("x")).await.is_err());
    });
}

#[test]
fn another_user_may_read_the_log_level_but_not_set_it() {
    const TEST: &str = "another_user_may_read_the_log_level_but_not_set_it";
    if !rustix::process::geteuid().is_root() {
        use std::io::Write as _;
        // Not println!: the runner swallows what a test that passes prints with it.
        let _ = writeln!(std::io::stderr(), "skipped: {TEST}: only root can call as another user");
        return;
    }
    let Some(bus) = PrivateBus::start(TEST) else { return };
    run(async {
        let home = Home::new();
        let daemon = start(&home, &bus);
        daemon.ready().await;
        let interface = format!("string:{LOG_CONTROL}");
        let read = ["org.freedesktop.DBus.Properties.Get", interface.as_str(), "string:LogLevel"];
        let set = [
            "org.freedesktop.DBus.Properties.Set",
            interface.as_str(),
            "string:LogLevel",
            "variant:string:debug",
        ];
        let call = |method: &[&str]| {
            let arguments: Vec<&str> = [LOG_CONTROL_PATH].iter().chain(method).copied().collect();
            call_as_other(TEST, &bus.address(), NAME, &arguments)
        };
        let Some(read) = call(&read) else { return };
        assert!(
            read.status.success() && String::from_utf8_lossy(&read.stdout).contains("\"info\""),
            "{read:?}"
        );
        let refused = call(&set).unwrap();
        let told = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && told.contains("org.hvutils.Error.NotAuthorized"), "{refused:?}");
        assert_eq!(get(&client(&bus).await, LOG_CONTROL, LOG_CONTROL_PATH, "LogLevel").await, "\"info\"");
    });
}

#[test]
fn channel_that_is_not_the_kernels_is_not_let_go_of_and_another_user_may_not_ask() {
    const TEST: &str = "channel_that_is_not_the_kernels_is_not_let_go_of_and_another_user_may_not_ask";
    let Some(bus) = PrivateBus::start(TEST) else { return };
    run(async {
        let home = Home::new();
        let daemon = start(&home, &bus);
        daemon.ready().await;
        let client = client(&bus).await;
        let asked = client.call_method(Some(NAME), OBJECT, Some(SERVICE1), "Release", &5_u32).await;
        let refused = asked.unwrap_err().to_string();
        assert!(refused.contains("org.hvutils.Error.NotSupported"), "{refused}");
        if !rustix::process::geteuid().is_root() {
            use std::io::Write as _;
            let _ = writeln!(std::io::stderr(), "skipped: {TEST}: only root can call as another user");
            return;
        }
        let method = format!("{SERVICE1}.Release");
        let asked = call_as_other(TEST, &bus.address(), NAME, &[OBJECT, method.as_str(), "uint32:5"]);
        let Some(asked) = asked else { return };
        let told = String::from_utf8_lossy(&asked.stderr);
        assert!(!asked.status.success() && told.contains("org.hvutils.Error.NotAuthorized"), "{asked:?}");
    });
}
