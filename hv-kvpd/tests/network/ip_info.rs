//! GET_IP_INFO end to end: a real kernel's interfaces in a namespace, the daemon, and a host of literal bytes.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use crate::host::{Binary, Guest, MAC, eth0, in_time, strings};
use hv_utils_core::testing::namespace::inside;
use hv_utils_core::testing::routes::DefaultRoute;

#[test]
fn binary_answer_tells_what_the_kernel_and_resolv_conf_say() {
    inside("binary_answer_tells_what_the_kernel_and_resolv_conf_say", async |links| {
        in_time(async {
            let index = eth0(&links).await;
            links.address(index, "10.0.1.5", 16).await;
            links.route(&DefaultRoute::through(index, "10.0.0.1").metric(100).protocol(16)).await;
            links.route(&DefaultRoute::through(index, "10.0.0.2").table(100)).await;
            let mut guest = Guest::start(5, "", "none").await;
            let expected = Binary {
                family: 1,
                dhcp: 1,
                addresses: strings(&["10.0.0.5/255.255.255.0", "10.0.1.5/255.255.0.0"]),
                origins: vec![2, 2],
                gateways: strings(&["10.0.0.1", "10.0.0.2"]),
                dns: strings(&["192.0.2.53"]),
            };
            assert_eq!(guest.binary(MAC).await, expected);
            assert_eq!(guest.binary("00-15-5d-01-02-03").await, expected);
            assert_eq!(guest.binary("00155d010203").await, expected);
            let (status, body) = guest.ask("00:15:5D:01:02:04").await;
            assert_eq!(status, 0x8000_4005);
            assert!(body[4..28].iter().all(|byte| *byte == 0), "a failure tells nothing");
        })
        .await;
    });
}

#[test]
fn text_answer_has_the_shape_of_the_c_daemon() {
    inside("text_answer_has_the_shape_of_the_c_daemon", async |links| {
        in_time(async {
            let index = eth0(&links).await;
            links.route(&DefaultRoute::through(index, "10.0.0.1")).await;
            for version in [3, 4] {
                let mut guest = Guest::start(version, "", "none").await;
                let (lists, family, dhcp) = guest.text(MAC).await;
                assert_eq!(lists, ["10.0.0.5", "255.255.255.0", "10.0.0.1;", "192.0.2.53;"]);
                assert_eq!((family, dhcp), (1, 0));
                assert_eq!(guest.ask("eth0").await.0, 0x8000_4005);
            }
        })
        .await;
    });
}

#[test]
fn what_changed_between_two_requests_is_in_the_second_answer() {
    inside("what_changed_between_two_requests_is_in_the_second_answer", async |links| {
        in_time(async {
            let index = eth0(&links).await;
            let mut guest = Guest::start(5, "", "none").await;
            for round in 0..100 {
                let ip = format!("10.0.2.{round}");
                links.address(index, &ip, 32).await;
                let route = DefaultRoute::through(index, "10.0.0.1").metric(round);
                links.route(&route).await;
                let told = guest.binary(MAC).await;
                assert_eq!(
                    told.addresses,
                    strings(&["10.0.0.5/255.255.255.0", &format!("{ip}/255.255.255.255")])
                );
                assert_eq!(told.gateways, strings(&["10.0.0.1"]));
                links.remove_route(&route).await;
                links.remove_address(index, &ip, 32).await;
                let told = guest.binary(MAC).await;
                assert_eq!((told.addresses.len(), told.gateways.len()), (1, 0));
            }
            links.route(&DefaultRoute::through(index, "10.0.0.1")).await;
            links.down(index).await;
            let told = guest.binary(MAC).await;
            assert_eq!((told.family, told.addresses.len(), told.gateways.len()), (0, 0, 0));
            links.remove(index).await;
            assert_eq!(guest.ask(MAC).await.0, 0x8000_4005);
        })
        .await;
    });
}

