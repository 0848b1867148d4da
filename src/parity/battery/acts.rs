//! Requests that are more than one question and one answer.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::answer::Answer;
use super::ask::Asker;
use super::requests::{Request, Wanted};
use super::servers;
use crate::client::{Connection, Reply};
use crate::interrupt;
use crate::production::trial::token;

/// What the application says is on its way through logs and pipes for a while.
const LOGGED: Duration = Duration::from_secs(15);

/// A server notices a client that has left when its buffers are full.
const NOTICED: Duration = Duration::from_secs(30);

/// How often it is looked.
const LOOK: Duration = Duration::from_millis(10);

/// Of an answer without end so much is read.
const ENOUGH: usize = 100_000;

/// Where the application writes, the end of what it writes there, and the name for that.
const OUTPUTS: [(&str, &str); 4] =
    [("print", "print"), ("stderr", "stderr"), ("logging", "logging"), ("wsgi.errors", "errors")];

/// Whether the first part of an answer arrives before the last is made: the last is made when somebody says that
/// the first has arrived.
///
/// # Errors
/// When there is no connection.
pub fn stream(asker: &Asker, request: &Request) -> Result<Answer> {
    let word = token::token()?;
    let mut connection = begin(asker, request, &word)?;
    let mut answer = Vec::new();
    read_until(&mut connection, &mut answer, |answer| answer.windows(6).any(|window| window == b"first\n"))?;
    let arrived = asker.workshop.path(&format!("arrived-{word}"));
    fs::write(&arrived, "").with_context(|| format!("cannot write {}", arrived.display()))?;
    read_until(&mut connection, &mut answer, |_| false)?;
    let reply = Reply::parse(&answer);
    let mut facts = asker.read(request, &reply);
    if reply.status == 200 {
        let is_prompt = String::from_utf8_lossy(&reply.content()).contains("arrived");
        facts.insert("first part", if is_prompt { "at once" } else { "held back" }.to_owned());
    }
    Ok(facts)
}

/// What becomes of an answer whose reader leaves.
///
/// # Errors
/// When there is no connection.
pub fn endless(asker: &Asker, request: &Request) -> Result<Answer> {
    let word = token::token()?;
    let mut connection = begin(asker, request, &word)?;
    let mut answer = Vec::new();
    read_until(&mut connection, &mut answer, |answer| answer.len() > ENOUGH)?;
    drop(connection);
    let reply = Reply::parse(&answer);
    let mut facts = asker.read(request, &reply);
    if reply.status == 200 {
        let closed = asker.workshop.path(&format!("closed-{word}"));
        let rest = wait_for(NOTICED, || fs::read_to_string(&closed).ok().filter(|text| !text.is_empty()));
        facts.insert("the rest", rest.unwrap_or_else(|| "is never closed".to_owned()));
    }
    let next = Request { wanted: Wanted::Environ, target: "{page}", facts: &["answer"], ..*request };
    let next = asker.send(&next, &[]).map(|reply| reply.status.to_string());
    facts.insert("next answer", next.unwrap_or_else(|_| "none".to_owned()));
    Ok(facts)
}

/// Whether what the application writes can be read anywhere.
///
/// # Errors
/// When no answer comes.
pub fn output(asker: &Asker, request: &Request) -> Result<Answer> {
    let word = token::token()?;
    let reply = asker.send(request, &[("X-Djwsgi-Word", &word)])?;
    let mut facts = asker.read(request, &reply);
    if reply.status == 200 {
        let logs: &Path = &asker.server.logs;
        for (name, end) in OUTPUTS {
            let written = format!("{word}-{end}");
            let logged = wait_for(LOGGED, || servers::output(logs).contains(&written).then_some("logged"));
            facts.insert(name, logged.unwrap_or("lost").to_owned());
        }
    }
    Ok(facts)
}

/// Sends `request` for the answer that is called `word`.
fn begin(asker: &Asker, request: &Request, word: &str) -> Result<Connection> {
    let target = asker.path(&format!("{}?word={word}", request.target));
    let mut connection = asker.server.client.connect()?;
    connection.write_all(&asker.bytes(request.method, &target, &asker.word(request)))?;
    connection.flush()?;
    Ok(connection)
}

/// Reads into `answer` until `enough` of it is there, or the other side closes.
fn read_until(connection: &mut Connection, answer: &mut Vec<u8>, enough: impl Fn(&[u8]) -> bool) -> Result<()> {
    let mut piece = vec![0; 65_536];
    while !enough(answer) {
        match connection.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(&piece[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) => break,
            Err(error) => return Err(error).context("no answer came"),
        }
    }
    Ok(())
}

fn wait_for<T>(limit: Duration, mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let started = Instant::now();
    loop {
        let found = look();
        if found.is_some() || started.elapsed() > limit || interrupt::requested() {
            return found;
        }
        std::thread::sleep(LOOK);
    }
}
