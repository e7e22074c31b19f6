//! The order of what hooks are told.

use std::os::unix::fs::PermissionsExt;

use hv_utils_core::netapply::Outcome;
use tokio::task::LocalSet;

use super::*;
use crate::backend::cases::{injection, keep};
use crate::backend::tests_support::{put, roots, world};

fn record(interface: &str) -> Record {
    Record {
        time: 0,
        settled: 0,
        interface: interface.to_owned(),
        backend: String::new(),
        injection: injection(keep(), keep()),
        outcome: Outcome::Applied,
        message: String::new(),
    }
}

#[tokio::test]
async fn hooks_hear_of_one_record_after_the_other() {
    let (kept, roots) = roots();
    let log = kept.path().join("log");
    for (name, pause) in [("10-slow", "0.05"), ("20-quick", "0")] {
        let hook = roots.etc.join(DIRECTORY).join(name);
        let text = format!(
            "#!/bin/sh\necho $HV_IP_INTERFACE begins >>{0}\nsleep {pause}\necho $HV_IP_INTERFACE ends >>{0}\n",
            log.display()
        );
        put(&hook, &text);
        fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let hooks = Hooks::new(world(&roots));
    LocalSet::new()
        .run_until(async {
            hooks.finish().await;
            for interface in ["eth0", "eth1", "eth2"] {
                hooks.tell(record(interface));
            }
            hooks.finish().await;
            hooks.tell(record("eth3"));
            hooks.finish().await;
        })
        .await;
    let names = ["eth0", "eth1", "eth2", "eth3"];
    let expected: String =
        names.iter().flat_map(|name| vec![format!("{name} begins\n{name} ends\n"); 2]).collect();
    assert_eq!(fs::read_to_string(log).unwrap(), expected);
}
