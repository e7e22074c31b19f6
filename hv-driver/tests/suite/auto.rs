//! `apply`, and `auto`: what the facts speak for, and what is learnt on the way.

use hv_utils_core::testing::Driver;
use hv_utils_core::wire::Ic;

use crate::support::Guest;

#[test]
fn auto_takes_kvp_alone_and_a_second_time_nothing() {
    let guest = Guest::new(&Ic::ALL);
    guest.good(&["apply"]);
    guest.has(Ic::Kvp, Driver::Uio);
    for ic in [Ic::Vss, Ic::TimeSync, Ic::Shutdown, Ic::Heartbeat] {
        guest.has(ic, Driver::HvUtils);
    }
    guest.has(Ic::FileCopy, None);
    let offers = guest.bus.offers(Ic::Kvp);
    guest.good(&["apply"]);
    assert_eq!(guest.bus.offers(Ic::Kvp), offers, "nothing was done");
    guest.is_orderly();
}

#[test]
fn file_copy_follows_its_own_switch() {
    let guest = Guest::new(&[Ic::FileCopy]);
    guest.write("etc/hv-utils/hv-utils.toml", "[file-copy]\nenabled = true\n");
    guest.good(&["apply"]);
    guest.has(Ic::FileCopy, Driver::Uio);
    guest.write("etc/hv-utils/hv-utils.toml", "");
    guest.good(&["apply"]);
    guest.has(Ic::FileCopy, Driver::Uio);
    guest.bus.set_hibernation(true).unwrap();
    guest.good(&["apply"]);
    guest.has(Ic::FileCopy, None);
}

#[test]
fn guest_that_can_hibernate_keeps_its_kernel_drivers() {
    let guest = Guest::new(&[Ic::Kvp]);
    guest.bus.set_hibernation(true).unwrap();
    guest.good(&["apply"]);
    guest.has(Ic::Kvp, Driver::HvUtils);
    assert_eq!(guest.bus.offers(Ic::Kvp), 1);
}

#[test]
fn memory_that_was_taken_sends_it_back_and_is_remembered_for_this_boot() {
    let guest = Guest::new(&[Ic::Kvp]);
    guest.bus.set_costly().unwrap();
    guest.good(&["apply"]);
    guest.has(Ic::Kvp, Driver::HvUtils);
    guest.is_orderly();
    let offers = guest.bus.offers(Ic::Kvp);
    let shown = guest.good(&["show"]);
    assert!(shown.row("kvp").contains("raw VMBus takes 47 MiB for each device"), "{}", shown.out);
    guest.good(&["apply"]);
    assert_eq!(guest.bus.offers(Ic::Kvp), offers, "not tried again");
    // Whoever chooses it gets it, with its price.
    let ran = guest.good(&["use", "uio", "kvp"]);
    guest.has(Ic::Kvp, Driver::Uio);
    assert!(ran.row("kvp").contains("as chosen; takes 47 MiB on this kernel"), "{}", ran.out);
}

#[test]
fn raw_driver_that_cannot_be_loaded_is_no_failure_unless_it_was_chosen() {
    let guest = Guest::new(&[Ic::Kvp, Ic::Shutdown]);
    std::fs::remove_dir_all(guest.path("sys/bus/vmbus/drivers/uio_hv_generic")).unwrap();
    for verb in [&["apply"][..], &["use", "auto"]] {
        let ran = guest.good(verb);
        let why = "kvp stays where it is: the driver uio_hv_generic is not there and cannot be loaded";
        assert_eq!(ran.err.matches(why).count(), 1, "{verb:?}: {}", ran.err);
        guest.has(Ic::Kvp, Driver::HvUtils);
        guest.is_orderly();
    }
    assert_eq!(guest.bus.offers(Ic::Kvp), 1, "nothing was begun");
    guest.write("etc/hv-utils/hv-utils.toml.d/60-site.toml", "[driver]\nshutdown = \"uio\"\n");
    let ran = guest.run(&["apply"]);
    assert_eq!(ran.code, Some(69), "{}", ran.err);
    guest.has(Ic::Shutdown, Driver::HvUtils);
}

#[test]
fn three_attempts_in_vain_are_enough() {
    let guest = Guest::new(&[Ic::Kvp]);
    guest.bus.set_refusing(Driver::Uio);
    for _ in 0..3 {
        assert_eq!(guest.run(&["apply"]).code, Some(1));
        guest.has(Ic::Kvp, Driver::HvUtils);
    }
    let offers = guest.bus.offers(Ic::Kvp);
    guest.good(&["apply"]);
    assert_eq!(guest.bus.offers(Ic::Kvp), offers, "it is left alone");
    assert!(
        guest
            .good(&["show"])
            .row("kvp")
            .contains("3 attempts on raw VMBus within an hour were not seen to work")
    );
}

#[test]
fn each_new_offer_is_brought_back_as_configured() {
    let guest = Guest::new(&[Ic::Shutdown]);
    guest.write("etc/hv-utils/hv-utils.toml", "[driver]\nshutdown = \"uio\"\n");
    guest.good(&["apply"]);
    guest.has(Ic::Shutdown, Driver::Uio);
    // The host takes the service away and offers it again: the kernel gives the new device to its own driver.
    guest.bus.replace(Ic::Shutdown).unwrap();
    guest.has(Ic::Shutdown, Driver::HvUtils);
    guest.good(&["apply"]);
    guest.has(Ic::Shutdown, Driver::Uio);
}
