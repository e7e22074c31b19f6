//! `status`, with some daemons there, none, and no bus.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::devices::device;
use crate::fake::{Fake, Service};
use crate::harness::{Bus, hvctl, run, write};

const KVP: (&str, &str) = ("242ff919-07db-4180-9c2e-b86cb68c8c55", "a9a0f4e7-5a45-4d96-b827-8a841e8c03e6");
const HEARTBEAT: (&str, &str) =
    ("fd149e91-82e0-4a7d-afa6-2a4166cbd7c0", "57164f39-9115-4e78-ab55-382f3bd5422d");
const SHUTDOWN: (&str, &str) =
    ("b6650ff7-33bc-4840-8048-e0676786f393", "0e0b6031-5213-4934-818b-38d90ced39db");

/// A machine with three ICs, and with two of the daemons installed besides hv-kvpd.
fn machine(root: &Path) -> (String, String) {
    let (sysfs, programs) = (root.join("sys"), root.join("programs"));
    device(&sysfs, KVP.0, KVP.1, Some("uio_hv_generic"), 7, Some(0x40_0000));
    device(&sysfs, HEARTBEAT.0, HEARTBEAT.1, Some("hv_utils"), 5, None);
    device(&sysfs, SHUTDOWN.0, SHUTDOWN.1, Some("hv_utils"), 6, None);
    for name in ["hv-kvpd", "hv-vssd", "hv-heartbeatd"] {
        write(&programs.join(name), "");
    }
    (sysfs.display().to_string(), programs.display().to_string())
}

#[test]
fn status_shows_who_runs_and_what_to_do_about_the_others() {
    let Some(bus) = Bus::start("status") else { return };
    let (sysfs, programs) = machine(bus.directory.path());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let service = Service { last_message: (now - 3 * 3600 - 60) * 1_000_000, ..Service::default() };
    let _kvpd = Fake::start(&bus.address, "org.hvutils.Kvp1", "/org/hvutils/Kvp1", &[], service);
    let resting = Service {
        state: "kernel",
        transport: "hv_utils",
        versions: ("", ""),
        messages: (0, 0),
        last_message: 0,
    };
    let _heartbeatd =
        Fake::start(&bus.address, "org.hvutils.Heartbeat1", "/org/hvutils/Heartbeat1", &[], resting);
    let want = "\
SERVICE    DAEMON               STATE        CHANNEL   VERSION              MESSAGES  REJECTED  LAST MESSAGE  DRIVER
kvp        hv-kvpd 0.1.0        ready        uio       5.0 (framework 3.0)  12        1         3 h ago       uio_hv_generic
vss        -                    not running  -         -                    -         -         -             no device
timesync   -                    not running  -         -                    -         -         -             no device
shutdown   -                    not running  -         -                    -         -         -             hv_utils
heartbeat  hv-heartbeatd 0.1.0  kernel       hv_utils  -                    0         0         never         hv_utils
fcopy      -                    not running  -         -                    -         -         -             no device

- hv-vssd is not running, and the host does not offer this service; on the host: Enable-VMIntegrationService -VMName NAME -Name 'VSS'
- hv-shutdownd is not installed; the kernel's hv_utils answers the host without it
- not installed: hv-timesyncd, hv-fcopyd
";
    bus.run(&["--sysfs-root", &sysfs, "--daemon-dir", &programs, "status"]).is(0, want, "");
}

