//! `org.hvutils.Network1` on a private bus: what was injected, how that changes, and undoing it.

use std::collections::HashMap;

use futures_util::StreamExt as _;
use hv_utils_core::netapply::{
    Addressing, History, Injection, Kind, Network, Outcome, Plan, Record, Reply, Request, encode,
};
use zbus::proxy::SignalStream;
use zbus::wire::OwnedVariant;
use zbus::{Connection, Proxy};

use crate::double::failed;
use crate::host::{BINARY, fixed};
use crate::machine;
use crate::stack::Stack;
use crate::support::{PrivateBus, call_as_other};
use crate::{applied, wanted};

type Dict = HashMap<String, OwnedVariant>;

const NAME: &str = "org.hvutils.Kvp1";
const PATH: &str = "/org/hvutils/Kvp1";
const NETWORK1: &str = "org.hvutils.Network1";

/// A daemon on a bus of its own, and a client of it.
struct Setup {
    stack: Stack,
    bus: PrivateBus,
    client: Connection,
}

impl Setup {
    /// `None` where there is no dbus-daemon.
    async fn start(test: &str) -> Option<Setup> {
        let bus = PrivateBus::start(test)?;
        let stack = Stack::prepare("").on_bus(&bus.address());
        std::fs::create_dir_all(stack.path("state/hv-netapply")).unwrap();
        let address = bus.address();
        let client = zbus::connection::Builder::address(address.as_str()).build().await.unwrap();
        let names = zbus::fdo::DBusProxy::new(&client).await.unwrap();
        let mut owners = names.receive_name_owner_changed().await.unwrap();
        let stack = stack.run().await;
        while owners.next().await.unwrap().args().unwrap().name.as_str() != NAME {}
        Some(Setup { stack, bus, client })
    }

    async fn proxy(&self) -> Proxy<'static> {
        let builder: zbus::proxy::Builder<'_, Proxy<'_>> = zbus::proxy::Builder::new(&self.client);
        let builder = builder.destination(NAME).path(PATH).interface(NETWORK1);
        builder.cache_properties(zbus::proxy::CacheProperties::No).build().await.unwrap()
    }

    /// As hv-netapply does it.
    fn record(&self, records: &[Record]) {
        let directory = self.stack.path("state/hv-netapply");
        let history = History { records: records.to_vec() };
        std::fs::write(directory.join("new"), encode(&history)).unwrap();
        std::fs::rename(directory.join("new"), directory.join("history.json")).unwrap();
    }
}

fn record(time: u64, outcome: Outcome) -> Record {
    let network = Network { ip: "192.0.2.7".parse().unwrap(), prefix: 24 };
    let ipv4 = Plan {
        addressing: Addressing::Static(vec![network]),
        gateways: vec!["192.0.2.1".parse().unwrap()],
        dns: Some(vec!["192.0.2.53".parse().unwrap()]),
    };
    let ipv6 = Plan { addressing: Addressing::Automatic, ..Plan::default() };
    Record {
        time,
        settled: time + 5,
        interface: "eth0".to_owned(),
        backend: "netlink".to_owned(),
        injection: Injection { adapter: "f8b3781a-1e82-4818-a1c3-63d806ec15bb".to_owned(), ipv4, ipv6 },
        outcome,
        message: "a word".to_owned(),
    }
}

/// A dictionary as text, in the order of its keys.
fn shown(dict: &Dict) -> String {
    let mut entries: Vec<_> = dict.iter().map(|(key, value)| format!("{key}={}", **value)).collect();
    entries.sort();
    entries.join(" ")
}

fn outcome(dict: &Dict) -> (u64, String) {
    let time = dict["time"].downcast_ref::<u64>().unwrap();
    (time, dict["outcome"].downcast_ref::<String>().unwrap())
}

async fn next(signals: &mut SignalStream<'_>) -> (u64, String) {
    let message = signals.next().await.unwrap();
    outcome(&message.body().deserialize::<Dict>().unwrap())
}

#[test]
fn an_injection_is_shown_and_announced_with_everything_known_of_it() {
    machine("an_injection_is_shown_and_announced_with_everything_known_of_it", async || {
        let Some(setup) = Setup::start("an injection is shown").await else { return };
        let proxy = setup.proxy().await;
        assert_eq!(proxy.get_property::<Dict>("LastInjected").await.unwrap(), Dict::new());
        assert_eq!(proxy.call::<_, _, Vec<Dict>>("History", &()).await.unwrap(), Vec::<Dict>::new());
        let mut signals = proxy.receive_signal("Injected").await.unwrap();
        setup.record(&[record(7, Outcome::Applied)]);
        assert_eq!(next(&mut signals).await, (7, "applied".to_owned()));
        let last = proxy.get_property::<Dict>("LastInjected").await.unwrap();
        assert_eq!(
            shown(&last),
            "adapter=\"f8b3781a-1e82-4818-a1c3-63d806ec15bb\" addresses=[\"192.0.2.7/24\"] backend=\"netlink\" \
         dns=[\"192.0.2.53\"] gateways=[\"192.0.2.1\"] interface=\"eth0\" ipv4=\"static\" ipv6=\"automatic\" \
         message=\"a word\" outcome=\"applied\" pending=false settled=uint64 12 time=uint64 7"
        );
        assert_eq!(proxy.call::<_, _, Vec<Dict>>("History", &()).await.unwrap(), [last]);
    });
}

