use std::os::unix::fs::PermissionsExt;

use hv_utils_core::bus::BusChoice;
use hv_utils_core::daemon::config::{Config, Sources};
use hv_utils_core::netapply::{NetworkSettings, Plan};
use tempfile::TempDir;

use super::*;
use crate::backend::Roots;
use crate::backend::network_manager::settings::tests::{injection, plan, target};
use crate::saved::Snapshot;

const UUID: &str = "6e7d4f0e-0000-4000-8000-00000000000";

/// Path, mode, lines of `[connection]`.
type Made<'a> = (&'a str, u32, &'a str);

/// A machine without NetworkManager's programs, and with these profiles: path below the root, mode, lines of `[connection]`
/// (its UUID ends with the number of the profile).
fn machine(profiles: &[Made]) -> (TempDir, World) {
    let root = tempfile::tempdir().unwrap();
    let below = |name: &str| root.path().join(name);
    for (index, (path, mode, lines)) in profiles.iter().enumerate() {
        let path = below(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let uuid = if lines.contains("uuid=") { String::new() } else { format!("uuid={UUID}{index}\n") };
        fs::write(&path, format!("# {index}\n[connection]\nid=x\n{uuid}type=ethernet\n{lines}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(*mode)).unwrap();
    }
    let roots = Roots {
        etc: below("etc"),
        run: below("run"),
        usr: below("usr"),
        sysfs: below("sys"),
        proc: below("proc"),
        var_lib: below("var/lib"),
    };
    let mut config = Config::load(&Sources::new(None, &below("etc")));
    let settings = NetworkSettings::read(&mut config.table("network"));
    let world = World::new(roots, settings, BusChoice::None);
    (root, world)
}

/// Writes, and says where.
async fn written(world: &World, injection: &Injection) -> Result<PathBuf, Error> {
    let path = place(world, &target()).path;
    write(world, &target(), injection, |_| true).await.map(|()| path)
}

const ETC: &str = "etc/NetworkManager/system-connections";
const RUN: &str = "run/NetworkManager/system-connections";
const USR: &str = "usr/lib/NetworkManager/system-connections";

#[test]
fn the_profile_that_networkmanager_will_use_is_changed() {
    let own = "hv-utils-eth0.nmconnection";
    let mac = "\n[ethernet]\nmac-address=00:15:5D:00:04:01";
    let table: [(&[Made], &str); 13] = [
        (&[], own),
        (&[("a.nmconnection", 0o600, "interface-name=eth0")], "a.nmconnection"),
        (&[("a", 0o600, "interface-name=eth0")], "a"),
        (&[("a.nmconnection", 0o600, mac)], "a.nmconnection"),
        (&[("a.nmconnection", 0o600, "")], "a.nmconnection"),
        (&[("a.nmconnection", 0o600, "interface-name=eth1")], own),
        (&[("a.nmconnection", 0o600, "interface-name=eth0\nautoconnect=false")], own),
        (&[("a.nmconnection", 0o600, "multi-connect=3")], own),
        // What others may read NetworkManager does not.
        (&[("a.nmconnection", 0o644, "interface-name=eth0")], own),
        (&[(".a.nmconnection", 0o600, "interface-name=eth0")], own),
        (&[("a.nmconnection~", 0o600, "interface-name=eth0")], own),
        (
            &[("a.nmconnection", 0o600, ""), ("b.nmconnection", 0o600, "interface-name=eth0")],
            "b.nmconnection",
        ),
        (
            &[
                ("a.nmconnection", 0o600, "autoconnect-priority=1"),
                ("b.nmconnection", 0o600, "interface-name=eth0"),
            ],
            "a.nmconnection",
        ),
    ];
    for (profiles, wanted) in table {
        let paths: Vec<_> = profiles.iter().map(|profile| format!("{ETC}/{}", profile.0)).collect();
        let profiles: Vec<_> = profiles
            .iter()
            .zip(&paths)
            .map(|(profile, path)| (path.as_str(), profile.1, profile.2))
            .collect();
        let (_root, world) = machine(&profiles);
        assert_eq!(place(&world, &target()).path, home(&world).join(wanted), "{profiles:?}");
    }
}

#[test]
fn the_one_that_was_used_last_is_preferred() {
    let (root, world) = machine(&[(&format!("{ETC}/a"), 0o600, ""), (&format!("{ETC}/b"), 0o600, "")]);
    let timestamps = root.path().join("var/lib/NetworkManager/timestamps");
    fs::create_dir_all(timestamps.parent().unwrap()).unwrap();
    for (last, wanted) in [("0", "a"), ("1", "b")] {
        fs::write(&timestamps, format!("[timestamps]\n{UUID}{last}=200\n")).unwrap();
        assert_eq!(place(&world, &target()).path, home(&world).join(wanted));
    }
}

#[tokio::test]
async fn a_vendor_s_profile_is_changed_in_a_copy_of_the_same_name() {
    let (root, world) = machine(&[(&format!("{USR}/v.nmconnection"), 0o644, "interface-name=eth0")]);
    let wanted = injection(plan("192.0.2.7/24", "", "-"), Plan::default());
    let path = written(&world, &wanted).await.unwrap();
    assert_eq!(path, home(&world).join("v.nmconnection"));
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(&format!("uuid={UUID}0\n")) && text.contains("address1=192.0.2.7/24\n"), "{text}");
    assert!(!fs::read_to_string(root.path().join(USR).join("v.nmconnection")).unwrap().contains("address1"));
    // From now on it is the one.
    assert_eq!(place(&world, &target()).path, path);
}

#[tokio::test]
async fn one_that_is_made_at_each_boot_gets_a_copy_that_is_preferred() {
    let run = format!("{RUN}/netplan-eth0.nmconnection");
    let (_root, world) = machine(&[(&run, 0o600, "interface-name=eth0\nautoconnect-priority=4")]);
    let wanted = injection(plan("192.0.2.7/24", "", "-"), Plan::default());
    let path = written(&world, &wanted).await.unwrap();
    assert_eq!(path, home(&world).join("hv-utils-eth0.nmconnection"));
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(&format!("uuid={}\n", target().adapter)), "{text}");
    assert!(text.contains("autoconnect-priority=5\n"), "{text}");
    assert_eq!(place(&world, &target()).path, path);
}

#[tokio::test]
async fn a_profile_is_preferred_to_the_one_of_an_ifcfg_file_which_stays() {
    let wanted = injection(plan("192.0.2.7/24", "", "-"), Plan::default());
    for (ifcfg, profile, priority) in [
        ("DEVICE=eth0\nBOOTPROTO=dhcp\n", None, Some("1")),
        ("DEVICE=eth0\nAUTOCONNECT_PRIORITY=7\n", None, Some("8")),
        ("DEVICE=eth0\nAUTOCONNECT_PRIORITY=999\n", None, Some("999")),
        ("DEVICE=eth0\nONBOOT=no\n", None, None),
        ("DEVICE=eth1\n", None, None),
        ("DEVICE=eth0\n", Some("interface-name=eth0"), Some("1")),
        ("DEVICE=eth0\n", Some("interface-name=eth0\nautoconnect-priority=4"), Some("4")),
    ] {
        let keyfile = format!("{ETC}/a.nmconnection");
        let profiles: Vec<Made> = profile.iter().map(|lines| (keyfile.as_str(), 0o600, *lines)).collect();
        let (root, world) = machine(&profiles);
        let file = root.path().join("etc/sysconfig/network-scripts/ifcfg-eth0");
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, ifcfg).unwrap();
        let path = written(&world, &wanted).await.unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let found = Keyfile::parse(&text);
        assert_eq!(found.get("connection", "autoconnect-priority"), priority, "{ifcfg}");
        assert_eq!(text.contains("preferred to "), priority.is_some(), "{ifcfg}");
        written(&world, &wanted).await.unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), text, "twice is once");
        assert_eq!(fs::read_to_string(&file).unwrap(), ifcfg);
    }
    let (root, world) = machine(&[]);
    let file = root.path().join("etc/sysconfig/network-scripts/ifcfg-eth0");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, "DEVICE=eth0\nMASTER=bond0\nSLAVE=yes\n").unwrap();
    assert!(written(&world, &wanted).await.is_err());
}

