//! The interface over a socket pair, without a bus: values, one signal per change, and its description.

use super::*;
use crate::testing::described::{introspect, members, repository};
use futures_util::StreamExt;
use std::future::Future;
use std::os::unix::net::UnixStream;
use zbus::connection::Builder;
use zbus::fdo::PropertiesProxy;
use zbus::names::InterfaceName;
use zbus::proxy::CacheProperties;

const PATH: &str = "/org/hvutils/Test1";

const CLOSED: State = State { transport: "", channel: "closed", framework: None, message: None };
const READY: State = State {
    transport: "sim",
    channel: "ready",
    framework: Some(Version::new(3, 0)),
    message: Some(Version::new(5, 0)),
};

/// Runs a test; the time limit only ends one that hangs.
fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limited = async { tokio::time::timeout(std::time::Duration::from_secs(60), test).await };
    assert!(runtime.block_on(limited).is_ok(), "hangs");
}

struct Pair {
    _server: Connection,
    client: Connection,
    state: watch::Sender<State>,
    questions: mpsc::Receiver<Question>,
}

async fn pair() -> Pair {
    let state = watch::Sender::new(CLOSED);
    let (asking, questions) = mpsc::channel(1);
    let (ours, theirs) = UnixStream::pair().unwrap();
    let object = Service1::new(state.subscribe(), asking, Authority::new());
    let server =
        Builder::unix_stream(ours).server(zbus::Guid::generate()).p2p().serve_at(PATH, object).build();
    let client = Builder::unix_stream(theirs).p2p().build();
    let (server, client) = tokio::join!(server, client);
    let server = server.unwrap();
    tokio::spawn(publish(server.clone(), PATH, state.subscribe()));
    Pair { _server: server, client: client.unwrap(), state, questions }
}

impl Pair {
    async fn properties(&self) -> PropertiesProxy<'static> {
        let proxy = PropertiesProxy::builder(&self.client).path(PATH).destination("org.hvutils.Test1");
        proxy.cache_properties(CacheProperties::No).build().await.unwrap()
    }
}

fn interface() -> InterfaceName<'static> {
    InterfaceName::from_static_str(SERVICE1).unwrap()
}

async fn read(properties: &PropertiesProxy<'_>, name: &str) -> String {
    properties.get(interface(), name).await.unwrap().to_string()
}

#[test]
fn state_is_read_as_the_channel_last_had_it() {
    run(async {
        let pair = pair().await;
        let properties = pair.properties().await;
        assert_eq!(read(&properties, "Transport").await, "\"\"");
        assert_eq!(read(&properties, "ChannelState").await, "\"closed\"");
        assert_eq!(read(&properties, "MessageVersion").await, "\"\"");
        pair.state.send_replace(READY);
        assert_eq!(read(&properties, "Transport").await, "\"sim\"");
        assert_eq!(read(&properties, "ChannelState").await, "\"ready\"");
        assert_eq!(read(&properties, "FrameworkVersion").await, "\"3.0\"");
        assert_eq!(read(&properties, "MessageVersion").await, "\"5.0\"");
        assert_eq!(read(&properties, "Version").await, format!("{:?}", env!("CARGO_PKG_VERSION")));
    });
}

#[test]
fn one_change_of_the_channel_is_one_signal_with_what_changed() {
    run(async {
        let pair = pair().await;
        let properties = pair.properties().await;
        let mut signals = properties.receive_properties_changed().await.unwrap();
        // A reply proves that the publisher's task has begun: it was spawned before.
        read(&properties, "Transport").await;
        pair.state.send_replace(State { transport: "sim", channel: "negotiating", ..CLOSED });
        let first = signals.next().await.unwrap();
        let mut names: Vec<_> = first.args().unwrap().changed_properties.into_keys().collect();
        names.sort_unstable();
        assert_eq!(names, ["ChannelState", "Transport"]);
        pair.state.send_replace(READY);
        let second = signals.next().await.unwrap();
        let arguments = second.args().unwrap();
        assert_eq!(arguments.interface_name, SERVICE1);
        let mut changed: Vec<_> =
            arguments.changed_properties.iter().map(|(name, value)| format!("{name}={value}")).collect();
        changed.sort_unstable();
        assert_eq!(changed, ["ChannelState=\"ready\"", "FrameworkVersion=\"3.0\"", "MessageVersion=\"5.0\""]);
        assert!(arguments.invalidated_properties.is_empty());
    });
}

#[test]
fn counters_are_fetched_from_the_loop_at_the_moment_they_are_read() {
    run(async {
        let mut pair = pair().await;
        let properties = pair.properties().await;
        let answering = async {
            for received in 1..=3 {
                let Some(Question::Counters(asker)) = pair.questions.recv().await else {
                    panic!("another question")
                };
                asker
                    .send(Counters { received, rejected: 10 * received, last_message: 100 * received })
                    .unwrap();
            }
        };
        let reading = async {
            [
                read(&properties, "MessagesReceived").await,
                read(&properties, "MessagesRejected").await,
                read(&properties, "LastMessage").await,
            ]
        };
        let ((), values) = tokio::join!(answering, reading);
        assert_eq!(values, ["uint64 1", "uint64 20", "uint64 300"]);
    });
}

#[test]
fn channel_is_not_let_go_of_for_a_caller_who_is_not_known() {
    run(async {
        let mut pair = pair().await;
        let refused = pair.client.call_method(None::<&str>, PATH, Some(SERVICE1), "Release", &5_u32).await;
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("org.hvutils.Error.NotAuthorized"), "{refused}");
        assert!(pair.questions.try_recv().is_err(), "the daemon was asked");
    });
}

#[test]
fn counters_of_a_daemon_that_stops_are_an_error_and_not_a_wait() {
    run(async {
        let mut pair = pair().await;
        let properties = pair.properties().await;
        pair.questions.close();
        assert!(properties.get(interface(), "MessagesReceived").await.is_err());
    });
}

#[test]
fn properties_cannot_be_written() {
    run(async {
        let pair = pair().await;
        let properties = pair.properties().await;
        let refused = properties.set(interface(), "ChannelState", &Variant::from("ready")).await;
        assert!(refused.is_err());
        assert_eq!(read(&properties, "ChannelState").await, "\"closed\"");
    });
}

#[test]
fn description_says_which_properties_signal_their_change() {
    run(async {
        let pair = pair().await;
        let live = members(&introspect(&pair.client, "org.hvutils.Test1", PATH).await, SERVICE1);
        let expected = [
            "method Release seconds:u",
            "property ChannelState s read",
            "property FrameworkVersion s read",
            "property LastMessage t read false",
            "property MessageVersion s read",
            "property MessagesReceived t read false",
            "property MessagesRejected t read false",
            "property Transport s read",
            "property Version s read const",
        ];
        assert_eq!(live, expected);
        assert_eq!(live, members(&repository("dbus/org.hvutils.Service1.xml"), SERVICE1));
    });
}

#[test]
fn line_for_people_says_channel_transport_and_version() {
    assert_eq!(CLOSED.line(), "channel closed");
    assert_eq!(
        State { transport: "hv_utils", channel: "kernel", ..CLOSED }.line(),
        "channel kernel on hv_utils"
    );
    assert_eq!(READY.line(), "channel ready on sim, version 5.0");
}
