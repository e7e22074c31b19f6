//! The host's end of a measurement: requests as bytes, and how long each takes.

use std::path::Path;
use std::time::{Duration, Instant};

use hv_testhost::host::kvp::request::{self, Value};
use hv_testhost::host::{Ic, IcOptions};
use hv_testhost::link::Port;
use hv_testhost::packet::{FramedLink, PacketPort};
use hv_testhost::verb::GetIpAsk;
use hv_utils_core::wire::kvp::Pool;
use hv_utils_core::wire::{Ic as Service, Version};

/// Only a hang takes longer.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    /// ENUMERATE at indices all over the pool.
    Enumerate,
    /// SET of keys that are there.
    SetOld,
    /// SET of keys that are not.
    SetNew,
    /// DELETE of those again.
    Delete,
    /// GET_IP_INFO of the guest's adapter.
    IpInfo,
}

impl Operation {
    pub(super) const READS: [Operation; 1] = [Operation::Enumerate];
    pub(super) const ADAPTER: [Operation; 1] = [Operation::IpInfo];
    pub(super) const WRITES: [Operation; 3] = [Operation::SetOld, Operation::SetNew, Operation::Delete];
}

/// Times of one operation, sorted.
#[derive(Debug, Clone)]
pub(super) struct Sample(Vec<Duration>);

impl Sample {
    fn new(mut times: Vec<Duration>) -> Sample {
        times.sort_unstable();
        Sample(times)
    }

    /// The middle one, ms.
    pub(super) fn median_ms(&self) -> f64 {
        self.0.get(self.0.len() / 2).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
    }
}

/// The two services whose channels are ours.
pub(super) struct Wire {
    kvp: PacketPort,
    heartbeat: PacketPort,
    beating: Option<Ic<FramedLink>>,
}

/// An open and negotiated channel.
pub(super) struct Connected {
    ic: Ic<FramedLink>,
    version: Version,
}

impl Wire {
    pub(super) fn new(dir: &Path) -> Result<Wire, String> {
        let port = |service| PacketPort::new(dir, service).map_err(|error| format!("no port: {error}"));
        Ok(Wire { kvp: port(Service::Kvp)?, heartbeat: port(Service::Heartbeat)?, beating: None })
    }

    /// Waits until the guest has opened KVP's channel, and negotiates.
    pub(super) async fn kvp(&mut self) -> Result<Connected, String> {
        let (ic, version) = open(&mut self.kvp, Service::Kvp).await?;
        Ok(Connected { ic, version })
    }

    /// Heartbeats, which the kernel answers by itself.
    pub(super) async fn heartbeat(&mut self) -> Result<Sample, String> {
        if self.beating.is_none() {
            self.beating = Some(open(&mut self.heartbeat, Service::Heartbeat).await?.0);
        }
        let Some(ic) = &mut self.beating else { return Err("no heartbeat".to_owned()) };
        let mut times = Vec::new();
        for _ in 0..60 {
            let began = Instant::now();
            ic.exchange("heartbeat", &[0; 16]).await.map_err(|error| format!("heartbeat: {error}"))?;
            times.push(began.elapsed());
        }
        Ok(Sample::new(times))
    }
}

async fn open(port: &mut PacketPort, service: Service) -> Result<(Ic<FramedLink>, Version), String> {
    let opened = tokio::time::timeout(PATIENCE, port.opened()).await;
    let link = opened
        .map_err(|_| format!("the guest does not open {service}"))?
        .map_err(|error| error.to_string())?;
    let mut options = IcOptions::real_host(service);
    options.timeout = PATIENCE;
    let mut ic = Ic::new(link, service, options);
    let agreed = ic.negotiate().await.map_err(|error| format!("{service}: {error}"))?;
    Ok((ic, agreed.message))
}

impl Connected {
    /// Asks `count` times.
    pub(super) async fn measure(
        &mut self,
        operation: Operation,
        items: u32,
        count: u32,
    ) -> Result<Sample, String> {
        let mut times = Vec::new();
        for number in 0..count {
            let body = self.body(operation, items, number)?;
            let began = Instant::now();
            self.ic.exchange("measure", &body).await.map_err(|error| format!("{operation:?}: {error}"))?;
            times.push(began.elapsed());
        }
        Ok(Sample::new(times))
    }

    fn body(&self, operation: Operation, items: u32, number: u32) -> Result<Vec<u8>, String> {
        // A step without a common factor with the sizes: all over the pool, the same for everybody.
        let index = (number.wrapping_mul(7_919).wrapping_add(3)) % items.max(1);
        let old = format!("key{index:06}");
        let new = format!("new{number:06}");
        let value = Value::Sz("a value of an ordinary length of sixty-four characters, or about".to_owned());
        let request = match operation {
            Operation::Enumerate => Ok(request::enumerate(Pool::External, index)),
            Operation::SetOld => request::set(Pool::External, &old, &value),
            Operation::SetNew => request::set(Pool::External, &new, &value),
            Operation::Delete => request::delete(Pool::External, &new),
            Operation::IpInfo => {
                let ask = GetIpAsk { adapter: crate::cases::MAC.to_owned(), family: 0 };
                return request::ip::get(&ask, self.version).map_err(|error| error.to_string());
            }
        };
        let request = request.map_err(|error| error.to_string())?;
        request::body(&request, self.version).map_err(|error| error.to_string())
    }
}
