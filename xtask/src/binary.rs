//! The binary form of a WebAssembly module, as far as one has to look into it: its sections and the
//! numbers and texts in them.

use anyhow::{Context, Result, bail, ensure};

/// Number of a section that tools agree on among themselves; its body begins with a name.
pub const CUSTOM: u8 = 0;
/// Number of the section with the functions' bodies.
pub const CODE: u8 = 10;
/// Number of the section with what lies in memory at the start.
pub const DATA: u8 = 11;

/// The sections by their numbers, in their order.
///
/// # Errors
/// If these bytes are no module.
pub fn sections(module: &[u8]) -> Result<Vec<(u8, &[u8])>> {
    ensure!(module.starts_with(b"\0asm\x01\0\0\0"), "this is no WebAssembly module");
    let mut reader = Reader::of(&module[8..]);
    let mut found = Vec::new();
    while !reader.bytes.is_empty() {
        let id = reader.byte()?;
        let length = reader.number()?;
        found.push((id, reader.take(length)?));
    }
    Ok(found)
}

/// Reads from the front; what does not fit is an error.
pub struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn of(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// What has not been read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    pub fn take(&mut self, length: u64) -> Result<&'a [u8]> {
        let length = usize::try_from(length)?;
        let (taken, rest) = self.bytes.split_at_checked(length).context("the module is cut off")?;
        self.bytes = rest;
        Ok(taken)
    }

    pub fn byte(&mut self) -> Result<u8> {
        Ok(self.take(1)?[0])
    }

    /// An unsigned LEB128 number.
    pub fn number(&mut self) -> Result<u64> {
        let mut number = 0;
        for place in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 127) << place;
            if byte < 128 {
                return Ok(number);
            }
        }
        bail!("a number in the module does not end")
    }

    /// A signed LEB128 number.
    pub fn signed(&mut self) -> Result<i64> {
        let mut number = 0;
        for place in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= i64::from(byte & 127) << place;
            if byte < 128 {
                let is_negative = byte & 64 != 0 && place + 7 < 64;
                return Ok(if is_negative { number | -1 << (place + 7) } else { number });
            }
        }
        bail!("a number in the module does not end")
    }

    /// An unsigned number that has to fit into 32 bits.
    pub fn small(&mut self) -> Result<u32> {
        Ok(u32::try_from(self.number()?)?)
    }

    pub fn text(&mut self) -> Result<&'a str> {
        let length = self.number()?;
        Ok(std::str::from_utf8(self.take(length)?)?)
    }
}

/// Appends an unsigned LEB128 number.
pub fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number > 127 {
        out.push((number & 127) as u8 | 128);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_and_without_a_sign() {
        for (bytes, number) in
            [(&[0x7f][..], -1), (&[0xc0, 0xbb, 0x78], -123_456), (&[0x3f], 63), (&[0xff, 0], 127)]
        {
            assert_eq!(Reader::of(bytes).signed().unwrap(), number);
        }
        let mut bytes = Vec::new();
        put_number(&mut bytes, 624_485);
        assert_eq!(Reader::of(&bytes).number().unwrap(), 624_485);
        assert!(Reader::of(&[0x80; 12]).number().is_err());
        assert!(Reader::of(&[0x80]).signed().is_err());
    }
}
