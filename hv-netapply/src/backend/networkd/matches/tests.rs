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
        ("", Fit::Yes),
        ("Name=eth0", Fit::Yes),
        ("Name=en* eth*", Fit::Yes),
        ("Name=en*\nName=eth*", Fit::Yes),
        ("Name=eth0\nName=\nName=en*", Fit::No),
        ("Name=*", Fit::Yes),
        ("Name=!eth0 eth1", Fit::No),
        ("Name=!eth1 eth2", Fit::Yes),
        ("Name=eth[1-9]", Fit::No),
        ("MACAddress=00:15:5D:00:04:0A", Fit::Yes),
        ("MACAddress=00155d00040b 0015.5d00.040a", Fit::Yes),
        ("PermanentMACAddress=00-15-5d-00-04-0b", Fit::No),
        ("Type=ether", Fit::Yes),
        ("Type=!wlan", Fit::Yes),
        ("Type=wlan wwan", Fit::No),
        ("Driver=hv_*", Fit::Yes),
        ("Name=eth0\nDriver=virtio_net", Fit::No),
        ("Name=!eth1\nName=eth2", Fit::No),
        ("Name=!eth1\nName=eth*", Fit::Yes),
    ] {
        assert_eq!(matches(&parse(&format!("[Match]\n{conditions}\n")), &nic), fit, "{conditions}");
    }
    let bare = Known { interface: "eth0".to_owned(), ..Known::default() };
    assert_eq!(matches(&parse("[Match]\nMACAddress=\nMACAddress=x\n"), &bare), Fit::No);
    assert_eq!(matches(&parse("[Match]\nDriver=virtio_net\n"), &bare), Fit::Perhaps);
}

#[test]
fn conditions_that_follow_from_a_guest_of_hyper_v_are_judged_and_others_may_be_met() {
    let nic = Known { interface: "eth0".to_owned(), ..Known::default() };
    for (conditions, fit) in [
        ("Kind=!*", Fit::Yes),
        ("Kind=!bond bridge", Fit::Yes),
        ("Kind=veth", Fit::No),
        ("Kind=*", Fit::No),
        ("Type=ether\nKind=!*", Fit::Yes),
        ("WLANInterfaceType=station", Fit::No),
        ("SSID=*", Fit::No),
        ("Virtualization=yes", Fit::Yes),
        ("Virtualization=vm", Fit::Yes),
        ("Virtualization=microsoft", Fit::Yes),
        ("Virtualization=no", Fit::No),
        ("Virtualization=!no", Fit::Yes),
        ("Virtualization=!vm", Fit::No),
        ("Virtualization=container", Fit::No),
        ("Virtualization=!container", Fit::Yes),
        ("Virtualization=kvm", Fit::No),
        ("Virtualization=!kvm", Fit::Yes),
        ("Virtualization=kvm\nVirtualization=microsoft", Fit::Yes),
        ("Architecture=native", Fit::Yes),
        ("Architecture=!native", Fit::No),
        ("Path=acpi-*", Fit::Perhaps),
        ("Host=web*", Fit::Perhaps),
        ("Host=!web*", Fit::Perhaps),
        ("Property=ID_PATH=x", Fit::Perhaps),
        ("Name=eth0\nKernelCommandLine=!x", Fit::Perhaps),
        ("Name=eth1\nHost=web*", Fit::No),
        ("Firmware=uefi\nVirtualization=no", Fit::No),
    ] {
        assert_eq!(matches(&parse(&format!("[Match]\n{conditions}\n")), &nic), fit, "{conditions}");
    }
}
