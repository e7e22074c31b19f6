//! `devices`, from a sysfs of our own making.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::harness::{hvctl, run, write};

/// One device as the kernel shows it. `map0` is the size of the two rings of a device bound to uio_hv_generic.
pub(crate) fn device(
    sysfs: &Path,
    instance: &str,
    class: &str,
    driver: Option<&str>,
    relid: u32,
    map0: Option<u64>,
) {
    let path = sysfs.join("bus/vmbus/devices").join(instance);
    write(&path.join("class_id"), &format!("{{{class}}}\n"));
    write(&path.join("device_id"), &format!("{{{instance}}}\n"));
    write(&path.join("id"), &format!("{relid}\n"));
    fs::create_dir_all(path.join(format!("channels/{relid}"))).unwrap();
    if let Some(driver) = driver {
        let target = sysfs.join("bus/vmbus/drivers").join(driver);
        fs::create_dir_all(&target).unwrap();
        symlink(&target, path.join("driver")).unwrap();
    }
    if let Some(bytes) = map0 {
        let uio = path.join("uio/uio3");
        write(&uio.join("name"), "uio_hv_generic\n");
        write(&uio.join("maps/map0/name"), "txrx_rings\n");
        write(&uio.join("maps/map0/size"), &format!("{bytes:#x}\n"));
        write(&uio.join("maps/map0/offset"), "0x0\n");
        write(&uio.join("maps/map0/addr"), "0x0000000001000000\n");
    }
}

const KVP: (&str, &str) = ("242ff919-07db-4180-9c2e-b86cb68c8c55", "a9a0f4e7-5a45-4d96-b827-8a841e8c03e6");
const NET: (&str, &str) = ("9c5a8f6e-0000-4000-8000-00155d010203", "f8615163-df3e-46c5-913f-f2d2f965ed0e");
const NEW: (&str, &str) = ("f0000000-0000-4000-8000-000000000000", "01234567-89ab-cdef-0123-456789abcdef");

fn sysfs() -> tempfile::TempDir {
    let sysfs = tempfile::tempdir().unwrap();
    device(sysfs.path(), KVP.0, KVP.1, Some("uio_hv_generic"), 7, Some(0x40_0000));
    device(sysfs.path(), NET.0, NET.1, Some("hv_netvsc"), 14, None);
    device(sysfs.path(), NEW.0, NEW.1, None, 15, None);
    sysfs
}

#[test]
fn devices_are_shown_with_friendly_names() {
    let sysfs = sysfs();
    let want = "\
DEVICE               CLASS                                 INSTANCE                              DRIVER          RELID  RING BYTES
Data exchange (KVP)  a9a0f4e7-5a45-4d96-b827-8a841e8c03e6  242ff919-07db-4180-9c2e-b86cb68c8c55  uio_hv_generic  7      2 x 2097152
Network adapter      f8615163-df3e-46c5-913f-f2d2f965ed0e  9c5a8f6e-0000-4000-8000-00155d010203  hv_netvsc       14     -
Unknown              01234567-89ab-cdef-0123-456789abcdef  f0000000-0000-4000-8000-000000000000  -               15     -
";
    run(&mut hvctl(&["--sysfs-root", sysfs.path().to_str().unwrap(), "devices"])).is(0, want, "");
}

#[test]
fn devices_as_json_name_our_service() {
    let sysfs = sysfs();
    let want = "{\"schema\":1,\"kind\":\"devices\",\"items\":[\
        {\"class\":\"a9a0f4e7-5a45-4d96-b827-8a841e8c03e6\",\"name\":\"Data exchange (KVP)\",\"service\":\"kvp\",\
        \"instance\":\"242ff919-07db-4180-9c2e-b86cb68c8c55\",\"driver\":\"uio_hv_generic\",\"relid\":7,\
        \"ring_bytes\":2097152},\
        {\"class\":\"f8615163-df3e-46c5-913f-f2d2f965ed0e\",\"name\":\"Network adapter\",\"service\":null,\
        \"instance\":\"9c5a8f6e-0000-4000-8000-00155d010203\",\"driver\":\"hv_netvsc\",\"relid\":14,\
        \"ring_bytes\":null},\
        {\"class\":\"01234567-89ab-cdef-0123-456789abcdef\",\"name\":\"Unknown\",\"service\":null,\
        \"instance\":\"f0000000-0000-4000-8000-000000000000\",\"driver\":null,\"relid\":15,\"ring_bytes\":null}]}\n";
    run(&mut hvctl(&["--json", "--sysfs-root", sysfs.path().to_str().unwrap(), "devices"])).is(0, want, "");
}

#[test]
fn devices_without_a_vmbus_is_exit_69_and_explained() {
    let sysfs = tempfile::tempdir().unwrap();
    let root = sysfs.path().to_str().unwrap();
    run(&mut hvctl(&["--sysfs-root", root, "devices"])).is(
        69,
        "",
        &format!(
            "hvctl: there is no VMBus here ({root}/bus/vmbus does not exist)\n\
             hint: this is not a Hyper-V guest, or its kernel lacks hv_vmbus (modprobe hv_vmbus)\n"
        ),
    );
}

#[test]
fn a_vmbus_without_devices_is_no_error() {
    let sysfs = tempfile::tempdir().unwrap();
    fs::create_dir_all(sysfs.path().join("bus/vmbus/devices")).unwrap();
    let root = sysfs.path().to_str().unwrap();
    run(&mut hvctl(&["--sysfs-root", root, "devices"])).is(0, "", "no devices on the VMBus\n");
    run(&mut hvctl(&["--json", "--sysfs-root", root, "devices"])).is(
        0,
        "{\"schema\":1,\"kind\":\"devices\",\"items\":[]}\n",
        "",
    );
}
