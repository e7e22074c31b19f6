use super::*;

const TEXT: &str = "# head\nsource /etc/network/interfaces.d/*\n\nauto lo eth0\niface lo inet loopback\n\n# of eth0\niface eth0 inet static\n\taddress 192.0.2.7/24\n\n\t# within\n\tup echo \\\n\t   two\n\n# behind\nmapping eth*\n\tscript x\niface eth0 inet6 auto";

#[test]
fn what_is_not_changed_is_written_to_the_byte() {
    for text in
        [TEXT, "", "\n\n", "# only\n", "iface a inet dhcp\r\n  up x\r\n", "iface a inet static\n  address \\"]
    {
        assert_eq!(write(&parse(text)), text);
    }
}

#[test]
fn a_stanza_ends_with_its_last_option() {
    let parts = parse(TEXT);
    let stanzas = parts.iter().filter_map(|part| match part {
        Part::Iface(stanza) => Some(stanza),
        Part::Other(_) => None,
    });
    let stanzas: Vec<_> = stanzas.collect();
    let words: Vec<_> = stanzas.iter().map(|stanza| stanza.words.join(" ")).collect();
    assert_eq!(words, ["lo inet loopback", "eth0 inet static", "eth0 inet6 auto"]);
    assert!(stanzas[0].lines.is_empty());
    assert_eq!(stanzas[1].value("up"), Some("echo  \t   two"));
    assert_eq!(stanzas[1].lines.len(), 4);
    assert_eq!(stanzas[1].option("mtu", "1400").raw, "\tmtu 1400\n");
    assert_eq!(parts[4], Part::Other("\n# behind\nmapping eth*\n\tscript x\n".to_owned()));
}

#[test]
fn a_line_without_an_end_gets_one_when_something_follows() {
    let mut parts = parse(TEXT);
    parts.push(Part::Iface(Stanza::new("eth1", "inet", "dhcp")));
    assert!(write(&parts).ends_with("iface eth0 inet6 auto\niface eth1 inet dhcp\n"));
}
