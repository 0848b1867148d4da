//! Asking the site for its first answer, as its first visitor would.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;

use super::address::SiteUrl;
use super::event::Event;
use super::output::OWN_AGENT;

/// Pause between attempts while nobody listens yet.
const PAUSE: Duration = Duration::from_millis(20);

/// Time for a traceback to arrive before the answer it belongs to is reported.
const TRACEBACK: Duration = Duration::from_millis(100);

/// Stops asking when dropped.
pub struct Watch(Arc<AtomicBool>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Asks until there is an answer, then reports it for start number `number`. Begins after `patience`.
pub fn watch(site: &SiteUrl, number: u32, patience: Duration, queue: Sender<Event>) -> Watch {
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = Arc::clone(&stop);
    let site = site.clone();
    thread::spawn(move || {
        thread::sleep(patience);
        while !stopped.load(Ordering::Relaxed) {
            match ask(&site) {
                Some(status) => {
                    if status >= 500 {
                        // Its traceback is on the way through Apache's log.
                        thread::sleep(TRACEBACK);
                    }
                    // The queue ends only with the process.
                    let _ = queue.send(Event::Answered(number, status));
                    return;
                }
                None => thread::sleep(PAUSE),
            }
        }
    });
    Watch(stop)
}

fn ask(site: &SiteUrl) -> Option<u16> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .proxy(None)
        .user_agent(OWN_AGENT)
        .build()
        .into();
    let response = agent.get(format!("http://{}{}", site.connect, site.path)).header("Host", &site.host_header).call();
    response.ok().map(|response| response.status().as_u16())
}