#[tokio::test]
async fn what_was_written_is_for_root_alone_and_can_be_taken_back() {
    let keyfile = format!("{ETC}/office.nmconnection");
    let (root, world) = machine(&[(&keyfile, 0o600, "interface-name=eth0")]);
    let before = fs::read(root.path().join(&keyfile)).unwrap();
    let mut snapshot = Snapshot::default();
    snapshot.add(&place(&world, &target()).path).unwrap();
    let wanted = injection(plan("192.0.2.7/24", "", "-"), Plan::default());
    for _ in 0..2 {
        let path = written(&world, &wanted).await.unwrap();
        assert_eq!(path, root.path().join(&keyfile));
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(with_uuid(&home(&world), &format!("{UUID}0")), [path]);
    }
    snapshot.restore_files().unwrap();
    assert_eq!(fs::read(root.path().join(&keyfile)).unwrap(), before);
}

#[tokio::test]
async fn a_part_of_a_bond_is_refused() {
    let lines = "interface-name=eth0\nmaster=bond0\nslave-type=bond";
    let (_root, world) = machine(&[(&format!("{ETC}/port"), 0o600, lines)]);
    let wanted = injection(plan("192.0.2.7/24", "", "-"), Plan::default());
    let error = written(&world, &wanted).await.unwrap_err();
    assert!(error.to_string().contains("part of a bond"), "{error}");
}

