//! Every rule a guest can break is noticed, weighed as a real host weighs it, and named.

use std::time::Duration;

use hv_testhost::host::{Phase, Place};
use hv_testhost::{Failure, Host, HostOptions, Report, Verb};

use crate::guest::kvp::Fault;
use crate::guest::{GuestThread, Session};
use crate::support::dir;

async fn against(fault: Fault) -> (Report, Phase) {
    let dir = dir();
    let _guest = GuestThread::start(dir.path(), fault);
    let options = HostOptions {
        host_items: None,
        timeout: Duration::from_secs(60),
        ids: hv_testhost::host::TransactionIds::Rising,
        ..HostOptions::new(dir.path())
    };
    let host = Host::start(options).unwrap();
    let verb = Verb::from_words(["enumerate", "auto", "0"]).unwrap();
    let report = host.execute(&verb, None).await;
    let phase = host.states()[0].phase.clone();
    (report, phase)
}

#[tokio::test]
async fn a_guest_that_keeps_the_rules_breaks_none() {
    let (report, phase) = against(Fault::None).await;
    assert!(report.result.is_ok());
    assert_eq!(report.violations, []);
    assert!(matches!(phase, Phase::Ready(_)));
}

#[tokio::test]
async fn fatal_problems_end_the_service_as_on_a_real_host() {
    let cases = [
        (Fault::TransactionId, "IC transaction id 84, the request had 1"),
        (Fault::NoTransactionFlag, "IC flags 0x04 are not those of a reply"),
        (Fault::BodySize, "IC header announces a body of 65535 bytes, the message has 2580"),
        (Fault::PipeSize, "pipe header announces 16384 bytes, the packet has 2600"),
        (Fault::PipeType, "pipe type 2, must be 1"),
        (Fault::PacketKind, "packet type 11, must be 6"),
        (Fault::HeaderOnly, "item: body of 0 bytes, at least 2580 are needed"),
        (Fault::Unterminated, "key: no NUL at the end of the 12 bytes"),
        (Fault::OddSize, "value: odd size 25"),
        (Fault::LinuxQword, "value: type 8, must be 1, 2, 4 or 11"),
    ];
    for (fault, expected) in cases {
        let (report, phase) = against(fault).await;
        assert_eq!(report.exit_code(), 1, "{fault:?}");
        assert!(matches!(report.result, Err(Failure::Guest(_))), "{fault:?}: {report:?}");
        let found = report.violations.iter().find(|found| found.problem.is_fatal());
        let found = found.unwrap_or_else(|| panic!("{fault:?}: {report:?}"));
        assert!(found.problem.to_string().contains(expected), "{fault:?}: {found}");
        assert!(matches!(phase, Phase::Failed(_)), "{fault:?}: {phase:?}");
    }
}

#[tokio::test]
async fn what_a_real_host_lets_pass_is_noted_and_the_answer_is_used() {
    let cases = [
        (Fault::ExtraFlag, "IC flags 0x07, a reply has 0x05"),
        (Fault::VmbusId, "VMBus transaction id 0x77, the request had 0x1"),
        (Fault::MessageType, "message type 3, the request had 2"),
        (Fault::OtherOperation, "not echoed as it was sent: the operation"),
        (Fault::VersionNotOffered, "the guest chose message version 99.7, which was not offered"),
    ];
    for (fault, expected) in cases {
        let (report, phase) = against(fault).await;
        assert!(report.result.is_ok(), "{fault:?}: {report:?}");
        assert!(
            report.violations.iter().any(|found| found.problem.to_string().contains(expected)),
            "{report:?}"
        );
        assert!(report.violations.iter().all(|found| !found.problem.is_fatal()), "{report:?}");
        assert!(matches!(phase, Phase::Ready(_)), "{fault:?}: {phase:?}");
    }
}

