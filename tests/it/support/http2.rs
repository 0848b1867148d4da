//! A client of HTTP/2 that sends frame by frame, so that it may stop in the middle.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::production::{Connection, NAME, Received};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;

const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;

/// A connection that speaks HTTP/2.
pub struct Http2 {
    connection: Connection,
    next: u32,
}

impl Http2 {
    /// Begins to speak it.
    pub fn over(connection: Connection) -> Self {
        let mut own = Self { connection, next: 1 };
        own.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        own.send(&frame(SETTINGS, 0, 0, b""));
        own
    }

    /// The socket below.
    pub fn socket(&self) -> &TcpStream {
        self.connection.socket()
    }

    fn send(&mut self, bytes: &[u8]) {
        let _ = self.connection.write_all(bytes).and_then(|()| self.connection.flush());
    }

    /// Begins a POST of `length` bytes, none of which is sent: its stream.
    pub fn begin(&mut self, target: &str, length: usize) -> u32 {
        self.ask("POST", target, &[("content-length", &length.to_string())], END_HEADERS)
    }

    /// Sends a piece of a body.
    pub fn piece(&mut self, stream: u32, bytes: &[u8], is_last: bool) {
        self.send(&frame(DATA, if is_last { END_STREAM } else { 0 }, stream, bytes));
    }

    /// GET, and its answer; of the headers only the status is told, 0 for a rare one or none.
    pub fn get(&mut self, target: &str) -> Received {
        let stream = self.ask("GET", target, &[], END_HEADERS | END_STREAM);
        self.answer(stream)
    }

    fn ask(&mut self, method: &str, target: &str, headers: &[(&str, &str)], flags: u8) -> u32 {
        let stream = self.next;
        self.next += 2;
        let fixed = [(":method", method), (":scheme", "https"), (":authority", NAME), (":path", target)];
        let mut block = Vec::new();
        for (name, value) in fixed.iter().chain(headers) {
            block.push(0);
            for text in [name, value] {
                // Longer ones would need more bytes for their length.
                assert!(text.len() < 127, "{text}");
                block.push(text.len() as u8);
                block.extend(text.as_bytes());
            }
        }
        self.send(&frame(HEADERS, flags, stream, &block));
        stream
    }

    /// The answer on a stream.
    pub fn answer(&mut self, stream: u32) -> Received {
        let mut answer = Received::default();
        loop {
            let Some((kind, flags, of, payload)) = self.receive() else { return answer };
            match kind {
                SETTINGS | PING if flags & ACK == 0 => {
                    let echo = if kind == PING { payload.clone() } else { Vec::new() };
                    self.send(&frame(kind, ACK, 0, &echo));
                }
                GOAWAY => return answer,
                RST_STREAM if of == stream => return answer,
                // The status comes first; HPACK has numbers for some.
                HEADERS if of == stream => {
                    let index = payload.iter().find(|byte| **byte & 0xe0 != 0x20).map_or(0, |byte| *byte);
                    answer.status = match index {
                        0x88 => 200,
                        0x8c => 400,
                        0x8d => 404,
                        0x8e => 500,
                        _ => 0,
                    };
                }
                DATA if of == stream => answer.body += &String::from_utf8_lossy(&payload),
                _ => {}
            }
            if of == stream && [HEADERS, DATA].contains(&kind) && flags & END_STREAM != 0 {
                return answer;
            }
        }
    }

    fn receive(&mut self) -> Option<(u8, u8, u32, Vec<u8>)> {
        let mut head = [0; 9];
        self.connection.read_exact(&mut head).ok()?;
        let [high, middle, low, kind, flags, stream @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, high, middle, low]) as usize];
        self.connection.read_exact(&mut payload).ok()?;
        Some((kind, flags, u32::from_be_bytes(stream), payload))
    }
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, high, middle, low] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&[high, middle, low, kind, flags], &stream.to_be_bytes()[..], payload].concat()
}
