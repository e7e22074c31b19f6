use super::*;

fn injection() -> Injection {
    Injection {
        adapter: "f8b3781a-1e82-4818-a1c3-63d806ec15bb".to_owned(),
        ipv4: Plan {
            addressing: Addressing::Static(vec![Network { ip: "192.0.2.7".parse().unwrap(), prefix: 24 }]),
            gateways: vec!["192.0.2.1".parse().unwrap()],
            dns: Some(vec![]),
        },
        ipv6: Plan::default(),
    }
}

#[test]
fn a_request_is_these_bytes() {
    let apply = Request::Apply { injection: injection(), within_ms: 22_000 };
    let text = r#"{"apply":{"injection":{"adapter":"f8b3781a-1e82-4818-a1c3-63d806ec15bb","ipv4":{"addressing":{"static":[{"ip":"192.0.2.7","prefix":24}]},"gateways":["192.0.2.1"],"dns":[]},"ipv6":{"addressing":"keep","gateways":[],"dns":null}},"within_ms":22000}}"#;
    assert_eq!(String::from_utf8(encode(&apply)).unwrap(), text);
    assert_eq!(serde_json::from_str::<Request>(text).unwrap(), apply);
    assert_eq!(encode(&Request::Confirm), br#""confirm""#);
    assert!(serde_json::from_str::<Request>(r#"{"revert":{"interface":null,"more":1}}"#).is_err());
}

#[test]
fn the_longest_injection_fits_a_packet() {
    let ip: std::net::IpAddr = "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff".parse().unwrap();
    let plan = Plan {
        addressing: Addressing::Static(vec![Network { ip, prefix: 128 }; 64]),
        gateways: vec![ip; 5],
        dns: Some(vec![ip; 64]),
    };
    let injection = Injection { ipv4: plan.clone(), ipv6: plan, ..injection() };
    assert!(encode(&Request::Apply { injection, within_ms: u32::MAX }).len() < 16 * 1024);
}

#[test]
fn what_was_undone_does_not_stand() {
    let record = |outcome, time| Record {
        time,
        settled: time,
        interface: "eth0".to_owned(),
        backend: "netlink".to_owned(),
        injection: injection(),
        outcome,
        message: String::new(),
    };
    let records = vec![record(Outcome::Applied, 1), record(Outcome::Reverted, 2), record(Outcome::Failed, 3)];
    let history = History { records };
    assert_eq!(history.standing().map(|record| record.time), Some(1));
    assert_eq!(History::default().standing(), None);
}