#[tokio::test]
async fn counts_that_are_not_one_and_one_end_the_negotiation() {
    let (report, phase) = against(Fault::NoCommonVersion).await;
    assert!(
        matches!(&report.result, Err(Failure::Guest(why)) if why.message.contains("no common version")),
        "{report:?}"
    );
    assert_eq!(phase, Phase::NoCommonVersion);
    let (report, phase) = against(Fault::TwoVersions).await;
    assert!(
        report.violations[0].problem.to_string().contains("2 framework and 1 message versions"),
        "{report:?}"
    );
    assert!(matches!(phase, Phase::Failed(_)));
}

#[tokio::test]
async fn an_answer_too_many_is_noticed_before_the_next_request() {
    let dir = dir();
    let _guest = GuestThread::start(dir.path(), Fault::Twice);
    let host = Host::start(HostOptions { host_items: None, ..HostOptions::new(dir.path()) }).unwrap();
    let mut found = Vec::new();
    for index in ["0", "1", "0"] {
        let report = host.execute(&Verb::from_words(["enumerate", "auto", index]).unwrap(), None).await;
        assert!(report.result.is_ok(), "{report:?}");
        found.extend(report.violations);
    }
    // Seen in time, or taken for the next answer, as on a real host: then it has the index of the one before.
    let noticed = ["nobody asked for", "answer to an earlier request"];
    let said: Vec<String> = found.iter().map(|found| found.problem.to_string()).collect();
    assert!(noticed.iter().any(|what| said.iter().any(|said| said.contains(what))), "{said:?}");
}

/// What a guest does to its own ring, after the host's NEGOTIATE.
async fn corrupted_by(damage: fn(&mut Session)) {
    let dir = dir();
    let host = Host::start(HostOptions { host_items: None, ..HostOptions::new(dir.path()) }).unwrap();
    let path = dir.path().to_owned();
    let guest = tokio::task::spawn_blocking(move || {
        let mut session = Session::open_kvp(&path);
        session.next();
        damage(&mut session);
        session.wait_for_close();
    });
    guest.await.unwrap();
    let verb = Verb::from_words(["wait-guest"]).unwrap();
    let report = host.execute(&verb, Some(Duration::from_millis(50))).await;
    assert_eq!(report.exit_code(), 3, "{report:?}");
    let _guest = GuestThread::start(dir.path(), Fault::None);
    let report = host.execute(&verb, None).await;
    assert!(report.result.is_ok(), "a guest that opens anew is welcome");
    assert!(report.violations[0].problem.to_string().contains("corrupt ring"), "{report:?}");
}

#[tokio::test]
async fn a_write_index_that_is_no_multiple_of_8_ends_the_channel() {
    corrupted_by(|session| {
        session.rings.store(0, 12);
        session.rings.signal();
    })
    .await;
}

#[tokio::test]
async fn a_write_index_beyond_the_ring_ends_the_channel() {
    corrupted_by(|session| {
        session.rings.store(0, 0xffff_fff8);
        session.rings.signal();
    })
    .await;
}

#[tokio::test]
async fn a_packet_length_beyond_the_ring_ends_the_channel() {
    corrupted_by(|session| {
        session
            .rings
            .put_raw(&[6, 0, 2, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    })
    .await;
}

#[tokio::test]
async fn a_packet_longer_than_any_message_is_fatal_and_the_next_opening_is_not() {
    let dir = dir();
    let place = Place::Sim { dir: dir.path().to_owned(), ring_bytes: 65536 };
    let options = HostOptions { host_items: None, ..HostOptions::at(place) };
    let host = Host::start(options).unwrap();
    let path = dir.path().to_owned();
    let guest = tokio::task::spawn_blocking(move || {
        let mut session = Session::open_kvp(&path);
        let mut reply = session.next();
        reply.payload.resize(20_000, 0);
        assert_eq!(session.rings.put(&reply), Ok(true));
        session
    });
    let session = guest.await.unwrap();
    let report = host.execute(&Verb::from_words(["wait-guest"]).unwrap(), None).await;
    assert!(
        matches!(&report.result, Err(Failure::Guest(why)) if why.message.contains("broke the protocol")),
        "{report:?}"
    );
    drop(session);
}
