use std::time::Duration;

use hv_utils_core::wire;

use super::*;
use crate::host::ic::IcOptions;
use crate::host::service::Service;
use crate::link::Packet;
use crate::link::scripted::{Scripted, agree, is_negotiate, reply as answer};
use crate::verb::Verb;

async fn channel<F: FnMut(&Packet) -> Vec<Packet> + Send>(
    mut guest: F,
) -> Ic<Scripted<impl FnMut(&Packet) -> Vec<Packet> + Send>> {
    let link = Scripted::new(
        move |packet: &Packet| {
            if is_negotiate(packet) { vec![agree(packet, 5)] } else { guest(packet) }
        },
    );
    let options = IcOptions { timeout: Duration::from_millis(50), ..IcOptions::real_host(wire::Ic::Kvp) };
    let mut ic = Ic::new(link, wire::Ic::Kvp, options);
    ic.negotiate().await.unwrap();
    ic
}

/// A guest whose enumerations never end.
fn endless(packet: &Packet) -> Vec<Packet> {
    let mut reply = answer(packet, 0);
    reply.payload[36] = 1;
    reply.payload[40] = 4;
    reply.payload[44] = 4;
    reply.payload[48] = b'k';
    reply.payload[560] = b'v';
    vec![reply]
}

#[tokio::test]
async fn an_enumeration_without_an_end_is_given_up() {
    let mut ic = channel(endless).await;
    let mut kvp = Kvp { limit: 100, ..Kvp::new(None) };
    let failure = kvp.walk(&mut ic, Pool::Guest).await.unwrap_err();
    assert!(
        matches!(&failure, Failure::Guest(why) if why.message.contains("more than 100 items")),
        "{failure:?}"
    );
}

#[tokio::test]
async fn an_enumeration_that_ends_in_another_status_is_refused() {
    let mut ic = channel(|packet| vec![answer(packet, 0x8000_4005)]).await;
    let mut kvp = Kvp::new(None);
    let walk = kvp.walk(&mut ic, Pool::Guest).await.unwrap();
    assert_eq!(walk, Walk { items: Vec::new(), end: Status::FAIL });
    let result = kvp.verb(&mut ic, &Verb::GetGuestItems).await;
    assert!(matches!(result, Err(Failure::Refused { status: Status::FAIL, .. })), "{result:?}");
}

#[tokio::test]
async fn ip_requests_are_sent_in_their_binary_form_and_their_status_is_told() {
    let mut ic = channel(|packet| vec![answer(packet, 0x8007_0032)]).await;
    let query = wire::kvp::IpQuery { adapter_id: "00:15:5D:00:00:01".to_owned(), ..Default::default() };
    let request = HostRequest::GetIpInfo(Box::new(query));
    let reply = Kvp::new(None).ask(&mut ic, &request).await.unwrap();
    assert_eq!(reply.status, Status::NOT_SUPPORTED);
    let sent = ic.link().sent.last().unwrap().payload.clone();
    assert_eq!((sent.len(), &sent[28..32]), (28 + 7428, &[4, 1, 0, 0][..]));
    assert_eq!(&sent[56..62], b"0\x000\0:\0");
}

#[tokio::test]
async fn verbs_of_other_services_are_refused() {
    let mut ic = channel(|_| Vec::new()).await;
    let result = Kvp::new(None).verb(&mut ic, &Verb::Quit).await;
    assert!(matches!(result, Err(Failure::Usage(_))));
}
