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

#[test]
fn an_injection_that_no_adapter_can_have_is_told_from_one_that_can() {
    let right = injection();
    assert_eq!(right.check(), Ok(()));
    let changed = |change: fn(&mut Injection)| {
        let mut wrong = right.clone();
        change(&mut wrong);
        wrong.check()
    };
    fn fixed(ip: &str, prefix: u8) -> Addressing {
        Addressing::Static(vec![Network { ip: ip.parse().unwrap(), prefix }])
    }
    let fine: [fn(&mut Injection); 5] = [
        |it| it.ipv6.addressing = fixed("2001:db8::7", 128),
        |it| it.ipv4 = Plan { addressing: Addressing::Automatic, gateways: vec![], dns: None },
        |it| it.ipv6.gateways = Vec::new(),
        |it| it.ipv4.addressing = fixed("192.0.2.7", 32),
        |it| it.ipv4.dns = Some(vec!["127.0.0.53".parse().unwrap()]),
    ];
    for (position, change) in fine.into_iter().enumerate() {
        assert_eq!(changed(change), Ok(()), "{position}");
    }
    let wrong: [fn(&mut Injection); 19] = [
        |it| it.adapter = "F8B3781A-1E82-4818-A1C3-63D806EC15BB".to_owned(),
        |it| it.adapter = format!("{{{}}}", it.adapter),
        |it| it.adapter = "../../etc/passwd".to_owned(),
        |it| it.ipv4.addressing = Addressing::Static(Vec::new()),
        |it| it.ipv4.addressing = fixed("2001:db8::7", 64),
        |it| it.ipv6.addressing = fixed("192.0.2.7", 24),
        |it| it.ipv4.addressing = fixed("192.0.2.7", 0),
        |it| it.ipv4.addressing = fixed("192.0.2.7", 33),
        |it| it.ipv6.addressing = fixed("2001:db8::7", 129),
        |it| it.ipv4.addressing = fixed("0.0.0.0", 24),
        |it| it.ipv4.addressing = fixed("224.0.0.1", 24),
        |it| it.ipv4.addressing = fixed("127.0.0.1", 8),
        |it| it.ipv6.addressing = fixed("::1", 128),
        |it| it.ipv4.gateways = vec!["192.0.2.1".parse().unwrap(); 6],
        |it| it.ipv4.gateways = vec!["fe80::1".parse().unwrap()],
        |it| it.ipv6.gateways = vec!["fe80::1".parse().unwrap()],
        |it| it.ipv4.dns = Some(vec!["2001:db8::53".parse().unwrap()]),
        |it| it.ipv4.dns = Some(vec!["192.0.2.53".parse().unwrap(); 65]),
        |it| {
            let network = Network { ip: "192.0.2.7".parse().unwrap(), prefix: 24 };
            it.ipv4.addressing = Addressing::Static(vec![network; 65]);
        },
    ];
    for (position, change) in wrong.into_iter().enumerate() {
        assert!(changed(change).is_err(), "{position}");
    }
}
