//! Protocol buffers' wire format, as much of it as TensorBoard's messages need, and the records that hold them in a file.

use std::io::{self, Write};

use crate::crc32c::crc32c;

/// A message being written: fields in the order of adding.
///
/// Format: <https://protobuf.dev/programming-guides/encoding/>. A field that holds its type's zero is left out by proto3; here
/// whoever calls decides.
#[derive(Debug, Clone, Default)]
pub(super) struct Message(Vec<u8>);

/// How a field's value lies on the wire.
#[derive(Debug, Clone, Copy)]
enum Wire {
    Varint = 0,
    Eight = 1,
    Bytes = 2,
    Four = 5,
}

impl Message {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn key(&mut self, field: u32, wire: Wire) {
        self.varint(u64::from(field) << 3 | wire as u64);
    }

    /// A field of type `int64`, `bool` or of an enum.
    pub(super) fn integer(mut self, field: u32, value: u64) -> Self {
        self.key(field, Wire::Varint);
        self.varint(value);
        self
    }

    pub(super) fn double(mut self, field: u32, value: f64) -> Self {
        self.key(field, Wire::Eight);
        self.0.extend(value.to_le_bytes());
        self
    }

    pub(super) fn float(mut self, field: u32, value: f32) -> Self {
        self.key(field, Wire::Four);
        self.0.extend(value.to_le_bytes());
        self
    }

    /// A field of type `bytes` or `string`.
    pub(super) fn bytes(mut self, field: u32, value: &[u8]) -> Self {
        self.key(field, Wire::Bytes);
        self.varint(value.len() as u64);
        self.0.extend(value);
        self
    }

    pub(super) fn message(self, field: u32, value: &Self) -> Self {
        self.bytes(field, &value.0)
    }
}

/// Writes one record as TensorFlow's `RecordWriter` does: length, its checksum, the bytes, their checksum.
pub(super) fn write_record(out: &mut impl Write, record: &[u8]) -> io::Result<()> {
    let length = (record.len() as u64).to_le_bytes();
    out.write_all(&length)?;
    out.write_all(&masked(&length).to_le_bytes())?;
    out.write_all(record)?;
    out.write_all(&masked(record).to_le_bytes())
}

// mask(crc) = ((crc >> 15) | (crc << 17)) + 0xa282ead8: tensorflow/tsl/lib/hash/crc32c.h
fn masked(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_encoded_as_the_documentation_of_protocol_buffers_shows() {
        // Test1 { a: 150 } and Test2 { b: "testing" } of its page on encoding.
        assert_eq!(
            Message::new().integer(1, 150).as_bytes(),
            [0x08, 0x96, 0x01]
        );
        let text = Message::new().bytes(2, b"testing");
        assert_eq!(text.as_bytes(), b"\x12\x07testing");
        let inner = Message::new()
            .message(3, &Message::new().integer(1, 150))
            .double(1, 1.0)
            .float(2, 1.0);
        assert_eq!(
            inner.as_bytes(),
            b"\x1a\x03\x08\x96\x01\x09\0\0\0\0\0\0\xf0\x3f\x15\0\0\x80\x3f"
        );
    }
}
