use super::*;
use crate::backend::tests_support::{put, roots};

#[test]
fn only_what_is_certainly_ours_is_a_stray() {
    for (command, status, words, group, stray) in [
        ("ifup", "State:\tS\nPPid:\t1\n", "ifup\0eth0\0", "0::/ours\n", true),
        ("ifdown", "PPid:\t1\n", "ifdown\0--force\0eth0\0", "0::/ours\n", true),
        ("ifup", "PPid:\t1\n", "ifup\0eth1\0", "0::/ours\n", false),
        ("ifup", "PPid:\t77\n", "ifup\0eth0\0", "0::/ours\n", false),
        ("ifup", "State:\tZ (zombie)\nPPid:\t1\n", "ifup\0eth0\0", "0::/ours\n", false),
        ("ifup", "PPid:\t1\n", "ifup\0eth0\0", "0::/system.slice/ifup@eth0.service\n", false),
        ("bash", "PPid:\t1\n", "bash\0eth0\0", "0::/ours\n", false),
        ("", "", "", "", false),
    ] {
        let (_kept, roots) = roots();
        put(&roots.proc.join("self/cgroup"), "0::/ours\n");
        for (file, text) in [("comm", command), ("status", status), ("cmdline", words), ("cgroup", group)] {
            put(&roots.proc.join("7").join(file), text);
        }
        let found = is_stray(&roots.proc, 7, &["ifup", "ifdown"], Some("eth0"));
        assert_eq!(found, stray, "{command} {status} {group}");
    }
}
