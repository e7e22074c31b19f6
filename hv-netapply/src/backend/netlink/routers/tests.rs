use super::*;
use crate::backend::tests_support::{put, roots};

#[test]
fn where_packets_are_forwarded_or_an_administrator_says_two_routers_are_followed_in_any_case() {
    for (accept, forwarding, expected) in [(0, 0, 1), (1, 0, 1), (2, 0, 2), (0, 1, 2), (1, 1, 2), (2, 1, 2)] {
        let (_kept, roots) = roots();
        for (key, value) in [("accept_ra", accept), ("forwarding", forwarding), ("autoconf", 0)] {
            put(&setting(&roots.proc, "eth0", key), &format!("{value}\n"));
        }
        let wanted = Following::wanted(&roots.proc, "eth0", true);
        assert_eq!(wanted, Following { accept: expected, autoconf: 1 }, "{accept} {forwarding}");
        wanted.put(&roots.proc, "eth0");
        assert_eq!(Following::now(&roots.proc, "eth0"), Some(wanted));
        let not = Following::wanted(&roots.proc, "eth0", false);
        assert_eq!(not, Following { accept: 0, autoconf: 0 });
    }
}