#[tokio::test]
async fn a_shared_profile_is_outranked_by_one_of_our_own() {
    let lines = "multi-connect=3\nautoconnect-priority=7";
    let (_root, world) = machine(&[(&format!("{ETC}/any"), 0o600, lines)]);
    let wanted = injection(plan("192.0.2.7/24", "", "-"), Plan::default());
    let path = written(&world, &wanted).await.unwrap();
    assert_eq!(path, home(&world).join("hv-utils-eth0.nmconnection"));
    assert!(fs::read_to_string(path).unwrap().contains("autoconnect-priority=8\n"));
}

#[tokio::test]
async fn what_networkmanager_has_made_moves_and_comes_back() {
    let run = format!("{RUN}/Wired connection 1.nmconnection");
    let lines = "interface-name=eth0\nautoconnect-priority=-999\n\n[ipv4]\nmethod=auto\n\n[.nmmeta]\nnm-generated=true";
    let (root, world) = machine(&[(&run, 0o600, lines)]);
    let run = root.path().join(run);
    let before = fs::read(&run).unwrap();
    let place = place(&world, &target());
    assert_eq!(place.instead_of.as_ref(), Some(&run));
    let mut snapshot = Snapshot::default();
    snapshot.add(&place.path).unwrap();
    let wanted = injection(plan("192.0.2.7/24", "", "-"), Plan::default());
    let only = |path: &Path| path == place.path;
    assert!(write(&world, &target(), &wanted, only).await.is_err(), "it would not come back");
    snapshot.add(&run).unwrap();
    assert_eq!(written(&world, &wanted).await.unwrap(), home(&world).join("Wired connection 1.nmconnection"));
    let text = fs::read_to_string(&place.path).unwrap();
    assert!(text.contains(&format!("uuid={UUID}0\n")) && !text.contains("nm-generated"), "{text}");
    assert!(!run.exists());
    snapshot.restore_files().unwrap();
    assert_eq!(fs::read(&run).unwrap(), before);
    assert!(!place.path.exists());
}

#[test]
fn what_was_active_when_networkmanager_was_stopped_will_be_again() {
    let lines = "interface-name=eth0\nautoconnect=false";
    let (root, world) =
        machine(&[(&format!("{ETC}/a"), 0o600, "interface-name=eth0"), (&format!("{ETC}/b"), 0o600, lines)]);
    assert_eq!(place(&world, &target()).path, home(&world).join("a"));
    let device = root.path().join("run/NetworkManager/devices/2");
    fs::create_dir_all(device.parent().unwrap()).unwrap();
    fs::write(device, format!("[device]\nmanaged=true\nconnection-uuid={UUID}1\n")).unwrap();
    assert_eq!(place(&world, &target()).path, home(&world).join("b"));
}