#[test]
fn status_as_json_has_one_object_per_service() {
    let Some(bus) = Bus::start("status --json") else { return };
    let (sysfs, programs) = machine(bus.directory.path());
    let waiting =
        Service { state: "closed", transport: "", versions: ("", ""), messages: (0, 0), last_message: 0 };
    let _kvpd = Fake::start(&bus.address, "org.hvutils.Kvp1", "/org/hvutils/Kvp1", &[], waiting);
    let ran = bus.run(&["--json", "--sysfs-root", &sysfs, "--daemon-dir", &programs, "status"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let start = "{\"schema\":1,\"kind\":\"status\",\"vmbus\":true,\"services\":[\
        {\"service\":\"kvp\",\"daemon\":\"hv-kvpd\",\"bus_name\":\"org.hvutils.Kvp1\",\"running\":true,\
        \"installed\":true,\"version\":\"0.1.0\",\"transport\":\"\",\"channel_state\":\"closed\",\
        \"framework_version\":\"\",\"message_version\":\"\",\"messages_received\":0,\"messages_rejected\":0,\
        \"last_message\":0,\"last_message_age_secs\":null,\
        \"device\":{\"instance\":\"242ff919-07db-4180-9c2e-b86cb68c8c55\",\"driver\":\"uio_hv_generic\"},\
        \"hint\":\"hv-kvpd has no channel to the host: journalctl -u hv-kvpd tells why\"},\
        {\"service\":\"vss\",\"daemon\":\"hv-vssd\",\"bus_name\":\"org.hvutils.Vss1\",\"running\":false,\
        \"installed\":true,\"version\":null,\"transport\":null,\"channel_state\":null,\
        \"framework_version\":null,\"message_version\":null,\"messages_received\":null,\
        \"messages_rejected\":null,\"last_message\":null,\"last_message_age_secs\":null,\"device\":null,";
    assert!(ran.out.starts_with(start), "{}", ran.out);
    assert_eq!(ran.out.matches("\"service\":").count(), 6);
}

#[test]
fn status_without_any_daemon_is_a_report_and_no_error() {
    let Some(bus) = Bus::start("status without daemons") else { return };
    let (_, programs) = machine(bus.directory.path());
    let ran = bus.run(&["--sysfs-root", "/nonexistent", "--daemon-dir", &programs, "status"]);
    assert_eq!((ran.code, ran.err.as_str()), (Some(0), ""));
    let advice = ran.out.split_once("\n\n").unwrap().1;
    assert_eq!(
        advice,
        "- hv-kvpd is not running (systemctl start hv-kvpd); it needs a Hyper-V host, and this machine has no VMBus\n\
         - hv-vssd is not running (systemctl start hv-vssd); it needs a Hyper-V host, and this machine has no VMBus\n\
         - hv-heartbeatd is not running (systemctl start hv-heartbeatd); it needs a Hyper-V host, and this machine has no VMBus\n\
         - not installed: hv-timesyncd, hv-shutdownd, hv-fcopyd\n"
    );
}

#[test]
fn status_without_a_bus_shows_the_devices_and_ends_with_69() {
    let root = tempfile::tempdir().unwrap();
    let (sysfs, programs) = machine(root.path());
    let args =
        ["--bus", "unix:path=/nonexistent/bus", "--sysfs-root", &sysfs, "--daemon-dir", &programs, "status"];
    let want = "\
SERVICE    DAEMON  STATE    CHANNEL  VERSION  MESSAGES  REJECTED  LAST MESSAGE  DRIVER
kvp        -       unknown  -        -        -         -         -             uio_hv_generic
vss        -       unknown  -        -        -         -         -             no device
timesync   -       unknown  -        -        -         -         -             no device
shutdown   -       unknown  -        -        -         -         -             hv_utils
heartbeat  -       unknown  -        -        -         -         -             hv_utils
fcopy      -       unknown  -        -        -         -         -             no device
";
    run(&mut hvctl(&args)).is(
        69,
        want,
        "hvctl: cannot reach the bus unix:path=/nonexistent/bus: No such file or directory (os error 2)\n\
         hint: start D-Bus, or name another bus with --bus system|session|ADDRESS\n",
    );
    let ran = run(hvctl(&args).arg("--json"));
    assert_eq!((ran.code, ran.err.as_str()), (Some(69), ""));
    assert!(
        ran.out.starts_with(
            "{\"schema\":1,\"kind\":\"status\",\"vmbus\":true,\"services\":[{\"service\":\"kvp\","
        )
    );
    assert!(
        ran.out.ends_with(
            "],\"error\":{\"name\":\"org.hvutils.Error.NoBus\",\
             \"message\":\"cannot reach the bus unix:path=/nonexistent/bus: No such file or directory (os error 2)\",\
             \"hint\":\"start D-Bus, or name another bus with --bus system|session|ADDRESS\"}}\n"
        ),
        "{}",
        ran.out
    );
    assert_eq!(ran.out.lines().count(), 1, "one object");
}