#[test]
fn each_change_is_one_signal_and_the_property_follows_what_stands() {
    machine("each_change_is_one_signal_and_the_property_follows_what_stands", async || {
        let Some(setup) = Setup::start("each change is one signal").await else { return };
        let proxy = setup.proxy().await;
        let mut injected = proxy.receive_signal("Injected").await.unwrap();
        let mut reverted = proxy.receive_signal("Reverted").await.unwrap();
        let properties = zbus::fdo::PropertiesProxy::builder(&setup.client).destination(NAME).path(PATH);
        let properties = properties.build().await.unwrap();
        let mut changed = properties.receive_properties_changed().await.unwrap();
        let (first, second) = (record(1, Outcome::Applied), record(2, Outcome::Pending));
        setup.record(&[first.clone(), second.clone()]);
        assert_eq!(next(&mut injected).await, (1, "applied".to_owned()));
        assert_eq!(next(&mut injected).await, (2, "pending".to_owned()));
        setup.record(&[first.clone(), Record { outcome: Outcome::Applied, ..second.clone() }]);
        assert_eq!(next(&mut injected).await, (2, "applied".to_owned()));
        let third = record(3, Outcome::Failed);
        setup.record(&[
            first.clone(),
            Record { outcome: Outcome::Reverted, ..second.clone() },
            third.clone(),
        ]);
        assert_eq!(next(&mut reverted).await, (2, "reverted".to_owned()));
        assert_eq!(next(&mut injected).await, (3, "failed".to_owned()));
        for expected in [(2, "pending"), (2, "applied"), (1, "applied")] {
            let signal = changed.next().await.unwrap();
            let arguments = signal.args().unwrap();
            assert_eq!(arguments.interface_name, NETWORK1);
            let last: Dict =
                arguments.changed_properties["LastInjected"].try_clone().unwrap().try_into().unwrap();
            assert_eq!(outcome(&last), (expected.0, expected.1.to_owned()));
        }
    });
}

#[test]
fn revert_asks_hv_netapply_and_tells_what_it_says() {
    machine("revert_asks_hv_netapply_and_tells_what_it_says", async || {
        let Some(setup) = Setup::start("revert asks hv-netapply").await else { return };
        let double = setup.stack.double();
        let proxy = setup.proxy().await;
        setup.record(&[record(1, Outcome::Applied)]);
        for (answer, error) in [
            (Reply::Done, None),
            (failed(Kind::NothingToRevert), Some("org.hvutils.Error.NothingToRevert")),
            (failed(Kind::Busy), Some("org.hvutils.Error.Busy")),
            (failed(Kind::NotUndone), Some("org.hvutils.Error.Failed")),
        ] {
            let reverting = proxy.call::<_, _, ()>("Revert", &());
            let answering = async {
                let caller = double.called().await;
                assert_eq!(caller.hear(), Some(Request::Revert { interface: None }));
                // What hv-netapply has written is shown as soon as the answer is there.
                setup.record(&[record(1, Outcome::Reverted)]);
                caller.say(&answer);
            };
            let (outcome, ()) = tokio::join!(reverting, answering);
            match (outcome, error) {
                (Ok(()), None) => {
                    assert!(proxy.get_property::<Dict>("LastInjected").await.unwrap().is_empty());
                }
                (Err(zbus::Error::MethodError(name, text, _)), Some(error)) => {
                    assert_eq!(name.as_str(), error);
                    assert!(text.unwrap().starts_with("the double says"));
                }
                other => panic!("{other:?}"),
            }
        }
    });
}

#[test]
fn who_is_not_authorised_cannot_revert() {
    machine("who_is_not_authorised_cannot_revert", async || {
        let Some(setup) = Setup::start("who is not authorised").await else { return };
        if !rustix::process::geteuid().is_root() {
            println!("skipped: who is not authorised: only root can call as somebody else");
            return;
        }
        let double = setup.stack.double();
        let arguments = [PATH, "org.hvutils.Network1.Revert"];
        let Some(output) = call_as_other("who is not authorised", &setup.bus.address(), NAME, &arguments)
        else {
            return;
        };
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(
            said.contains("org.hvutils.Error.NotAuthorized") && said.contains("network.revert"),
            "{said}"
        );
        assert!(!double.is_called());
    });
}

#[test]
fn the_bus_is_served_while_an_adapter_is_configured() {
    machine("the_bus_is_served_while_an_adapter_is_configured", async || {
        let Some(setup) = Setup::start("the bus is served").await else { return };
        let double = setup.stack.double();
        let mut host = setup.stack.host(BINARY).await;
        let asked = host.ask(&fixed()).await;
        let caller = double.caller();
        wanted(&caller);
        let kvp = Proxy::new(&setup.client, NAME, PATH, NAME).await.unwrap();
        kvp.call::<_, _, ()>("Set", &("guest", "Colour", "green")).await.unwrap();
        assert_eq!(kvp.call::<_, _, String>("Get", &("guest", "Colour")).await.unwrap(), "green");
        assert_eq!(host.answer_now(), None);
        caller.say(&applied());
        assert_eq!(host.answer().await, (asked, hv_utils_core::wire::Status::OK));
    });
}
