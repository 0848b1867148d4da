//! HTTP/2, as much of it as it takes to begin many requests at once and to read an answer: RFC 9113 for the frames,
//! RFC 7541 for the headers, which are sent without compression.

use std::io::{Read, Write};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::{Client, Connection, Reply, tcp};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// Kinds of frames.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;

// Flags of frames; the first of SETTINGS and PING means an acknowledgement.
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// The statuses that have a number in HPACK's table, from 8 on.
const STATUSES: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];

/// An encrypted connection by HTTP/2.
pub struct Http2 {
    connection: Connection,
    authority: String,
    next: u32,
}

impl Client {
    /// Connects by HTTP/2; `None` where the site does not speak it.
    ///
    /// # Errors
    /// When there is no connection.
    pub fn connect_http2(&self) -> Result<Option<Http2>> {
        let Some(port) = self.https else { return Ok(None) };
        let mut tls = ClientConfig::clone(&self.tls);
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let session = ClientConnection::new(Arc::new(tls), ServerName::try_from(self.name.clone())?)?;
        let mut connection = Connection::Encrypted(Box::new(StreamOwned::new(session, tcp(port)?)));
        connection.write_all(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat())?;
        connection.flush()?;
        let Connection::Encrypted(stream) = &connection else { return Ok(None) };
        let speaks = stream.conn.alpn_protocol() == Some(b"h2");
        Ok(speaks.then(|| Http2 { connection, authority: self.name.clone(), next: 1 }))
    }
}

impl Http2 {
    /// Begins `count` POST requests with a body of `length` bytes, of which `sent` are sent.
    ///
    /// # Errors
    /// When the connection is closed.
    pub fn begin(&mut self, count: usize, target: &str, length: u64, sent: usize) -> Result<()> {
        let length = length.to_string();
        let mut bytes = Vec::new();
        for _ in 0..count {
            let stream = self.stream();
            let headers = self.headers("POST", target, &[("content-length", &length)]);
            bytes.extend(frame(HEADERS, END_HEADERS, stream, &headers));
            bytes.extend(frame(DATA, 0, stream, &vec![b'x'; sent]));
        }
        self.connection.write_all(&bytes)?;
        Ok(self.connection.flush()?)
    }

    /// GET with further headers, whose names are in small letters. Of the answer's headers only the status is told,
    /// as 0 if it is a rare one.
    ///
    /// # Errors
    /// When no answer comes.
    pub fn get(&mut self, target: &str, headers: &[(&str, &str)]) -> Result<Reply> {
        let stream = self.stream();
        let headers = self.headers("GET", target, headers);
        self.connection.write_all(&frame(HEADERS, END_HEADERS | END_STREAM, stream, &headers))?;
        self.connection.flush()?;
        let mut reply = Reply::default();
        loop {
            let (kind, flags, of, payload) = self.receive().context("no answer came")?;
            match kind {
                SETTINGS | PING if flags & ACK == 0 => {
                    let echo = if kind == PING { payload.as_slice() } else { &[] };
                    self.connection.write_all(&frame(kind, ACK, 0, echo))?;
                    self.connection.flush()?;
                }
                GOAWAY => bail!("the connection was ended"),
                RST_STREAM if of == stream => bail!("the request was cut off"),
                HEADERS if of == stream && reply.status == 0 => reply.status = status(&payload),
                DATA if of == stream => reply.body.extend(payload),
                _ => {}
            }
            if of == stream && matches!(kind, HEADERS | DATA) && flags & END_STREAM != 0 {
                return Ok(reply);
            }
        }
    }

    /// Kind, flags, stream and payload of the next frame.
    fn receive(&mut self) -> Result<(u8, u8, u32, Vec<u8>)> {
        let mut head = [0; 9];
        self.connection.read_exact(&mut head)?;
        let [high, middle, low, kind, flags, stream @ ..] = head;
        let mut payload = vec![0; usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low)];
        self.connection.read_exact(&mut payload)?;
        Ok((kind, flags, u32::from_be_bytes(stream), payload))
    }

    /// The number of a new stream.
    fn stream(&mut self) -> u32 {
        self.next += 2;
        self.next - 2
    }

    fn headers(&self, method: &str, target: &str, headers: &[(&str, &str)]) -> Vec<u8> {
        let fixed = [(":method", method), (":scheme", "https"), (":authority", &self.authority), (":path", target)];
        let mut block = Vec::new();
        for (name, value) in fixed.iter().chain(headers) {
            // Literal, without indexing.
            block.push(0);
            block.extend(text(name));
            block.extend(text(value));
        }
        block
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A text with its length in front, which takes more bytes from 127 on.
fn text(value: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    match u8::try_from(value.len()) {
        Ok(length) if length < 127 => bytes.push(length),
        _ => {
            bytes.push(127);
            let mut rest = value.len() - 127;
            while rest >= 128 {
                bytes.push((rest & 127) as u8 | 128);
                rest >>= 7;
            }
            bytes.push(rest as u8);
        }
    }
    bytes.extend(value.as_bytes());
    bytes
}

/// The status in a block of headers: it comes first, after changes of the table's size.
fn status(block: &[u8]) -> u16 {
    let first = block.iter().find(|byte| **byte & 0b1110_0000 != 0b0010_0000);
    let index = first.and_then(|byte| usize::from(*byte).checked_sub(0x88));
    index.and_then(|index| STATUSES.get(index).copied()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_every_length_have_it_in_front() {
        assert_eq!(text("ab"), b"\x02ab");
        assert_eq!(text(&"x".repeat(126))[..1], [126]);
        assert_eq!(text(&"x".repeat(127))[..3], [127, 0, b'x']);
        // RFC 7541, C.1.2, with seven bits.
        assert_eq!(text(&"x".repeat(1337))[..4], [127, 0b1011_1010, 0b0000_1001, b'x']);
    }

    #[test]
    fn a_frame_has_length_kind_flags_and_stream() {
        assert_eq!(frame(DATA, END_STREAM, 3, b"xy"), [0, 0, 2, 0, 1, 0, 0, 0, 3, b'x', b'y']);
    }

    #[test]
    fn the_status_comes_first() {
        assert_eq!(status(&[0x88, 0x0f]), 200);
        assert_eq!(status(&[0x20, 0x3f, 0x8e]), 500);
        assert_eq!((status(&[0x48, 0x82]), status(&[])), (0, 0));
    }
}
