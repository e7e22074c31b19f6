//! A guest's network adapters: their configuration is asked for, or given to them.
//!
//! An adapter goes by its MAC address where it is asked, and by its VMBus device id where it is configured.

use super::request::{self, AskError};
use super::{Kvp, messages, reply, usable};
use crate::host::ic::Ic;
use crate::link::PacketLink;
use crate::outcome::{AdapterConfiguration, Asked, Failure, Outcome, Why};
use crate::verb::{GetIpAsk, SetIpAsk};

impl Kvp {
    pub(super) async fn get_ip<L: PacketLink>(
        &mut self,
        ic: &mut Ic<L>,
        ask: &GetIpAsk,
    ) -> Result<Outcome, Failure> {
        let version = messages(ic)?;
        let body = request::ip::get(ask, version)?;
        let reply = self.ask_as_is(ic, "get-ip-info", &body).await?;
        if !reply.status.is_ok() {
            let what = format!("give the configuration of adapter {:?}", ask.adapter);
            return Err(Failure::Refused { what, status: reply.status, asked: Asked::ShowAdapter });
        }
        let read = |tolerated: &mut _| reply::ip::configuration(&body, &reply, version, tolerated);
        usable::<AdapterConfiguration, L>(ic, "get-ip-info", read).map(Outcome::Adapter)
    }

    pub(super) async fn set_ip<L: PacketLink>(
        &mut self,
        ic: &mut Ic<L>,
        ask: &SetIpAsk,
    ) -> Result<Outcome, Failure> {
        let body = request::ip::set(ask, messages(ic)?).map_err(|error| unsendable(&error, ask.unchecked))?;
        let status = self.ask_as_is(ic, "set-ip-info", &body).await?.status;
        let adapter = &ask.adapter;
        if !status.is_ok() {
            let what = format!("configure adapter {adapter:?}");
            return Err(Failure::Refused { what, status, asked: Asked::ConfigureAdapter });
        }
        Ok(Outcome::Done(format!("configured adapter {adapter:?}")))
    }
}

/// A configuration that no sane host sends, or that no message can carry.
fn unsendable(error: &AskError, unchecked: bool) -> Failure {
    let why = Why::from(error.to_string());
    Failure::Usage(why.hint(if let AskError::SubnetCount { .. } = error {
        "--subnets has one for each of --ip-addresses, with commas between them: 255.255.255.0 for IPv4, 64 for IPv6"
    } else if unchecked {
        "from messages 5.0 on there are places for addresses alone: --versions kvp=3.0,4.0 offers the string form"
    } else {
        "--unchecked sends texts as they are, where the agreed messages have texts (up to 4.0)"
    }))
}
