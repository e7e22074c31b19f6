//! Verbs as words again: what a command sends to a host behind a control socket.
//!
//! The inverse of [`Verb::from_words`], which the tests hold it to for every verb.

use clap::ValueEnum;

use super::Verb;

impl Verb {
    /// The words from which [`Verb::from_words`] makes this verb again.
    pub fn to_words(&self) -> Vec<String> {
        let mut words: Vec<String> = match self {
            Verb::GetKvp { pool, key, .. } => {
                let pool = pool.iter().map(|pool| pool.name().to_owned());
                [own("get-kvp")].into_iter().chain(pool).chain(key.clone()).collect()
            }
            Verb::AddKvp { key, value } => vec![own("add-kvp"), key.clone(), value.clone()],
            Verb::ModifyKvp { key, value } => vec![own("modify-kvp"), key.clone(), value.clone()],
            Verb::RemoveKvp { key } => vec![own("remove-kvp"), key.clone()],
            Verb::SetKvp { pool, key, value, .. } => {
                vec![own("set-kvp"), own(pool.name()), key.clone(), value.clone()]
            }
            Verb::DeleteKvp { pool, key } => vec![own("delete-kvp"), own(pool.name()), key.clone()],
            Verb::GetGuestIntrinsicItems => vec![own("get-guest-intrinsic-items")],
            Verb::GetGuestItems => vec![own("get-guest-items")],
            Verb::GetHostItems => vec![own("get-host-items")],
            Verb::Enumerate { pool, index } => {
                let index = index.map(|index| index.to_string());
                [own("enumerate"), own(pool.name())].into_iter().chain(index).collect()
            }
            Verb::GetVm => vec![own("get-vm")],
            Verb::GetIntegrationServices => vec![own("get-integration-services")],
            Verb::Renegotiate { name } => vec![own("renegotiate"), own(name.name())],
            Verb::DisableService { name } => vec![own("disable-service"), own(name.name())],
            Verb::EnableService { name } => vec![own("enable-service"), own(name.name())],
            Verb::Raw { hex, .. } => [own("raw")].into_iter().chain(hex.iter().cloned()).collect(),
            Verb::WaitGuest { name } => {
                [own("wait-guest")].into_iter().chain(name.map(|ic| own(ic.name()))).collect()
            }
            Verb::GetIp(ask) => vec![own("get-ip"), ask.adapter.clone()],
            Verb::SetIp(ask) => vec![own("set-ip"), ask.adapter.clone()],
            Verb::StopVm(_) => vec![own("stop-vm")],
            Verb::RestartVm(_) => vec![own("restart-vm")],
            Verb::SuspendVm(_) => vec![own("suspend-vm")],
            Verb::HibernateVm(_) => vec![own("hibernate-vm")],
            Verb::SyncTime(_) => vec![own("sync-time")],
            Verb::SampleTime(_) => vec![own("sample-time")],
            Verb::VssCheck => vec![own("vss-check")],
            Verb::VssFreeze => vec![own("vss-freeze")],
            Verb::VssThaw => vec![own("vss-thaw")],
            Verb::VssOperation { operation } => vec![own("vss-operation"), operation.0.to_string()],
            Verb::CheckpointVm(_) => vec![own("checkpoint-vm")],
            Verb::CopyVmfile(ask) => {
                vec![own("copy-vmfile"), ask.source.display().to_string(), ask.destination.clone()]
            }
            Verb::Quit => vec![own("quit")],
        };
        // Options go before the other words, and `--` between them: a key or value may look like an option.
        let positional = words.len() > 1;
        words.splice(1..1, self.options().into_iter().chain(positional.then(|| own("--"))));
        words
    }

    fn options(&self) -> Vec<String> {
        match self {
            Verb::GetKvp { direct: true, .. } => vec![own("--direct")],
            Verb::SetKvp { kind, .. } => {
                let name = kind.to_possible_value().map_or_else(String::new, |value| own(value.get_name()));
                vec![own("--type"), name]
            }
            Verb::Raw { body, size, service, .. } => {
                let mut options = vec![own("--service"), own(service.name())];
                options.extend(body.then(|| own("--body")));
                options.extend(size.iter().flat_map(|size| [own("--size"), size.to_string()]));
                options
            }
            Verb::GetIp(ask) => ask.options(),
            Verb::SetIp(ask) => ask.options(),
            Verb::StopVm(ask) | Verb::RestartVm(ask) | Verb::HibernateVm(ask) => ask.options(),
            Verb::SuspendVm(ask) => ask.options(),
            Verb::SyncTime(ask) | Verb::SampleTime(ask) => ask.options(),
            Verb::CheckpointVm(ask) => ask.options(),
            Verb::CopyVmfile(ask) => ask.options(),
            _ => Vec::new(),
        }
    }
}

fn own(text: &str) -> String {
    text.to_owned()
}
