use super::*;
use crate::backend::networkd::file::parse;

#[test]
fn conditions_on_a_nic() {
    let nic = Known {
        interface: "eth0".to_owned(),
        mac: "00:15:5d:00:04:0a".to_owned(),
        driver: "hv_netvsc".to_owned(),
    };
    for (conditions, fit) in [
        ("", true),
        ("Name=eth0", true),
        ("Name=en* eth*", true),
        ("Name=en*\nName=eth*", true),
        ("Name=eth0\nName=\nName=en*", false),
        ("Name=*", true),
        ("Name=!eth0 eth1", false),
        ("Name=!eth1 eth2", true),
        ("Name=eth[1-9]", false),
        ("MACAddress=00:15:5D:00:04:0A", true),
        ("MACAddress=00155d00040b 0015.5d00.040a", true),
        ("PermanentMACAddress=00-15-5d-00-04-0b", false),
        ("Type=ether", true),
        ("Type=!wlan", true),
        ("Type=wlan wwan", false),
        ("Driver=hv_*", true),
        ("Name=eth0\nDriver=virtio_net", false),
        ("Name=eth0\nProperty=ID_PATH=x", false),
        ("Name=eth0\nVirtualization=no", false),
    ] {
        assert_eq!(matches(&parse(&format!("[Match]\n{conditions}\n")), &nic), fit, "{conditions}");
    }
    let bare = Known { interface: "eth0".to_owned(), ..Known::default() };
    assert!(!matches(&parse("[Match]\nMACAddress=\nMACAddress=x\n"), &bare));
}
