//! For tests: network and UTS namespaces of a thread's own, where interfaces can be made and names changed.
//!
//! Interfaces are made through rtnetlink, so that the code under test is judged by another's messages.

#![expect(clippy::unwrap_used, reason = "a double for tests: what fails here fails the test")]

use std::future::Future;
use std::io::Write;
use std::net::IpAddr;
use std::process::Command;

use rtnetlink::packet_route::address::{AddressAttribute, CacheInfo};
use rtnetlink::packet_route::link::{LinkMessage, MacVlanMode};
use rtnetlink::{Handle, LinkBond, LinkBridge, LinkDummy, LinkMacVlan, LinkUnspec, LinkVeth, LinkVlan};
use rustix::io::Errno;
use rustix::thread::UnshareFlags;

/// Runs `body` in fresh namespaces. Where the system allows them to root only, the test runs as root of a user
/// namespace, in a process of its own; where that is not allowed either, it says that `test` is skipped.
pub fn inside<F: Future<Output = ()>>(test: &str, body: impl FnOnce(Links) -> F + Send + 'static) {
    let thread = std::thread::spawn(move || {
        unshare()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { body(Links::new()).await });
        Ok(())
    });
    let run: rustix::io::Result<()> = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    if let Err(error) = run
        && !as_root_of_a_namespace()
    {
        // Not by a print macro: the test's own output is shown only when it fails.
        let _ =
            writeln!(std::io::stderr(), "skipped: {test}: no namespaces of its own ({error}): needs root");
    }
}

/// Runs this test once more under `unshare --map-root-user`; tells whether that could be done at all.
fn as_root_of_a_namespace() -> bool {
    const AGAIN: &str = "HV_UTILS_TEST_AGAIN";
    let thread = std::thread::current();
    let (Some(name), None) = (thread.name().filter(|name| name.contains("::")), std::env::var_os(AGAIN))
    else {
        return false;
    };
    let unshare = || Command::new("unshare");
    if !unshare().args(["--map-root-user", "true"]).output().is_ok_and(|tried| tried.status.success()) {
        return false;
    }
    let program = std::env::current_exe().unwrap();
    let again =
        unshare().arg("--map-root-user").arg(program).args(["--exact", name]).env(AGAIN, "1").output();
    let again = again.unwrap();
    let said = String::from_utf8_lossy(&again.stdout);
    assert!(again.status.success() && said.contains("1 passed"), "{said}");
    let _ = std::io::stderr().write_all(&again.stderr);
    true
}

fn unshare() -> rustix::io::Result<()> {
    #[expect(
        deprecated,
        reason = "neither namespace touches memory or descriptors, which is what made it deprecated"
    )]
    rustix::thread::unshare(UnshareFlags::NEWNET | UnshareFlags::NEWUTS)
}

/// A second network namespace, for as long as this lives.
#[derive(Debug)]
struct Elsewhere {
    thread: i32,
    _alive: std::sync::mpsc::Sender<()>,
}

impl Elsewhere {
    fn new() -> Elsewhere {
        let (alive, end) = std::sync::mpsc::channel::<()>();
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            unshare().unwrap();
            tell.send(rustix::thread::gettid().as_raw_nonzero().get()).unwrap();
            let _ = end.recv();
        });
        Elsewhere { thread: told.recv().unwrap(), _alive: alive }
    }
}

/// What a test does to the interfaces of its namespace.
#[derive(Debug)]
pub struct Links {
    pub(super) handle: Handle,
    elsewhere: Elsewhere,
}

impl Links {
    fn new() -> Links {
        let (connection, handle, _) = rtnetlink::new_connection().unwrap();
        tokio::spawn(connection);
        Links { handle, elsewhere: Elsewhere::new() }
    }

    async fn add(&self, name: &str, message: LinkMessage) -> u32 {
        self.handle.link().add(message).execute().await.unwrap();
        self.index(name)
    }

    /// As `add`; `None`, and a line that says so, where the kernel has no such interfaces.
    async fn add_if_known(&self, name: &str, message: LinkMessage) -> Option<u32> {
        match self.handle.link().add(message).execute().await {
            Err(rtnetlink::Error::NetlinkError(error))
                if error.raw_code() == -Errno::OPNOTSUPP.raw_os_error() =>
            {
                let _ = writeln!(std::io::stderr(), "skipped: {name}: this kernel has no such interfaces");
                None
            }
            added => {
                added.unwrap();
                Some(self.index(name))
            }
        }
    }

