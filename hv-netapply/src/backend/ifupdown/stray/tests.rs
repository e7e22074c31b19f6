use super::*;
use crate::backend::tests_support::{put, roots};

#[test]
fn only_what_is_certainly_ours_is_a_stray() {
    for (command, status, group, stray) in [
        ("ifup", "Name:\tifup\nPPid:\t1\n", "0::/ours\n", true),
        ("ifdown", "Name:\tifdown\nPPid:\t1\n", "0::/ours\n", true),
        ("ifup", "Name:\tifup\nPPid:\t77\n", "0::/ours\n", false),
        ("ifup", "Name:\tifup\nPPid:\t1\n", "0::/system.slice/ifup@eth0.service\n", false),
        ("bash", "Name:\tbash\nPPid:\t1\n", "0::/ours\n", false),
        ("", "", "", false),
    ] {
        let (_kept, roots) = roots();
        put(&roots.proc.join("self/cgroup"), "0::/ours\n");
        for (file, text) in [("comm", command), ("status", status), ("cgroup", group)] {
            put(&roots.proc.join("7").join(file), text);
        }
        assert_eq!(is_stray(&roots.proc, 7), stray, "{command} {status} {group}");
    }
}
