//! The socket on which the processes of the harness talk to djwsgi.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, IoSlice, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use serde::Serialize;

use super::message::Said;
use crate::dev::event::Event;
use crate::dev::slots::Id;

/// A process that takes nothing for this long is stuck; it must not hold up djwsgi.
const PATIENCE: Duration = Duration::from_secs(2);

type Lines = Arc<Mutex<BTreeMap<Id, UnixStream>>>;

/// The socket and its connections; closed when dropped.
pub struct Control {
    path: PathBuf,
    lines: Lines,
    over: Arc<AtomicBool>,
}

impl Control {
    /// Listens at `path`; what is said arrives in `queue`.
    ///
    /// # Errors
    /// When the socket can't be made.
    pub fn listen(path: &Path, queue: Sender<Event>) -> io::Result<Self> {
        let _ = fs::remove_file(path);
        let listener = UnixListener::bind(path)?;
        listener.set_nonblocking(true)?;
        let lines = Lines::default();
        let over = Arc::new(AtomicBool::new(false));
        let hearing = Hearing { listener, lines: Arc::clone(&lines), over: Arc::clone(&over), queue };
        thread::spawn(move || hearing.run());
        Ok(Self { path: path.to_owned(), lines, over })
    }

    /// Sends a message to one process. One that has gone is reported through the queue.
    pub fn send(&self, id: Id, message: &impl Serialize, descriptor: Option<BorrowedFd>) {
        // What can't be said is not waited for.
        let Ok(mut text) = serde_json::to_vec(message) else { return self.close(id) };
        text.push(b'\n');
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(stream) = lines.get(&id) else { return };
        if send(stream, &text, descriptor).is_err() {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }

    /// Closes one connection.
    pub fn close(&self, id: Id) {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(stream) = lines.get(&id) {
            let _ = stream.shutdown(std::net::Shutdown::Both);
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Wakes the thread.
        let _ = UnixStream::connect(&self.path);
    }
}

fn send(mut stream: &UnixStream, text: &[u8], descriptor: Option<BorrowedFd>) -> io::Result<()> {
    let Some(descriptor) = descriptor else { return stream.write_all(text) };
    let descriptors = [descriptor.as_raw_fd()];
    let rights = [ControlMessage::ScmRights(&descriptors)];
    let sent = sendmsg::<()>(stream.as_raw_fd(), &[IoSlice::new(text)], &rights, MsgFlags::empty(), None)?;
    stream.write_all(text.get(sent..).unwrap_or_default())
}

/// The thread that reads.
struct Hearing {
    listener: UnixListener,
    lines: Lines,
    over: Arc<AtomicBool>,
    queue: Sender<Event>,
}

impl Hearing {
    fn run(self) {
        let mut streams: Vec<(Id, UnixStream, Vec<u8>)> = Vec::new();
        let mut next: Id = 0;
        loop {
            let ready = self.wait(&streams);
            if self.over.load(Ordering::Relaxed) {
                return;
            }
            // What a process said before it forked comes before what its fork says: the connections
            // there are go before new ones.
            let mut ended = Vec::new();
            for ((id, stream, buffer), ready) in streams.iter_mut().zip(&ready) {
                if *ready && !self.hear(*id, stream, buffer) {
                    ended.push(*id);
                }
            }
            for id in ended {
                streams.retain(|(other, ..)| *other != id);
                self.lines.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
                let _ = self.queue.send(Event::HarnessGone(id));
            }
            if let Ok((stream, _)) = self.listener.accept() {
                let _ = stream.set_nonblocking(false);
                let _ = stream.set_write_timeout(Some(PATIENCE));
                if let Ok(writing) = stream.try_clone() {
                    next += 1;
                    self.lines.lock().unwrap_or_else(PoisonError::into_inner).insert(next, writing);
                    streams.push((next, stream, Vec::new()));
                }
            }
        }
    }

    /// Which of the connections have something to say.
    fn wait(&self, streams: &[(Id, UnixStream, Vec<u8>)]) -> Vec<bool> {
        let mut polled: Vec<PollFd> =
            streams.iter().map(|(_, stream, _)| PollFd::new(stream.as_fd(), PollFlags::POLLIN)).collect();
        polled.push(PollFd::new(self.listener.as_fd(), PollFlags::POLLIN));
        let _ = poll(&mut polled, PollTimeout::NONE);
        polled.pop();
        polled.iter().map(|one| one.any().unwrap_or(false)).collect()
    }

    /// Reads once and passes on whole lines; false at the end.
    fn hear(&self, id: Id, stream: &mut UnixStream, buffer: &mut Vec<u8>) -> bool {
        let mut chunk = [0; 1 << 16];
        match stream.read(&mut chunk) {
            Ok(0) => return false,
            Ok(count) => buffer.extend_from_slice(chunk.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return true,
            Err(_) => return false,
        }
        while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = buffer.drain(..=end).collect();
            match serde_json::from_slice::<Said>(&line) {
                Ok(said) => {
                    let _ = self.queue.send(Event::Harness(id, said));
                }
                Err(error) => {
                    let _ = self
                        .queue
                        .send(Event::Warning(format!("a daemon process said what is not understood: {error}")));
                    return false;
                }
            }
        }
        true
    }
}
