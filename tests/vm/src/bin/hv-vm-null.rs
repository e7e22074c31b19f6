//! The floor for every KVP daemon: answers each request at once, with what it asked or, about an adapter, with the same
//! each time, and knows nothing.
//!
//! usage: hv-vm-null hv_utils|uio
//!        hv-vm-null uio fcopy          the floor for every receiver of files: answers each piece, and writes none
//!        hv-vm-null pool FILE N        a pool of N records
//!        hv-vm-null look               the rings as the kernel hands them over, after a host has spoken first
//!        hv-vm-null fsync FILE N       what an fsync after 2560 bytes costs, N times
//!
//! One thread without a runtime: poll, read, write, and on uio the rings. What a daemon needs more than this is its own.

use std::error::Error;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;

use hv_utils_core::channel::nodes::{CharNode, DeviceNodes, Nodes, UioNode};
use hv_utils_core::channel::sysfs;
use hv_utils_core::sys::SharedMemory;
use hv_utils_core::wire::kvp::{Address, Family, IpInfo, Origin, Reply, Request, chardev, raw};
use hv_utils_core::wire::ring::{self, RingMemory, Signal};
use hv_utils_core::wire::{Ic, MAX_PAYLOAD, Received, Session, Status};
use rustix::event::{PollFd, PollFlags, poll};

type Outcome = Result<(), Box<dyn Error>>;

fn main() -> Outcome {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["hv_utils"] => char_device(),
        ["uio"] => uio(Ic::Kvp),
        ["uio", "fcopy"] => uio(Ic::FileCopy),
        ["look"] => look(),
        ["pool", file, count] => pool(file, count.parse()?),
        ["fsync", file, count] => fsync(file, count.parse()?),
        _ => Err("usage: hv-vm-null hv_utils|uio [fcopy] | look | pool FILE N | fsync FILE N".into()),
    }
}

/// Bytes of a record, and of the key in it (protocol.md §5.8).
const RECORD: usize = 2560;
const KEY: usize = 512;

fn pool(file: &str, count: u32) -> Outcome {
    let mut out = std::io::BufWriter::new(std::fs::File::create(file)?);
    for number in 0..count {
        let mut record = [0; RECORD];
        let key = format!("key{number:06}");
        let value = format!("value of key {number}, of an ordinary length of sixty-four characters ..");
        record[..key.len()].copy_from_slice(key.as_bytes());
        record[KEY..KEY + value.len()].copy_from_slice(value.as_bytes());
        out.write_all(&record)?;
    }
    Ok(out.flush()?)
}

fn fsync(file: &str, count: usize) -> Outcome {
    let out = std::fs::File::create(file)?;
    let mut times = Vec::new();
    for _ in 0..count {
        out.write_all_at(&[0xa5; RECORD], 0)?;
        let began = std::time::Instant::now();
        out.sync_all()?;
        times.push(began.elapsed());
    }
    times.sort_unstable();
    let median = times.get(count / 2).copied().unwrap_or_default();
    println!("One fsync after {RECORD} bytes: {:.2} ms (median of {count}).", median.as_secs_f64() * 1e3);
    Ok(())
}

fn char_device() -> Outcome {
    let node = DeviceNodes.open_char(Path::new("/dev/vmbus/hv_kvp"))?;
    node.write(&chardev::register())?;
    let mut message = vec![0; chardev::MESSAGE_BYTES];
    // The first answer ends the registration.
    wait(&*node)?;
    node.read(&mut message)?;
    loop {
        wait(&*node)?;
        let count = node.read(&mut message)?;
        if let Ok(request @ Request::GetIpInfo(_)) = chardev::parse(&message) {
            // It has room for this.
            let _ = chardev::fill(&request, &adapter(), &mut message);
        }
        chardev::set_status(&mut message, Status::OK);
        // A late answer is refused: the next request is another one.
        let _ = node.write(&message[..count]);
    }
}

/// What is told about any adapter: the one thing that is known here, so that as much is sent as by a daemon.
fn adapter() -> Reply {
    let addresses = [("192.0.2.5", 24), ("2001:db8::5", 64), ("fe80::215:5dff:fe01:203", 64)];
    let addresses =
        addresses.map(|(ip, prefix)| ip.parse().map(|ip| Address { ip, prefix, origin: Origin::Static }));
    Reply::IpInfo(Box::new(IpInfo {
        family: Family::Both,
        addresses: addresses.into_iter().flatten().collect(),
        gateways: "192.0.2.1".parse().into_iter().collect(),
        dns: "192.0.2.53".parse().into_iter().collect(),
        ..IpInfo::default()
    }))
}

fn wait(node: &dyn CharNode) -> Outcome {
    poll(&mut [PollFd::new(node.descriptor(), PollFlags::IN)], None)?;
    Ok(())
}

/// Opens the node and maps both rings.
fn open_uio(ic: Ic) -> Result<(Box<dyn UioNode>, SharedMemory), Box<dyn Error>> {
    let device = sysfs::find(Path::new("/sys"), ic.class())?.ok_or("no such device")?;
    let number = device.uio.as_ref().ok_or("it is not bound to uio_hv_generic")?.index;
    let bytes = usize::try_from(2 * device.ring_bytes().ok_or("no map of the rings")?)?;
    let node = DeviceNodes.open_uio(Path::new(&format!("/dev/uio{number}")))?;
    let memory = node.map(0, bytes)?;
    Ok((node, memory))
}

/// Nothing is read and nothing unmasked: what a program finds that comes late.
fn look() -> Outcome {
    let (_node, memory) = open_uio(Ic::Kvp)?;
    let half = memory.len() / 2;
    let word = |ring: usize, offset: usize| memory.load(ring * half + offset);
    // A minute at most: the host, too, may have to wait for a processor.
    for _ in 0..1200 {
        if word(1, 0) != 0 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    println!("ring bytes: {half}");
    println!("bytes queued by the host: {}", word(1, 0));
    println!("interrupt masks: {} {}", word(0, 8), word(1, 8));
    println!("feature bits: {} {}", word(0, 64), word(1, 64));
    Ok(())
}

fn uio(ic: Ic) -> Outcome {
    let (node, memory) = open_uio(ic)?;
    let memory = std::sync::Arc::new(memory);
    let (mut producer, mut consumer) = ring::guest_ends(memory, rustix::param::page_size())?;
    let mut session = Session::new(ic, None);
    let mut payload = Vec::new();
    loop {
        let Some(popped) = consumer.pop(&mut payload, MAX_PAYLOAD)? else {
            if !consumer.unmask()? {
                wait_uio(&*node)?;
            }
            continue;
        };
        let send = match session.receive(popped.header, &mut payload) {
            Received::Request(info) => session.finish(info.ticket, Status::OK, &mut payload, |body| {
                if ic != Ic::Kvp {
                    return;
                }
                if let Ok(request @ Request::GetIpInfo(_)) = raw::parse(body, info.version) {
                    let _ = raw::fill(&request, &adapter(), info.version, body);
                }
            }),
            Received::Negotiated(_) => true,
            _ => false,
        };
        if send && producer.push(popped.header, &payload)? == Signal::Needed {
            node.signal()?;
        }
    }
}

fn wait_uio(node: &dyn UioNode) -> Outcome {
    poll(&mut [PollFd::new(node.descriptor(), PollFlags::IN)], None)?;
    node.take_events()?;
    Ok(())
}
