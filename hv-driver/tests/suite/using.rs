//! The verbs around a journey: what is kept, for how long, what is refused and with which exit code.

use std::fs;
use std::io::Write as _;

use hv_utils_core::daemon::InstanceLock;
use hv_utils_core::testing::Driver;
use hv_utils_core::testing::scripts::copy_of;
use hv_utils_core::wire::Ic;

use crate::support::Guest;

const DROP_IN: &str = "etc/hv-utils/hv-utils.toml.d/50-driver.toml";

#[test]
fn choice_is_kept_in_a_drop_in_beside_earlier_ones() {
    let guest = Guest::new(&[Ic::Kvp, Ic::Vss]);
    guest.good(&["use", "uio", "vss"]);
    guest.good(&["use", "hv_utils", "kvp"]);
    let text = guest.read(DROP_IN);
    assert!(text.ends_with("[driver]\nkvp = \"hv_utils\"\nvss = \"uio\"\n"), "{text}");
    assert_eq!(guest.good(&["--check-config"]).out, "ok\n");
    let shown = guest.good(&["show"]);
    assert!(shown.row("vss").starts_with("vss        uio_hv_generic  uio "), "{}", shown.out);
    // The daemons' users have to read it.
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(fs::metadata(guest.path(DROP_IN)).unwrap().permissions().mode() & 0o777, 0o644);
}

#[test]
fn choice_for_this_boot_is_not_written_but_outlives_the_program() {
    let guest = Guest::new(&[Ic::Vss]);
    guest.good(&["use", "uio", "vss", "--runtime"]);
    assert_eq!(guest.read(DROP_IN), "");
    let shown = guest.good(&["show"]);
    assert!(shown.row("vss").contains("uio (until the next boot)"), "{}", shown.out);
    guest.good(&["apply"]);
    guest.has(Ic::Vss, Driver::Uio);
    // The next boot.
    guest.write("proc/sys/kernel/random/boot_id", "another\n");
    guest.good(&["apply"]);
    guest.has(Ic::Vss, Driver::HvUtils);
}

