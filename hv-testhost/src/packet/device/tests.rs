use hv_utils_core::wire::Ic;
use tokio::io::AsyncReadExt;

use crate::link::{LinkError, PacketLink, Port};
use crate::packet::PacketPort;
use crate::packet::tests::{ASK, CLOSED, Machine, OFFER, OPENED, RESCIND, expect, say, waits};

#[tokio::test]
async fn a_machine_that_refuses_a_rescind_is_told_no_second_time_and_served_on() {
    let machine = Machine::new();
    let (mut port, mut stream) = machine.meet().await;
    say(&mut stream, &OPENED).await;
    let link = port.opened().await.unwrap();
    port.rescind();
    expect(&mut stream, &RESCIND).await;
    drop((stream, link));
    let mut stream = machine.asked().await;
    assert!(waits(stream.read(&mut [0; 1])).await, "a doubt is reason enough");
    assert!(port.kept().is_none(), "it may have ended for a reason of its own");
    say(&mut stream, &OPENED).await;
    let error = port.opened().await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::Unsupported);
    assert!(error.to_string().contains("kvp.sock cannot take devices away"), "{error}");
    assert!(port.kept().is_some());
    // What was not listened to is asked for again.
    expect(&mut stream, &ASK).await;
    say(&mut stream, &OPENED).await;
    let mut link = port.opened().await.unwrap();
    assert!(waits(link.recv()).await, "said once");
    port.end().await;
    drop((link, port));
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, [0; 0]);
}

#[tokio::test]
async fn a_machine_that_refuses_a_new_device_at_each_close_is_offered_one_once() {
    let machine = Machine::new();
    let (mut port, mut stream) = machine.meet().await;
    port.rescind();
    port.offer().unwrap();
    expect(&mut stream, &[RESCIND, OFFER].concat()).await;
    drop(stream);
    let mut stream = machine.asked().await;
    say(&mut stream, &OPENED).await;
    assert!(port.opened().await.is_err());
    let mut link = port.opened().await.unwrap();
    say(&mut stream, &CLOSED).await;
    assert!(matches!(link.recv().await, Err(LinkError::Closed)));
    assert!(port.kept().is_some());
}

#[tokio::test]
async fn a_machine_that_ended_for_a_reason_of_its_own_is_told_again() {
    let machine = Machine::new();
    let (mut port, mut stream) = machine.meet().await;
    port.rescind();
    expect(&mut stream, &RESCIND).await;
    drop(stream);
    // The second stream ends before anybody has answered on it.
    drop(machine.asked().await);
    let mut stream = machine.asked().await;
    expect(&mut stream, &RESCIND).await;
    say(&mut stream, &CLOSED).await;
    assert!(waits(port.opened()).await);
    assert!(port.kept().is_none());
}

#[tokio::test]
async fn another_machine_at_the_same_place_is_not_taken_for_the_one_that_refused() {
    let machine = Machine::new();
    let (mut port, mut stream) = machine.meet().await;
    port.rescind();
    expect(&mut stream, &RESCIND).await;
    drop(stream);
    let mut stream = machine.asked().await;
    say(&mut stream, &CLOSED).await;
    assert!(port.opened().await.is_err());
    let Machine { dir, listener } = machine;
    drop(listener);
    drop(stream);
    let mut progress = port.contact().0;
    progress.wait_for(|progress| progress.absent).await.unwrap();
    let path = PacketPort::socket(dir.path(), Ic::Kvp);
    std::fs::remove_file(&path).unwrap();
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    let machine = Machine { dir, listener };
    let mut stream = machine.asked().await;
    assert!(port.kept().is_none());
    port.rescind();
    expect(&mut stream, &RESCIND).await;
}

#[tokio::test]
async fn an_offer_is_sent_where_this_host_took_nothing_away_and_the_open_channel_stays() {
    let machine = Machine::new();
    let mut port = PacketPort::new(machine.dir.path(), Ic::Kvp).unwrap();
    // Before there is a stream, and on one.
    port.offer().unwrap();
    let mut stream = machine.asked().await;
    expect(&mut stream, &OFFER).await;
    say(&mut stream, &OPENED).await;
    let mut link = port.opened().await.unwrap();
    port.offer().unwrap();
    expect(&mut stream, &OFFER).await;
    assert!(waits(link.recv()).await, "the channel is the same");
    drop(stream);
}

#[tokio::test]
async fn a_host_that_takes_nothing_away_speaks_as_the_design_says() {
    let machine = Machine::new();
    let (mut port, mut stream) = machine.meet().await;
    say(&mut stream, &OPENED).await;
    let link = port.opened().await.unwrap();
    port.end().await;
    drop((link, port));
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert!(rest.chunks(16).all(|frame| frame == ASK), "{rest:x?}");
}

#[tokio::test]
async fn an_end_waits_for_an_offer_that_was_asked_for_and_not_for_a_machine_that_is_not_there() {
    let machine = Machine::new();
    let mut port = PacketPort::new(machine.dir.path(), Ic::Kvp).unwrap();
    port.offer().unwrap();
    port.end().await;
    drop(port);
    let mut stream = machine.asked().await;
    expect(&mut stream, &OFFER).await;
    let begun = std::time::Instant::now();
    let mut port = PacketPort::new(&machine.dir.path().join("nobody"), Ic::Kvp).unwrap();
    port.offer().unwrap();
    port.end().await;
    assert!(begun.elapsed() < super::super::LAST_WORDS);
}
