//! Data exchange: what daemons answered through the kernel's driver, read as a host reads it and written once more.

use super::capture::Exchange;
use super::{FIXTURES, V4, assert_same, negotiated};
use hv_utils_core::wire::kvp::{Address, Family, IpInfo, Origin, Reply, Request, raw};
use hv_utils_core::wire::{HEADER_BYTES, Ic, Message, Status};

/// Of a fixture, each request and what was answered: the status, the reply that is in it, and its body.
struct Answered {
    asked: Vec<u8>,
    request: Request,
    status: Status,
    reply: Option<Reply>,
    body: Vec<u8>,
}

fn answered(name: &str) -> Vec<Answered> {
    let (.., exchanges) = negotiated(name, Ic::Kvp, V4);
    let read = |Exchange { ask, answer, .. }: Exchange| {
        let asked = ask.1[HEADER_BYTES..].to_vec();
        let request = raw::parse(&asked, V4).unwrap();
        let message = Message::parse(&answer.1).unwrap();
        let operation = hv_utils_core::wire::kvp::Operation(asked[0]);
        let status = message.header.status;
        let reply = status.is_ok().then(|| raw::parse_reply(operation, V4, message.body).unwrap());
        Answered { asked, request, status, reply, body: message.body.to_vec() }
    };
    exchanges.into_iter().map(read).collect()
}

fn names() -> impl Iterator<Item = &'static str> {
    FIXTURES.into_iter().filter(|(_, ic, _)| *ic == Ic::Kvp).map(|(name, ..)| name)
}

/// No difference is listed, as there is none: the kernel writes into the host's request as [`raw::fill`] does, so that
/// whatever a daemon leaves behind its texts never gets to the host.
#[test]
fn an_answer_is_filled_in_as_the_kernel_fills_it_in() {
    for name in names() {
        for (number, answered) in answered(name).into_iter().enumerate() {
            let mut body = answered.asked;
            if let Some(reply) = &answered.reply {
                raw::fill(&answered.request, reply, V4, &mut body).unwrap();
            }
            assert_same(&format!("{name}, {number}: {:?}", answered.request), &body, &answered.body);
        }
    }
}

fn said(answered: &Answered) -> String {
    let short = |text: &str| match text.len() {
        0..100 => text.to_owned(),
        length => format!("{}…{length}", &text[..1]),
    };
    let asked = match &answered.request {
        Request::Get { pool, key } => format!("get {pool} {}", short(key)),
        Request::Set { pool, key, value } => format!("set {pool} {}={}", short(key), short(value)),
        Request::Delete { pool, key } => format!("delete {pool} {}", short(key)),
        Request::Enumerate { pool, index } => format!("enumerate {pool} {index}"),
        other => panic!("{other:?}"),
    };
    match &answered.reply {
        None => format!("{asked}: 0x{:08x}", answered.status.0),
        Some(Reply::Done) => format!("{asked}: done"),
        Some(Reply::Value(value)) => format!("{asked}: {value:?}"),
        Some(Reply::Item { key, value }) => format!("{asked}: {}={}", short(key), short(value)),
        Some(other) => panic!("{other:?}"),
    }
}

/// What Debian's hv_kvp_daemon said, on both kernels. Not what one would expect of it:
/// - GET finds the key and gives no value: the kernel looks for it where an answer to ENUMERATE has it (docs/protocol);
/// - REG_QWORD (11) becomes an empty text: the kernel knows the number 8 for it, and keeps the zeros of other types;
/// - SET in the pool of the guest's own facts succeeds.
const OF_THE_C_DAEMON: &str = "\
set auto-external HostName=HV-TESTHOST: done
enumerate external 0: 0x80070103
set external Colour=green: done
enumerate external 0: Colour=green
set external Second=two: done
set external Colour=grün €𝄞: done
enumerate external 0: Colour=grün €𝄞
enumerate external 1: Second=two
get external Colour: \"\"
get external Missing: 0x80070103
set external Empty=: done
set external Dword=4294967295: done
set external Qword=18446744073709551615: done
enumerate external 2: Empty=
enumerate external 3: Dword=4294967295
enumerate external 4: Qword=
delete external Missing: 0x80070103
delete external Second: done
delete external Empty: done
set external K…254=v…1022: done
enumerate external 3: K…254=v…1022
delete external K…254: done
set guest FromHost=1: done
enumerate guest 0: FromHost=1
enumerate guest 1: 0x80070103
delete guest FromHost: done
set auto Forged=1: done
delete auto OSName: 0x80070103
enumerate auto-external 0: HostName=HV-TESTHOST
delete auto-external VirtualMachineName: done
set auto-internal Odd=1: done
enumerate auto-internal 0: Odd=1
enumerate auto-internal 1: 0x80070103
enumerate auto 0: FullyQualifiedDomainName=hv-guest.example.org
enumerate auto 2: NetworkAddressIPv4=
enumerate auto 10: 0x80070103
";

