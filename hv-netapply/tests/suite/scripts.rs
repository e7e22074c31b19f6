//! `backend = "script"`: called as the C daemon calls it, judged by what is on the link afterwards.

use std::fs;

use hv_utils_core::testing::namespace::inside;
use hv_utils_core::testing::scripts::script;

use crate::support::{Machine, simple};

fn install(machine: &Machine, text: &str) {
    let path = machine.path("hv_set_ifconfig");
    script(&path, 0o755, text);
    machine.configure(&format!("[network]\nbackend = \"script\"\nscript = \"{}\"\n", path.display()));
}

#[test]
fn a_script_that_does_its_work() {
    inside("script", async |links| {
        let machine = Machine::new(links).await;
        install(
            &machine,
            ". \"$1\"; ip addr flush dev $DEVICE scope global; ip addr add $IPADDR0/24 dev $DEVICE; \
             ip route add default via $GATEWAY dev $DEVICE; grep -q '^address1=192.0.2.7/24' \"$2\"",
        );
        let _program = machine.start();
        let step = machine.inject(&simple()).await;
        assert_eq!(step.backend, "script");
        assert_eq!(machine.shown(), ["192.0.2.7/24", "default4 192.0.2.1 0"]);
    });
}

#[test]
fn one_that_fails_and_one_that_does_nothing() {
    inside("script that fails", async |links| {
        let machine = Machine::new(links).await;
        install(&machine, "ip addr add 192.0.2.7/24 dev eth0; echo no such thing >&2; exit 4");
        let program = machine.start();
        let refused = machine.call().await.apply(&simple()).await.unwrap_err();
        assert!(refused.contains("no such thing"), "{refused}");
        assert_eq!(machine.shown(), ["198.51.100.7/24"]);
        assert!(!machine.path("var/lib/hyperv/ifcfg-eth0").exists());
        drop(program);
        install(&machine, "exit 0");
        fs::write(
            machine.path("etc/hv-utils/hv-utils.toml"),
            format!(
                "[network]\nbackend = \"script\"\nscript = \"{}\"\napply-timeout-secs = 5\n",
                machine.path("hv_set_ifconfig").display()
            ),
        )
        .unwrap();
        let _program = machine.start();
        let refused = machine.call().await.apply(&simple()).await.unwrap_err();
        assert!(refused.contains("192.0.2.7/24 is not on eth0"), "{refused}");
        assert_eq!(machine.shown(), ["198.51.100.7/24"]);
    });
}

#[test]
fn what_was_on_the_link_comes_back_although_the_script_fails_on_the_way_back() {
    inside("script that fails on the way back", async |links| {
        let machine = Machine::new(links).await;
        let once = machine.path("once");
        install(
            &machine,
            &format!(
                "ip addr add 192.0.2.7/24 dev eth0; test ! -e {0} || exit 5; touch {0}; echo first >&2; exit 4",
                once.display()
            ),
        );
        let files = machine.path("var/lib/hyperv");
        fs::create_dir_all(&files).unwrap();
        fs::write(files.join("ifcfg-eth0"), "DEVICE=eth0\n").unwrap();
        let _program = machine.start();
        let refused = machine.call().await.apply(&simple()).await.unwrap_err();
        assert!(refused.contains("first") && refused.contains("exit status: 5"), "{refused}");
        assert_eq!(machine.shown(), ["198.51.100.7/24"]);
        assert_eq!(fs::read_to_string(files.join("ifcfg-eth0")).unwrap(), "DEVICE=eth0\n");
    });
}
