//! Printing from a thread of its own: a terminal that stands still (Ctrl-S, a pipe that nobody
//! reads) must not keep a server from noticing signals and ends.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::term::Ui;

/// Paragraphs that may wait for the terminal; further ones are dropped.
const WAITING: usize = 10_000;

/// At the end, how long the terminal may take for what still waits.
const LAST_WAIT: Duration = Duration::from_millis(500);

type Paragraph = Box<dyn FnOnce(&Ui) + Send>;

/// The way to the printing thread.
pub struct Printer {
    queue: Option<SyncSender<Paragraph>>,
    thread: JoinHandle<()>,
}

impl Printer {
    /// Starts the thread.
    pub fn start(ui: &Ui) -> Self {
        let (queue, paragraphs): (_, Receiver<Paragraph>) = sync_channel(WAITING);
        let ui = ui.clone();
        let thread = thread::spawn(move || paragraphs.iter().for_each(|paragraph| paragraph(&ui)));
        Self { queue: Some(queue), thread }
    }

    /// Prints when the terminal is ready for it; never waits.
    pub fn print(&self, paragraph: impl FnOnce(&Ui) + Send + 'static) {
        if let Some(queue) = &self.queue {
            // A terminal that is ten thousand lines behind shows nobody anything.
            let _ = queue.try_send(Box::new(paragraph));
        }
    }
}

impl Drop for Printer {
    fn drop(&mut self) {
        self.queue = None;
        let started = Instant::now();
        while !self.thread.is_finished() && started.elapsed() < LAST_WAIT {
            thread::sleep(Duration::from_millis(1));
        }
    }
}