#[test]
fn the_c_daemons_answers_are_read_as_what_it_meant() {
    for name in names().filter(|name| name.ends_with("hv_kvp_daemon")) {
        let said: String = answered(name).iter().map(|answered| said(answered) + "\n").collect();
        assert_eq!(said, OF_THE_C_DAEMON, "{name}");
    }
}

/// Where hv-kvpd under the same kernel answers another thing.
const OF_HV_KVPD: [(&str, &str); 3] = [
    // It puts the value where the kernel looks for it.
    ("get external Colour", "\"grün €𝄞\""),
    // Nobody writes facts.
    ("set auto Forged=1", "0x80004005"),
    ("delete auto OSName", "0x80004005"),
];

#[test]
fn hv_kvpds_answers_through_the_kernel_are_the_c_daemons_but_for_three() {
    for name in names().filter(|name| name.ends_with("hv-kvpd")) {
        let mut differing = 0;
        for answered in answered(name) {
            let said = said(&answered);
            let (asked, answer) = said.rsplit_once(": ").unwrap();
            let theirs =
                OF_THE_C_DAEMON.lines().find_map(|line| line.strip_prefix(asked)?.strip_prefix(": "));
            if let Some((_, expected)) = OF_HV_KVPD.iter().find(|(of, _)| *of == asked) {
                assert_eq!(answer, *expected, "{name}: {asked}");
                differing += 1;
            } else if matches!(answered.request, Request::Enumerate { .. }) {
                // Which item it is depends on what came before, of which a fixture has only parts; its end does not.
                assert!(
                    answered.reply.is_some() || answered.status == Status::NO_MORE_ITEMS,
                    "{name}: {said}"
                );
            } else if let Some(theirs) = theirs {
                assert_eq!(answer, theirs, "{name}: {asked}");
            }
        }
        assert_eq!(differing, OF_HV_KVPD.len(), "{name}");
    }
}

/// Its texts are those that [`raw::fill`] writes, as is shown above for every fixture; here is what they mean.
#[test]
fn the_c_daemon_tells_about_an_adapter() {
    let [known, unknown] = &answered("kvp-6.12-hv_kvp_daemon-adapter")[..] else { panic!("two requests") };
    let Request::GetIpInfo(query) = &known.request else { panic!("{:?}", known.request) };
    let told = |ip: &str, prefix| Address { ip: ip.parse().unwrap(), prefix, origin: Origin::Unknown };
    let info = IpInfo {
        adapter_id: "00:15:5D:01:02:03".to_owned(),
        family: Family::Both,
        dhcp: false,
        addresses: vec![told("192.0.2.5", 24), told("2001:db8::5", 64), told("fe80::215:5dff:fe01:203", 64)],
        gateways: vec!["192.0.2.1".parse().unwrap()],
        dns: vec!["192.0.2.53".parse().unwrap()],
    };
    assert_eq!(query.adapter_id, info.adapter_id);
    assert_eq!(known.reply, Some(Reply::IpInfo(Box::new(info))));
    assert!(matches!(unknown.request, Request::GetIpInfo(_)));
    assert_eq!((unknown.status, &unknown.reply), (Status::FAIL, &None));
}
