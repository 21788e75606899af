//! The protocol between host and worker: frames over a socket pair, one request and one answer at a time.
//!
//! A frame is its kind (one byte), the length of its payload (32 bits, little endian) and the payload. The worker's end
//! is owned by the pack as well, so the host believes nothing that it reads there.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};

use crate::discover::PackForm;

/// Bytes before the payload.
pub(crate) const HEADER: usize = 5;
/// Longest payload that a host accepts.
pub(crate) const MAX_REPLY: usize = 16 << 20;
/// Bytes of a reply before the pack's own: number of the request, status.
pub(crate) const REPLY_HEAD: usize = 5;
/// Longest payload that a worker accepts.
pub(crate) const MAX_REQUEST: usize = 256 << 20;

/// What a frame is; the number is part of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Host: load the library. Payload: [`Start`] as JSON.
    Start = 1,
    /// Host: evaluate. Payload: number of the request (32 bits, little endian), length of the list of checks (the same),
    /// the list as a JSON array (empty for all checks), the evidence as JSON.
    Evaluate = 2,
    /// Worker: the sandbox is up and no foreign code has run yet. Payload: [`Sandbox`](crate::sandbox::Sandbox) as JSON.
    Ready = 0x81,
    /// Worker: the library is loaded. Payload: length of a [`Hello`] as JSON, the same, the manifest as the pack gives it.
    Hello = 0x82,
    /// Worker: the library cannot be used. Payload: the reason.
    Refused = 0x83,
    /// Worker: answer to `Evaluate`. Payload: number of the request, status (one byte), what the pack replied. The number
    /// shows a frame that the pack itself put before the answer, whose place the answer would take in the next request.
    Reply = 0x84,
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Self> {
        [Self::Start, Self::Evaluate, Self::Ready, Self::Hello, Self::Refused, Self::Reply]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }
}

/// Status byte of a `Reply` that the worker itself wrote, because the pack broke the contract of the ABI.
pub(crate) const STATUS_CONTRACT: u8 = 255;

/// What the worker has to know before it loads.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Start {
    /// Id of the pack, for the process name.
    pub pack: String,
    /// Limit of the address space in bytes.
    pub memory_bytes: u64,
    /// What it is that the worker gets.
    pub form: PackForm,
    /// Its file name, for errors.
    pub file: String,
    /// Stop if a protection of the sandbox is not available.
    pub require_sandbox: bool,
    /// Languages that findings are written in, beside English.
    pub languages: Vec<String>,
}

/// What the table of the pack says, apart from its manifest.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Hello {
    pub abi_minor: u32,
    pub has_evaluate_checks: bool,
    /// Languages of its sentences; none for a pack whose findings have messages.
    pub languages: Vec<String>,
}

/// A frame as it was read.
#[derive(Debug)]
pub(crate) struct Frame {
    pub kind: Kind,
    pub payload: Vec<u8>,
}

/// The first bytes of a frame with a payload of `length` bytes.
pub(crate) fn header(kind: Kind, length: usize) -> Result<[u8; HEADER], String> {
    let length =
        u32::try_from(length).map_err(|_| format!("frame of {length} bytes, at most {} fit", u32::MAX))?;
    let [a, b, c, d] = length.to_le_bytes();
    Ok([kind as u8, a, b, c, d])
}

/// Kind and payload length of a header.
pub(crate) fn parse_header(header: [u8; HEADER], limit: usize) -> Result<(Kind, usize), String> {
    let [kind, a, b, c, d] = header;
    let length = u32::from_le_bytes([a, b, c, d]) as usize;
    let kind = Kind::from_byte(kind).ok_or_else(|| format!("frame of unknown kind {kind:#04x}"))?;
    if length > limit {
        return Err(format!("frame of {length} bytes, at most {limit} allowed"));
    }
    Ok((kind, length))
}

/// A payload that begins with a part of its own: the length of `first`, `first`, and then the rest.
pub(crate) fn with_length(first: &[u8]) -> Vec<u8> {
    let mut head = u32::try_from(first.len()).unwrap_or(u32::MAX).to_le_bytes().to_vec();
    head.extend_from_slice(first);
    head
}

/// The two parts of such a payload.
pub(crate) fn split_length(payload: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = payload.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}

/// Writes a frame; for the worker, whose end blocks.
pub(crate) fn write(to: &mut impl Write, kind: Kind, parts: &[&[u8]]) -> io::Result<()> {
    let length = parts.iter().map(|part| part.len()).sum();
    to.write_all(&header(kind, length).map_err(io::Error::other)?)?;
    for part in parts {
        to.write_all(part)?;
    }
    to.flush()
}

/// Reads a frame; for the worker, whose end blocks. `None` where the host closed its end between two frames.
pub(crate) fn read(from: &mut impl Read) -> io::Result<Option<Frame>> {
    let mut header = [0; HEADER];
    let mut filled = 0;
    while filled < HEADER {
        match from.read(&mut header[filled..])? {
            0 if filled == 0 => return Ok(None),
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => filled += n,
        }
    }
    let (kind, length) = parse_header(header, MAX_REQUEST).map_err(io::Error::other)?;
    let mut payload = vec![0; length];
    from.read_exact(&mut payload)?;
    Ok(Some(Frame { kind, payload }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_survives_the_way() {
        let mut bytes = Vec::new();
        write(&mut bytes, Kind::Evaluate, &[&with_length(b"[]"), b"{}"]).unwrap();
        let mut reader = bytes.as_slice();
        let frame = read(&mut reader).unwrap().unwrap();
        assert_eq!(frame.kind, Kind::Evaluate);
        assert_eq!(split_length(&frame.payload).unwrap(), (b"[]".as_slice(), b"{}".as_slice()));
        assert!(read(&mut reader).unwrap().is_none());
    }

    #[test]
    fn nonsense_is_refused_at_the_header() {
        assert_eq!(parse_header([9, 0, 0, 0, 0], 10).unwrap_err(), "frame of unknown kind 0x09");
        assert_eq!(
            parse_header([0x84, 11, 0, 0, 0], 10).unwrap_err(),
            "frame of 11 bytes, at most 10 allowed"
        );
        assert!(split_length(&[9, 0, 0, 0, 1]).is_none());
        assert!(split_length(&[9, 0]).is_none());
        assert!(read(&mut [2, 0].as_slice()).is_err());
    }
}