#[test]
fn vf_and_what_stands_on_the_netvsc_are_one_adapter() {
    inside("vf_and_what_stands_on_the_netvsc_are_one_adapter", async |links| {
        in_time(async {
            let mut guest = Guest::start(5, "", "none").await;
            for (interface, file) in [("eth0", "device_id"), ("vf0", "vendor")] {
                let device = guest.path("sys/class/net").join(interface).join("device");
                std::fs::create_dir_all(&device).unwrap();
                std::fs::write(device.join(file), "{11111111-2222-3333-4444-555555555555}\n").unwrap();
            }
            let (vf, _) = links.veth("vf0", "wire0").await;
            links.hardware_address(vf, [0x00, 0x15, 0x5d, 0x01, 0x02, 0x03]).await;
            links.up(vf).await;
            let index = eth0(&links).await;
            let told = guest.binary(MAC).await;
            assert_eq!(told.addresses, strings(&["10.0.0.5/255.255.255.0"]));
            let bridge = links.bridge("br0").await;
            links.enslave(index, bridge).await;
            links.up(bridge).await;
            links.address(bridge, "10.9.0.5", 24).await;
            links.route(&DefaultRoute::through(bridge, "10.9.0.1")).await;
            if let Some(vlan) = links.vlan("eth0.7", index, 7).await {
                links.up(vlan).await;
                links.address(vlan, "10.7.0.5", 24).await;
                let told = guest.binary(MAC).await;
                assert!(told.addresses.contains(&"10.7.0.5/255.255.255.0".to_owned()), "{told:?}");
                links.remove(vlan).await;
            }
            let told = guest.binary(MAC).await;
            assert_eq!(told.addresses, strings(&["10.0.0.5/255.255.255.0", "10.9.0.5/255.255.255.0"]));
            assert_eq!(told.gateways, strings(&["10.9.0.1"]));
        })
        .await;
    });
}

#[test]
fn resolv_conf_is_followed() {
    inside("resolv_conf_is_followed", async |links| {
        in_time(async {
            eth0(&links).await;
            let mut guest = Guest::start(5, "", "none").await;
            assert_eq!(guest.binary(MAC).await.dns, strings(&["192.0.2.53"]));
            std::fs::write(guest.path("next"), "nameserver 127.0.0.53\n").unwrap();
            std::fs::rename(guest.path("next"), guest.path("etc/resolv.conf")).unwrap();
            // The file is followed by notification: which comes first is not said.
            while guest.binary(MAC).await.dns != strings(&[]) {}
            std::fs::create_dir_all(guest.path("run/systemd/resolve")).unwrap();
            std::fs::write(guest.path("run/systemd/resolve/resolv.conf"), "nameserver 192.0.2.54\n").unwrap();
            while guest.binary(MAC).await.dns != strings(&["192.0.2.54"]) {}
        })
        .await;
    });
}

#[test]
fn cached_answer_costs_few_system_calls() {
    inside("cached_answer_costs_few_system_calls", async |links| {
        in_time(async {
            const ANSWERS: usize = 20;
            let index = eth0(&links).await;
            links.route(&DefaultRoute::through(index, "10.0.0.1")).await;
            let mut guest = Guest::start(5, "", "none").await;
            guest.binary(MAC).await;
            let Some(trace) = Trace::attach(guest.process(), guest.path("strace")) else { return };
            // strace has the process before it has stopped it once, and what is answered in between is not in its log.
            let mut answers = ANSWERS;
            while !trace.has_begun() {
                guest.binary(MAC).await;
                answers += 1;
            }
            for _ in 0..ANSWERS {
                guest.binary(MAC).await;
            }
            let calls = trace.end();
            // Each has to look whether the kernel has said something.
            assert!(calls.iter().filter(|call| call.contains("recvfrom(")).count() >= ANSWERS, "{calls:#?}");
            assert!(calls.len() <= 15 * answers, "{} calls for {answers} answers: {calls:#?}", calls.len());
            let other = |call: &&String| {
                ["connect(", "clone", "execve(", "open"].iter().any(|word| call.contains(word))
            };
            assert_eq!(calls.iter().find(other), None);
        })
        .await;
    });
}

/// The system calls of a process, from now on.
struct Trace(Child, PathBuf);

impl Trace {
    /// `None`, with a line that says so, where there is no `strace` or it may not.
    fn attach(process: u32, log: PathBuf) -> Option<Trace> {
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-e", "signal=none", "-p", &process.to_string(), "-o"]).arg(&log);
        let spawned = strace.stdin(Stdio::null()).stderr(Stdio::null()).spawn();
        let traced = || {
            let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
            status.lines().any(|line| line.starts_with("TracerPid:") && !line.ends_with("\t0"))
        };
        let mut trace = spawned.ok().map(|child| Trace(child, log));
        while let Some(Trace(child, _)) = &mut trace {
            if traced() {
                return trace;
            }
            if child.try_wait().unwrap().is_some() {
                break;
            }
            std::thread::yield_now();
        }
        let _ =
            writeln!(std::io::stderr(), "skipped: system calls are not counted: no strace, or it may not");
        None
    }

    /// Whether a call is in the log.
    fn has_begun(&self) -> bool {
        std::fs::read_to_string(&self.1).is_ok_and(|log| log.contains("recvfrom("))
    }

    fn end(mut self) -> Vec<String> {
        let process = rustix::process::Pid::from_child(&self.0);
        rustix::process::kill_process(process, rustix::process::Signal::INT).unwrap();
        self.0.wait().unwrap();
        std::fs::read_to_string(&self.1).unwrap().lines().map(str::to_owned).collect()
    }
}