#[test]
fn choice_that_a_later_file_overrules_is_not_called_kept() {
    let guest = Guest::new(&[Ic::Vss]);
    guest.write("etc/hv-utils/hv-utils.toml.d/60-site.toml", "[driver]\nvss = \"hv_utils\"\n");
    let ran = guest.run(&["use", "uio", "vss"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("a file that is read after"), "{}", ran.err);
}

#[test]
fn old_kernel_is_said_with_its_version() {
    let guest = Guest::new(&[Ic::Kvp]);
    guest.set_kernel("6.1.0-56-cloud-amd64");
    let ran = guest.run(&["use", "uio", "kvp"]);
    assert_eq!(ran.code, Some(69));
    assert!(
        ran.err.contains("needs Linux 6.10 or newer; this kernel is 6.1.0-56-cloud-amd64"),
        "{}",
        ran.err
    );
    guest.has(Ic::Kvp, Driver::HvUtils);
    // What the configuration says cannot be done either, and a boot must not fail for it.
    guest.write("etc/hv-utils/hv-utils.toml", "[driver]\nkvp = \"uio\"\n");
    guest.good(&["apply"]);
    assert!(guest.good(&["show"]).row("kvp").contains("raw VMBus needs Linux 6.10 or newer, this is 6.1.0"));
}

#[test]
fn what_is_not_there_is_unavailable() {
    let guest = Guest::new(&[Ic::Kvp]);
    let ran = guest.run(&["use", "uio", "vss"]);
    assert_eq!(ran.code, Some(69));
    assert!(ran.err.contains("the host does not offer vss"), "{}", ran.err);
    assert_eq!(guest.run(&["release", "vss"]).code, Some(69));
    let empty = Guest::new(&[]);
    assert_eq!(empty.run(&["use", "auto"]).code, Some(69));
    empty.good(&["apply"]);
    empty.good(&["show"]);
}

#[test]
fn driver_that_is_not_there_is_unavailable_and_nothing_is_begun() {
    let guest = Guest::new(&[Ic::Kvp]);
    fs::remove_dir_all(guest.path("sys/bus/vmbus/drivers/uio_hv_generic")).unwrap();
    let ran = guest.run(&["use", "uio", "kvp"]);
    assert_eq!(ran.code, Some(69), "{}", ran.err);
    assert!(ran.err.contains("the driver uio_hv_generic is not there"), "{}", ran.err);
    guest.has(Ic::Kvp, Driver::HvUtils);
    assert_eq!(guest.bus.offers(Ic::Kvp), 1);
}

#[test]
fn without_a_list_only_what_was_brought_there_is_kept() {
    // Five services are not offered.
    let guest = Guest::new(&[Ic::Kvp]);
    let raw = guest.path("sys/bus/vmbus/drivers/uio_hv_generic");
    let away = guest.path("uio_hv_generic");
    fs::rename(&raw, &away).unwrap();
    for verb in [&["use", "uio"][..], &["use", "uio", "--runtime"]] {
        let ran = guest.run(verb);
        assert_eq!(ran.code, Some(69), "{}", ran.err);
        assert!(ran.err.contains("vss is left out: the host does not offer it"), "{}", ran.err);
        assert_eq!(guest.read(DROP_IN), "");
        assert!(!guest.good(&["show"]).out.contains(" uio "), "{verb:?}");
    }
    fs::rename(&away, &raw).unwrap();
    guest.good(&["use", "uio"]);
    let text = guest.read(DROP_IN);
    assert!(text.ends_with("[driver]\nkvp = \"uio\"\n"), "{text}");
}

#[test]
fn second_instance_is_told_to_wait_but_may_look() {
    let guest = Guest::new(&[Ic::Kvp]);
    let _lock = InstanceLock::take(&guest.path("run"), "hv-driver").unwrap();
    for verb in [&["use", "uio", "kvp"][..], &["apply"], &["release", "kvp"]] {
        let ran = guest.run(verb);
        assert_eq!(ran.code, Some(75), "{verb:?}: {}", ran.err);
    }
    guest.good(&["show"]);
}

#[test]
fn wrong_words_and_wrong_configuration_have_their_codes() {
    let guest = Guest::new(&[Ic::Kvp]);
    for wrong in [&["use", "raw"][..], &["use", "uio", "floppy"], &["release"], &[], &["jump"]] {
        assert_eq!(guest.run(wrong).code, Some(64), "{wrong:?}");
    }
    guest.write("etc/hv-utils/hv-utils.toml", "[driver]\nkvpp = \"uio\"\n");
    for verb in [&["show"][..], &["use", "uio", "kvp"], &["apply"], &["--check-config"]] {
        let ran = guest.run(verb);
        assert_eq!(ran.code, Some(78), "{verb:?}");
        assert!(
            ran.err.contains("hv-utils.toml:2: driver.kvpp: unknown key, did you mean \"kvp\"?"),
            "{}",
            ran.err
        );
    }
    guest.write("etc/hv-utils/hv-utils.toml", "[file-copy]\nenabled = \"yes\"\n");
    assert_eq!(guest.run(&["--check-config"]).code, Some(78));
}

#[test]
fn released_component_stays_with_the_kernel_until_it_is_chosen_anew() {
    let guest = Guest::new(&[Ic::Shutdown]);
    guest.good(&["use", "uio", "shutdown"]);
    guest.good(&["release", "shutdown"]);
    guest.has(Ic::Shutdown, Driver::HvUtils);
    guest.good(&["apply"]);
    guest.has(Ic::Shutdown, Driver::HvUtils);
    assert!(guest.good(&["show"]).row("shutdown").contains("given back (hv-driver release)"));
    guest.good(&["use", "uio", "shutdown"]);
    guest.has(Ic::Shutdown, Driver::Uio);
}

#[test]
fn json_has_every_fact() {
    let guest = Guest::new(&[Ic::Kvp]);
    let ran = guest.good(&["use", "uio", "kvp", "--runtime", "--json"]);
    let instance = Ic::Kvp.instance();
    assert_eq!(
        ran.out,
        format!(
            "{{\"schema\":1,\"kind\":\"driver-use\",\"items\":[{{\"service\":\"kvp\",\"instance\":\"{instance}\",\
             \"driver\":\"uio_hv_generic\",\"choice\":\"uio\",\"wanted\":\"uio_hv_generic\",\"reason\":\"as chosen\",\
             \"runtime\":true,\"mapped_bytes\":40960}}]}}\n"
        )
    );
}

#[test]
fn who_may_not_write_is_told_so_and_may_look() {
    let guest = Guest::new(&[Ic::Kvp]);
    if !rustix::process::geteuid().is_root() {
        let _ = writeln!(std::io::stderr(), "SKIPPED who_may_not_write: needs root, to become somebody else");
        return;
    }
    use std::os::unix::fs::PermissionsExt as _;
    let allow = |path: &std::path::Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    allow(guest.directory.path(), 0o755);
    let program = guest.path("hv-driver");
    copy_of(env!("CARGO_BIN_EXE_hv-driver").as_ref(), &program);
    let as_nobody = |args: &[&str]| {
        let command = guest.command(args);
        let mut nobody = std::process::Command::new("setpriv");
        nobody
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(&program)
            .args(command.get_args());
        nobody.output().unwrap()
    };
    let refused = |what: &str| {
        let refused = as_nobody(&["use", "uio", "kvp", "--runtime"]);
        let text = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(77), "{text}");
        assert!(text.contains(what), "{text}");
        let hint = "; needs root; an administrator allowed by polkit uses hvctl driver use\n";
        assert!(text.ends_with(hint), "{text}");
    };
    refused("cannot create the directory");
    fs::create_dir_all(guest.path("run")).unwrap();
    allow(&guest.path("run"), 0o777);
    refused("drivers_autoprobe: Permission denied");
    guest.has(Ic::Kvp, Driver::HvUtils);
    guest.is_orderly();
    assert_eq!(as_nobody(&["show"]).status.code(), Some(0));
}
