use super::*;

fn entries() -> Vec<Entry> {
    let packet = |kind, flags, transaction_id, payload: &[u8]| Packet {
        header: PacketHeader { kind, flags, transaction_id },
        payload: payload.to_vec(),
    };
    vec![
        Entry { direction: Direction::ToGuest, ic: Ic::Kvp, packet: packet(6, 0, 0, &[1, 0, 0xff]) },
        Entry { direction: Direction::ToHost, ic: Ic::TimeSync, packet: packet(6, 1, u64::MAX, &[0; 16384]) },
        Entry { direction: Direction::ToHost, ic: Ic::Vss, packet: packet(u16::MAX, u16::MAX, 0x1a, &[]) },
    ]
}

#[test]
fn lines_are_those_of_the_description_and_are_read_back() {
    let lines: Vec<String> =
        entries().iter().map(|entry| line(entry.direction, entry.ic, &entry.packet)).collect();
    assert_eq!(lines[0], "-> kvp 6 0x0 0x0 0100ff");
    assert!(lines[1].starts_with("<- timesync 6 0x1 0xffffffffffffffff [16384]"), "{}", lines[1]);
    assert_eq!(lines[2], "<- vss 65535 0xffff 0x1a");
    let text = format!("# a capture\n{}\n\n  # and an end\n", lines.join("\n#\n"));
    assert_eq!(parse(&text), Ok(entries()));
    assert_eq!(parse(""), Ok(Vec::new()));
}

#[test]
fn zeros_are_counted_from_sixteen_on_and_read_back_at_any_count() {
    let mut payload = vec![0; 15];
    payload.push(1);
    payload.extend([0; 16]);
    payload.extend([0x20, 0]);
    let packet = Packet { header: PacketHeader { kind: 6, flags: 0, transaction_id: 0 }, payload };
    let written = line(Direction::ToHost, Ic::Kvp, &packet);
    assert_eq!(written, format!("<- kvp 6 0x0 0x0 {}01[16]2000", "00".repeat(15)));
    let entry = Entry { direction: Direction::ToHost, ic: Ic::Kvp, packet };
    assert_eq!(parse(&written), Ok(vec![entry.clone()]));
    assert_eq!(parse("<- kvp 6 0x0 0x0 [15]01[0][6][10]20[1]"), Ok(vec![entry]));
}

#[test]
fn a_line_that_is_none_is_named_with_what_is_wrong() {
    let cases = [
        ("-> kvp 6 0x0", "five or six words"),
        ("-> kvp 6 0x0 0x0 00 00", "five or six words"),
        ("=> kvp 6 0x0 0x0 00", "neither -> nor <-"),
        ("-> kpv 6 0x0 0x0 00", "no service"),
        ("-> kvp 65536 0x0 0x0 00", "no packet type"),
        ("-> kvp 6 0 0x0 00", "no hexadecimal number"),
        ("-> kvp 6 0x10000 0x0 00", "more than 16 bits"),
        ("-> kvp 6 0x0 0x+1 00", "no hexadecimal number"),
        ("-> kvp 6 0x0 0x10000000000000000 00", "no hexadecimal number"),
        ("-> kvp 6 0x0 0x0 0", "odd number"),
        ("-> kvp 6 0x0 0x0 0g", "not a hex digit"),
        ("-> kvp 6 0x0 0x0 00[16", "a [ without a ]"),
        ("-> kvp 6 0x0 0x0 00[16]0", "odd number"),
        ("-> kvp 6 0x0 0x0 00]16[", "not a hex digit"),
        ("-> kvp 6 0x0 0x0 [-1]", "no count of zeros"),
        ("-> kvp 6 0x0 0x0 [99999999999]", "more than 1048576 bytes"),
    ];
    for (line, what) in cases {
        let error = parse(&format!("# one\n{line}\n")).unwrap_err();
        assert!(error.line == 2 && error.to_string().contains(what), "{line}: {error}");
    }
}
