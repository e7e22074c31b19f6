//! The frames of the packet link: one VMBus packet each, or a word about the channel.
//!
//! Little-endian: payload length (u32, at most 16384), packet type (u16), flags (u16), transaction id (u64), payload.

/// Bytes before the payload.
pub(crate) const HEADER: usize = 16;
/// The longest payload.
pub(crate) const MAX_PAYLOAD: usize = 16384;

/// To the host: the channel was opened. From the host: what is the state?
pub(crate) const OPENED: u16 = 0xfff0;
/// To the host: the channel was closed, or is closed.
pub(crate) const CLOSED: u16 = 0xfff1;
/// From the host: take the device away.
pub(crate) const RESCIND: u16 = 0xfff2;
/// From the host: offer the device again.
pub(crate) const OFFER: u16 = 0xfff3;
/// VMBus: data in the ring itself.
pub(crate) const IN_BAND: u16 = 6;

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: u16,
    pub(crate) flags: u16,
    pub(crate) transaction: u64,
    pub(crate) payload: Vec<u8>,
}

/// What the host sent cannot be a frame: the stream has to end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BadFrame(pub(crate) String);

impl Frame {
    /// A frame without a payload.
    pub(crate) fn word(kind: u16) -> Frame {
        Frame { kind, flags: 0, transaction: 0, payload: Vec::new() }
    }

    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let length = u32::try_from(self.payload.len()).unwrap_or(u32::MAX);
        out.extend(length.to_le_bytes());
        out.extend(self.kind.to_le_bytes());
        out.extend(self.flags.to_le_bytes());
        out.extend(self.transaction.to_le_bytes());
        out.extend(&self.payload);
    }

    /// Takes the first frame out of `bytes`, if it is whole.
    pub(crate) fn take(bytes: &mut Vec<u8>) -> Result<Option<Frame>, BadFrame> {
        let Some(header) = bytes.first_chunk::<HEADER>() else { return Ok(None) };
        let [l0, l1, l2, l3, k0, k1, f0, f1, t @ ..] = *header;
        let length = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        let kind = u16::from_le_bytes([k0, k1]);
        if length > MAX_PAYLOAD {
            return Err(BadFrame(format!("{length} bytes of payload, more than {MAX_PAYLOAD}")));
        }
        match kind {
            IN_BAND => {}
            OPENED | RESCIND | OFFER if length == 0 => {}
            _ => return Err(BadFrame(format!("type {kind:#x} with {length} bytes"))),
        }
        if bytes.len() < HEADER + length {
            return Ok(None);
        }
        let payload = bytes[HEADER..HEADER + length].to_vec();
        bytes.drain(..HEADER + length);
        let (flags, transaction) = (u16::from_le_bytes([f0, f1]), u64::from_le_bytes(t));
        Ok(Some(Frame { kind, flags, transaction, payload }))
    }
}

#[cfg(test)]
mod tests {
    use super::{Frame, IN_BAND, OPENED, RESCIND};

    const BYTES: [u8; 24] = [8, 0, 0, 0, 6, 0, 1, 0, 0x11, 0, 0, 0, 0, 0, 0, 0x22, 1, 2, 3, 4, 5, 6, 7, 8];

    fn frame() -> Frame {
        let payload = vec![1, 2, 3, 4, 5, 6, 7, 8];
        Frame { kind: IN_BAND, flags: 1, transaction: 0x2200_0000_0000_0011, payload }
    }

    #[test]
    fn frame_is_these_bytes() {
        let mut out = Vec::new();
        frame().encode(&mut out);
        assert_eq!(out, BYTES);
    }

    #[test]
    fn frame_that_comes_byte_by_byte_is_taken_when_it_is_whole() {
        let mut got = Vec::new();
        for (count, byte) in BYTES.iter().enumerate() {
            assert_eq!(Frame::take(&mut got), Ok(None), "after {count} bytes");
            got.push(*byte);
        }
        got.push(0xaa);
        assert_eq!(Frame::take(&mut got), Ok(Some(frame())));
        assert_eq!(got, [0xaa], "the next frame's first byte stays");
    }

    #[test]
    fn word_has_no_payload() {
        let mut bytes = Vec::new();
        Frame::word(RESCIND).encode(&mut bytes);
        assert_eq!(bytes, [0, 0, 0, 0, 0xf2, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(Frame::take(&mut bytes), Ok(Some(Frame::word(RESCIND))));
    }

    #[test]
    fn oversize_frame_unknown_type_and_word_with_payload_end_the_stream() {
        let oversize = [1, 0x40, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert!(Frame::take(&mut oversize.to_vec()).is_err());
        let unknown = [0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert!(Frame::take(&mut unknown.to_vec()).is_err());
        let mut word = Vec::new();
        Frame { payload: vec![0; 8], ..Frame::word(OPENED) }.encode(&mut word);
        assert!(Frame::take(&mut word).is_err());
    }
}