    /// The index of an interface of this thread's namespace.
    pub fn index(&self, name: &str) -> u32 {
        let socket =
            rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::DGRAM, None);
        rustix::net::netdevice::name_to_index(socket.unwrap(), name).unwrap()
    }

    /// An interface as a container has it: one end of a pair, the other in another namespace.
    pub async fn uplink(&self, name: &str) -> u32 {
        let (near, far) = self.veth(name, "far").await;
        self.send_away(far).await;
        near
    }

    /// A pair in this namespace; the indices of both ends.
    pub async fn veth(&self, name: &str, peer: &str) -> (u32, u32) {
        let index = self.add(name, LinkVeth::new(name, peer).build()).await;
        (index, self.index(peer))
    }

    /// A bridge without members.
    pub async fn bridge(&self, name: &str) -> u32 {
        self.add(name, LinkBridge::new(name).build()).await
    }

    /// A dummy, where the kernel has them.
    pub async fn dummy(&self, name: &str) -> Option<u32> {
        self.add_if_known(name, LinkDummy::new(name).build()).await
    }

    /// A bond without members, where the kernel has them.
    pub async fn bond(&self, name: &str) -> Option<u32> {
        self.add_if_known(name, LinkBond::new(name).build()).await
    }

    /// A VLAN over `lower`, where the kernel has them.
    pub async fn vlan(&self, name: &str, lower: u32, id: u16) -> Option<u32> {
        self.add_if_known(name, LinkVlan::new(name, lower, id).build()).await
    }

    /// A macvlan over `lower`, where the kernel has them.
    pub async fn macvlan(&self, name: &str, lower: u32) -> Option<u32> {
        let message = LinkMacVlan::new(name, lower, MacVlanMode::Bridge).build();
        self.add_if_known(name, message).await
    }

    async fn set(&self, message: LinkMessage) {
        self.handle.link().set(message).execute().await.unwrap();
    }

    /// Switches it on.
    pub async fn up(&self, index: u32) {
        self.set(LinkUnspec::new_with_index(index).up().build()).await;
    }

    /// Switches it off.
    pub async fn down(&self, index: u32) {
        self.set(LinkUnspec::new_with_index(index).down().build()).await;
    }

    /// Gives it another name; it has to be down.
    pub async fn rename(&self, index: u32, name: &str) {
        self.set(LinkUnspec::new_with_index(index).name(name).build()).await;
    }

    /// Makes it a member of `master`.
    pub async fn enslave(&self, index: u32, master: u32) {
        self.set(LinkUnspec::new_with_index(index).controller(master).build()).await;
    }

    /// Takes it out of what it is a member of.
    pub async fn release(&self, index: u32) {
        self.set(LinkUnspec::new_with_index(index).nocontroller().build()).await;
    }

    /// Moves it into the other namespace.
    pub async fn send_away(&self, index: u32) {
        let namespace = u32::try_from(self.elsewhere.thread).unwrap();
        self.set(LinkUnspec::new_with_index(index).setns_by_pid(namespace).build()).await;
    }

    /// Deletes it.
    pub async fn remove(&self, index: u32) {
        self.handle.link().del(index).execute().await.unwrap();
    }

    /// Adds an address.
    pub async fn address(&self, index: u32, ip: &str, prefix: u8) {
        let ip: IpAddr = ip.parse().unwrap();
        self.handle.address().add(index, ip, prefix).execute().await.unwrap();
    }

    /// Adds an IPv6 address that is valid for so many seconds, and preferred for so many of them.
    pub async fn passing_address(&self, index: u32, ip: &str, prefix: u8, valid: u32, preferred: u32) {
        let mut request = self.handle.address().add(index, ip.parse().unwrap(), prefix);
        let mut lifetimes = CacheInfo::default();
        (lifetimes.ifa_valid, lifetimes.ifa_preferred) = (valid, preferred);
        request.message_mut().attributes.push(AddressAttribute::CacheInfo(lifetimes));
        request.execute().await.unwrap();
    }

    /// Has the kernel ask so many times, a second apart, whether a new IPv6 address of this interface is another machine's.
    /// Where that cannot be said, it asks once.
    pub fn look_for_duplicates(&self, name: &str, times: u32) {
        // The kernel's view of this thread's namespace.
        let _ = std::fs::write(format!("/proc/sys/net/ipv6/conf/{name}/dad_transmits"), times.to_string());
    }

    /// Gives it another hardware address.
    pub async fn hardware_address(&self, index: u32, address: [u8; 6]) {
        self.set(LinkUnspec::new_with_index(index).address(address.to_vec()).build()).await;
    }

    /// Removes an address.
    pub async fn remove_address(&self, index: u32, ip: &str, prefix: u8) {
        let mut request = self.handle.address().add(index, ip.parse().unwrap(), prefix);
        let message = request.message_mut().clone();
        self.handle.address().del(message).execute().await.unwrap();
    }
}
