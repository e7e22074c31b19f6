//! CRC-64/XZ (ECMA-182 polynomial, reflected), the checksum of the journal and of damage that was seen before.
//!
//! It detects tearing, not tampering: whoever can write these files needs no collision.

const POLYNOMIAL: u64 = 0xc96c_5795_d787_0f42;

const TABLE: [u64; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u64;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ POLYNOMIAL } else { crc >> 1 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

/// A running checksum.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Crc(u64);

impl Crc {
    pub(crate) fn new() -> Crc {
        Crc(!0)
    }

    pub(crate) fn update(&mut self, data: &[u8]) {
        for &byte in data {
            self.0 = TABLE[usize::from(self.0 as u8 ^ byte)] ^ (self.0 >> 8);
        }
    }

    pub(crate) fn value(self) -> u64 {
        !self.0
    }
}

/// The checksum of one piece.
pub(crate) fn crc(data: &[u8]) -> u64 {
    let mut crc = Crc::new();
    crc.update(data);
    crc.value()
}

#[cfg(test)]
mod tests;
