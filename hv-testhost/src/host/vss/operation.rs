//! The operations of the backup service as a host sends them: how long each message is, and which version has it.
//!
//! No logical unit is ever named, so that a guest which freezes all it has and one that looks at lists do the same. What
//! an answer has to say is read by offset, and not by the guest's own parser.

use hv_utils_core::wire::Version;
use hv_utils_core::wire::vss::{
    AUTO_RECOVER_BYTES, CHARDEV_BYTES, FREEZE_BYTES, MAX_UNITS, Operation, UNIT_BYTES,
};

use crate::host::check::{Reply, u32_at};
use crate::outcome::VssAnswer;

/// Bytes of a body with a flags word: operation (1), reserved (7), flags (4).
pub(super) const SHORT: usize = CHARDEV_BYTES;
/// Where what follows the operation begins.
const BODY: usize = 8;
/// Which snapshot set CREATE and DELETE are about; any will do.
const SET: [u8; 16] = *b"\x01\x02\x03\x04\x05\x06\x07\x48\x89\x0a\x0b\x0c\x0d\x0e\x0f\x10";
/// The backup type of CREATE, which stands behind the set.
const TYPE: usize = 4;
/// Of the cluster query: identity, size, count of units, units, a status for each.
const CLUSTER: usize = SET.len() + 8 + MAX_UNITS * UNIT_BYTES + MAX_UNITS * 4;

/// The body of a request: operation, snapshot set where there is one, zeros.
pub(super) fn body(operation: Operation) -> Vec<u8> {
    let mut body = vec![operation.0];
    body.resize(BODY, 0);
    if let Operation::CREATE | Operation::DELETE = operation {
        body.extend(SET);
    }
    body.resize(bytes(operation), 0);
    body
}

fn bytes(operation: Operation) -> usize {
    match operation {
        Operation::CREATE => BODY + SET.len() + TYPE,
        Operation::DELETE => BODY + SET.len(),
        Operation::FREEZE => FREEZE_BYTES,
        Operation::AUTO_RECOVER => AUTO_RECOVER_BYTES,
        Operation::QUERY_CLUSTER => BODY + CLUSTER,
        _ => SHORT,
    }
}

/// The first version that has it. What nobody knows is sent to every guest: that is what it is asked for.
pub(super) fn since(operation: Operation) -> Version {
    match operation {
        Operation::BACKUP_COMPLETE => Version::new(4, 0),
        Operation::FREEZE | Operation::THAW | Operation::AUTO_RECOVER => Version::new(5, 0),
        Operation::QUERY_CLUSTER => Version::new(6, 0),
        _ => Version::new(1, 0),
    }
}

/// How it is called in sentences.
pub(super) fn name(operation: Operation) -> String {
    operation.to_string()
}

/// What an answer says beyond its status; nothing where it ends before that.
pub(super) fn answer(operation: Operation, reply: &Reply) -> VssAnswer {
    let has = |bytes: usize| reply.body.len() >= bytes;
    let flagged = matches!(operation, Operation::HOT_BACKUP | Operation::GET_DM_INFO);
    let members = BODY + SET.len();
    VssAnswer {
        operation: name(operation),
        flags: (flagged && has(SHORT)).then(|| u32_at(&reply.body, BODY)),
        cluster_size: (operation == Operation::QUERY_CLUSTER && has(members + 4))
            .then(|| u32_at(&reply.body, members)),
    }
}
