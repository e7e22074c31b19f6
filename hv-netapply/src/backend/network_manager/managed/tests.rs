use super::*;
use crate::backend::network_manager::settings::tests::target;

/// Whether it leaves eth0 alone with these files, and with this in `interfaces`.
fn left_alone(files: &[(&str, &str)], interfaces: &str) -> bool {
    asked(files, interfaces, is_left_alone)
}

fn asked(files: &[(&str, &str)], interfaces: &str, ask: impl Fn(&Roots, &Target) -> bool) -> bool {
    let root = tempfile::tempdir().unwrap();
    let below = |name: &str| root.path().join(name);
    for (path, text) in files.iter().chain(&[("etc/network/interfaces", interfaces)]) {
        fs::create_dir_all(below(path).parent().unwrap()).unwrap();
        fs::write(below(path), text).unwrap();
    }
    let roots = Roots {
        etc: below("etc"),
        run: below("run"),
        usr: below("usr"),
        sysfs: below("sys"),
        proc: below("proc"),
        var_lib: below("var/lib"),
    };
    ask(&roots, &target())
}

#[test]
fn specifications_of_devices() {
    let table = [
        ("interface-name:eth0", true),
        ("interface-name:eth1", false),
        ("interface-name:eth*", true),
        ("interface-name:=eth*", false),
        ("mac:00:15:5D:00:04:01", true),
        ("00:15:5d:00:04:01", true),
        ("mac:00:15:5d:00:04:02;eth0", true),
        ("*", true),
        ("*,except:type:wifi,except:type:gsm", true),
        ("*,except:type:ethernet", false),
        ("except:interface-name:eth0", false),
        ("except:interface-name:eth1", true),
        ("type:wifi,driver:hv_netvsc", true),
        ("dhcp-plugin:x", false),
        ("", false),
    ];
    for (list, wanted) in table {
        let text = format!("[keyfile]\nunmanaged-devices={list}\n");
        assert_eq!(left_alone(&[("etc/NetworkManager/NetworkManager.conf", &text)], ""), wanted, "{list}");
    }
}

#[test]
fn files_are_read_in_their_order() {
    let (main, usr, run, etc) = (
        "etc/NetworkManager/NetworkManager.conf",
        "usr/lib/NetworkManager/conf.d/10-a.conf",
        "run/NetworkManager/conf.d/10-b.conf",
        "etc/NetworkManager/conf.d/05-c.conf",
    );
    let (all, none) = ("[keyfile]\nunmanaged-devices=*\n", "[keyfile]\nunmanaged-devices=none\n");
    let more = "[keyfile]\nunmanaged-devices+=interface-name:eth0\n";
    let table: [(&[(&str, &str)], bool); 7] = [
        (&[(usr, all)], true),
        (&[(usr, all), (run, none)], false),
        (&[(run, all), (main, none)], false),
        (&[(main, all), (etc, none)], false),
        (&[(main, none), (run, all), (etc, more)], true),
        // The same name in /etc takes its place, also with nothing in it.
        (&[(usr, all), ("etc/NetworkManager/conf.d/10-a.conf", "")], false),
        (&[("etc/NetworkManager/conf.d/10-a.conf.old", all)], false),
    ];
    for (files, wanted) in table {
        assert_eq!(left_alone(files, ""), wanted, "{files:?}");
    }
}

#[test]
fn a_device_section_decides_too() {
    let main = "etc/NetworkManager/NetworkManager.conf";
    let table = [
        ("[device-a]\nmatch-device=interface-name:eth0\nmanaged=0\n", true),
        ("[device-a]\nmatch-device=interface-name:eth1\nmanaged=0\n", false),
        ("[device-a]\nmatch-device=interface-name:eth0\nmanaged=1\n", false),
        ("[device]\nmanaged=false\n", true),
    ];
    for (text, wanted) in table {
        assert_eq!(left_alone(&[(main, text)], ""), wanted, "{text}");
    }
}

#[test]
fn debian_s_plugin_leaves_alone_what_has_a_stanza() {
    let main = "etc/NetworkManager/NetworkManager.conf";
    let debian = "[main]\nplugins=ifupdown,keyfile\n\n[ifupdown]\nmanaged=false\n";
    let stanza = "auto eth0\niface eth0 inet dhcp\n";
    assert!(left_alone(&[(main, debian)], stanza));
    assert!(left_alone(&[(main, debian), ("etc/network/interfaces.d/eth0", stanza)], ""));
    assert!(!left_alone(&[(main, debian)], "auto eth0\niface eth00 inet dhcp\n# iface eth0\n"));
    assert!(!left_alone(&[(main, &debian.replace("false", "true"))], stanza));
    assert!(!left_alone(&[(main, "[main]\nplugins=keyfile\n")], stanza));
}

#[test]
fn an_ifcfg_file_can_take_a_link_away() {
    let path = "etc/sysconfig/network-scripts/ifcfg-eth0";
    assert!(left_alone(&[(path, "DEVICE=eth0\nNM_CONTROLLED=no\n")], ""));
    assert!(!left_alone(&[(path, "DEVICE=eth0\n")], ""));
}

#[test]
fn a_link_without_a_profile_gets_one_unless_somebody_does_not_want_it() {
    let main = "etc/NetworkManager/NetworkManager.conf";
    let state = "var/lib/NetworkManager/no-auto-default.state";
    let table: [(&[(&str, &str)], bool); 5] = [
        (&[], true),
        (&[(main, "[main]\nno-auto-default=*\n")], false),
        (&[(main, "[main]\nno-auto-default=eth1\n")], true),
        (&[(state, "00:15:5D:00:04:02\n00:15:5D:00:04:01\n")], false),
        (&[(state, "00:15:5D:00:04:02\n")], true),
    ];
    for (files, wanted) in table {
        assert_eq!(asked(files, "", has_default), wanted, "{files:?}");
    }
}
