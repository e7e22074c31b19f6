//! `org.hvutils.Network1` shows what the host is told, and says when that is different.

use futures_util::StreamExt;
use hv_utils_core::testing::namespace::inside;
use hv_utils_core::testing::routes::DefaultRoute;
use zbus::Connection;
use zbus::fdo::PropertiesProxy;

use crate::bus::{PrivateBus, Resolved};
use crate::host::{Guest, MAC, eth0, in_time, strings};

/// A row as it is on the bus.
type Row = (String, String, Vec<String>, Vec<String>, Vec<String>, bool);

async fn rows(client: &Connection) -> Vec<Row> {
    let answer = client
        .call_method(
            Some("org.hvutils.Kvp1"),
            "/org/hvutils/Kvp1",
            Some("org.freedesktop.DBus.Properties"),
            "Get",
            &("org.hvutils.Network1", "Adapters"),
        )
        .await
        .unwrap();
    let body = answer.body();
    let rows: zbus::as_variant::Deserialize<'_, Vec<Row>> = body.deserialize().unwrap();
    rows.0
}

#[test]
fn adapters_are_shown_as_the_host_is_told_and_announced_when_they_differ() {
    let test = "adapters_are_shown_as_the_host_is_told_and_announced_when_they_differ";
    inside(test, async move |links| {
        let Some(bus) = PrivateBus::start(test) else { return };
        in_time(async {
            let index = eth0(&links).await;
            links.route(&DefaultRoute::through(index, "10.0.0.1").protocol(16)).await;
            let mut guest = Guest::start(5, "", &bus.address).await;
            let client = bus.connect().await;
            while client
                .call_method(
                    Some("org.freedesktop.DBus"),
                    "/org/freedesktop/DBus",
                    Some("org.freedesktop.DBus"),
                    "GetNameOwner",
                    &("org.hvutils.Kvp1",),
                )
                .await
                .is_err()
            {
                tokio::task::yield_now().await;
            }
            let properties =
                PropertiesProxy::new(&client, "org.hvutils.Kvp1", "/org/hvutils/Kvp1").await.unwrap();
            let mut changes = properties.receive_properties_changed().await.unwrap();
            let row = |dns: &str| {
                let (addresses, gateways) = (strings(&["10.0.0.5/24"]), strings(&["10.0.0.1"]));
                ("eth0".to_owned(), MAC.to_owned(), addresses, gateways, strings(&[dns]), true)
            };
            assert_eq!(rows(&client).await, [row("192.0.2.53")]);
            let resolved = Resolved::start(&bus, &[(0, 2, vec![10, 9, 9, 9])]).await;
            let mut next = async || loop {
                let change = changes.next().await.unwrap();
                let change = change.args().unwrap();
                if change.interface_name == "org.hvutils.Network1" {
                    break change.changed_properties.keys().map(ToString::to_string).collect::<Vec<_>>();
                }
            };
            assert_eq!(next().await, ["Adapters"]);
            assert_eq!(rows(&client).await, [row("10.9.9.9")]);
            assert_eq!(guest.binary(MAC).await.dns, strings(&["10.9.9.9"]));
            // The same again, and an address that is not told: no news. The next one is.
            resolved.set(&[(0, 2, vec![10, 9, 9, 9])]).await;
            links.address(index, "127.0.0.7", 8).await;
            links.remove_address(index, "10.0.0.5", 24).await;
            assert_eq!(next().await, ["Adapters"]);
            assert_eq!(rows(&client).await[0].2, strings(&[]), "the last address that is told has gone");
        })
        .await;
    });
}
