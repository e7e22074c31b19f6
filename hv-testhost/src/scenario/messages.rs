//! Messages of shutdown, heartbeat and file copy as a step gives them: right ones, and those that no host would send.
//!
//! Types, their reading, and the body of each; nothing is sent here. KVP's are in `fields` and `packets`.

use hv_utils_core::wire::fcopy::{self, MAX_DATA, Operation, Start, encode_bare, encode_start, encode_write};
use hv_utils_core::wire::heartbeat;
use hv_utils_core::wire::shutdown::{self, Action, Request};
use serde::Deserialize;
use serde::de::{self, Deserializer};

/// What stands for the directory of the sockets in texts of file copies.
const DIRECTORY: &str = "$SIM";

/// One of them.
#[derive(Debug, Clone)]
pub enum Message {
    /// Of the shutdown service.
    Shutdown(ShutdownMessage),
    /// Of the heartbeat.
    Heartbeat(HeartbeatMessage),
    /// Of the file copy.
    FileCopy(FileCopyMessage),
}

/// A request of the shutdown service.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ShutdownMessage {
    /// Any flags: 1 force, 2 restart, 4 hibernate.
    pub flags: u32,
    /// Reason code.
    pub reason: u32,
    /// Seconds.
    pub timeout: u32,
    /// Text for the guest's users.
    pub text: String,
}

/// A heartbeat.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct HeartbeatMessage {
    /// Its number.
    pub sequence: u64,
    /// Word about the applications; hosts send 0.
    pub state: u32,
    /// Bytes of the body.
    pub bytes: usize,
}

/// A request of the file copy.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FileCopyMessage {
    /// Operation: start, write, complete, cancel, or a number.
    #[serde(deserialize_with = "operation")]
    pub op: u32,
    /// Path of start; `$SIM` is the directory of the sockets.
    #[serde(default)]
    pub path: String,
    /// Name of start.
    #[serde(default)]
    pub name: String,
    /// Flags of start: 1 overwrite, 2 create the path.
    #[serde(default)]
    pub flags: u32,
    /// Size of start.
    #[serde(default)]
    pub size: u64,
    /// Offset of write.
    #[serde(default)]
    pub offset: u64,
    /// Data of write.
    #[serde(default)]
    pub data: String,
    /// Instead of `data`: so many bytes of anything, at most 6144.
    pub filler: Option<usize>,
    /// Bytes that write claims to have, instead of those that it has.
    pub claims: Option<u32>,
}

impl Default for ShutdownMessage {
    fn default() -> ShutdownMessage {
        ShutdownMessage { flags: 0, reason: shutdown::PLANNED, timeout: 0, text: String::new() }
    }
}

impl Default for HeartbeatMessage {
    fn default() -> HeartbeatMessage {
        HeartbeatMessage { sequence: 0, state: 0, bytes: heartbeat::BODY_BYTES }
    }
}

impl Message {
    /// The body; `directory` is that of the sockets.
    ///
    /// # Errors
    /// A name does not fit, or more data than there is room for.
    pub(super) fn body(&self, directory: &str) -> Result<Vec<u8>, String> {
        match self {
            Message::Shutdown(message) => Ok(message.body()),
            Message::Heartbeat(message) => Ok(message.body()),
            Message::FileCopy(message) => message.body(directory),
        }
    }
}

/// A text with the directory in it.
pub(super) fn placed(text: &str, directory: &str) -> String {
    text.replace(DIRECTORY, directory)
}

impl ShutdownMessage {
    fn body(&self) -> Vec<u8> {
        let request = Request {
            action: Action::PowerOff,
            force: false,
            reason: self.reason,
            timeout_secs: self.timeout,
            text: self.text.clone(),
        };
        let mut body = shutdown::encode(&request);
        body[8..12].copy_from_slice(&self.flags.to_le_bytes());
        body
    }
}

impl HeartbeatMessage {
    fn body(&self) -> Vec<u8> {
        let mut body = self.sequence.to_le_bytes().to_vec();
        body.extend_from_slice(&self.state.to_le_bytes());
        body.resize(self.bytes, 0);
        body
    }
}

impl FileCopyMessage {
    fn body(&self, directory: &str) -> Result<Vec<u8>, String> {
        match Operation(self.op) {
            Operation::START => self.start(directory),
            Operation::WRITE => self.write(),
            other => Ok(encode_bare(other)),
        }
    }

    fn start(&self, directory: &str) -> Result<Vec<u8>, String> {
        let start = Start {
            path: placed(&self.path, directory),
            name: self.name.clone(),
            overwrite: false,
            create_path: false,
            size: self.size,
        };
        let mut body = encode_start(&start).ok_or_else(|| {
            format!("the path or the name has more than {} UTF-16 units", fcopy::NAME_UNITS - 1)
        })?;
        body[1076..1080].copy_from_slice(&self.flags.to_le_bytes());
        Ok(body)
    }

    fn write(&self) -> Result<Vec<u8>, String> {
        let filler = self.filler.map(|bytes| vec![b'.'; bytes]);
        let data = filler.unwrap_or_else(|| self.data.clone().into_bytes());
        if data.len() > MAX_DATA {
            return Err(format!(
                "{} bytes: at most {MAX_DATA} fit, but claims may be any number",
                data.len()
            ));
        }
        let mut body = encode_write(self.offset, &data);
        if let Some(claims) = self.claims {
            body[48..52].copy_from_slice(&claims.to_le_bytes());
        }
        Ok(body)
    }
}

fn operation<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    /// A number, or a name that stands for one.
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "start, write, complete, cancel or a number")]
    enum NameOrNumber {
        Number(u32),
        Name(String),
    }
    const NAMES: [&str; 4] = ["start", "write", "complete", "cancel"];
    let name = match NameOrNumber::deserialize(deserializer)? {
        NameOrNumber::Number(number) => return Ok(number),
        NameOrNumber::Name(name) => name,
    };
    let number = (0..).zip(NAMES).find(|(_, known)| *known == name).map(|(number, _)| number);
    number.ok_or_else(|| {
        de::Error::custom(format!("unknown operation {name:?}: {} or a number", NAMES.join(", ")))
    })
}

#[cfg(test)]
mod tests;
