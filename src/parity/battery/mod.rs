//! The battery: the same requests to every server of a site, and the answers held against each other.

mod acts;
mod answer;
mod ask;
mod causes;
mod compare;
pub mod deployed;
mod directives;
mod facts;
pub mod janitor;
mod probe;
mod reasons;
mod requests;
pub mod servers;
pub mod table;
mod workshop;

use std::fs;
use std::path::Path;
use std::thread;

use anyhow::{Context, Result};

use answer::Answer;
use ask::{Asker, Introduction, StaticFile};
use compare::Difference;
use facts::Facts;
use requests::{Body, REQUESTS, Request, Wanted};
use servers::{Kind, Server, Subject};
use workshop::Workshop;

/// A larger body is not sent, in bytes.
const MOST_BODY: u64 = 32 * 1024 * 1024;

/// What was answered.
pub struct Report {
    /// The servers that were asked, in order.
    pub servers: Vec<Kind>,
    /// The requests, in order.
    pub rows: Vec<Row>,
    /// Why `manage.py runserver` was not asked.
    pub without_runserver: Option<anyhow::Error>,
    /// What was seen that is no difference.
    pub notes: Vec<String>,
}

/// A request and its answers.
pub struct Row {
    /// A word or two for it.
    pub name: &'static str,
    /// What was looked at.
    pub facts: &'static [&'static str],
    /// One of each server; none where it was not tried.
    pub answers: Vec<Answer>,
    /// Where they differ.
    pub differences: Vec<Difference>,
    /// Why it was not tried.
    pub not_tried: Option<String>,
}

impl Report {
    /// The differences for which there is no reason.
    pub fn findings(&self) -> impl Iterator<Item = (&Row, &Difference)> {
        let all = self.rows.iter().flat_map(|row| row.differences.iter().map(move |difference| (row, difference)));
        all.filter(|(_, difference)| difference.is_finding())
    }
}

/// Starts the servers of `subject`, sends everything to each, and compares.
///
/// # Errors
/// When a server does not start or does not load the site, or the user interrupts.
pub fn run(subject: &Subject) -> Result<Report> {
    let workshop = Workshop::open()?;
    let servers::Servers { list, without_runserver } = servers::start(subject, &workshop)?;
    let introductions = each(&list, |server| ask::introduce(server, subject.apache, &workshop))?;
    let file = chosen(&list, &introductions);
    plant(&list, file)?;
    let trial = Trial { subject, workshop: &workshop, file };
    let answers = each(&list, |server| trial.ask_all(server))?;
    let facts = Facts::of(subject);
    let servers: Vec<Kind> = list.iter().map(|server| server.kind).collect();
    let mut rows = Vec::new();
    for (index, request) in REQUESTS.iter().enumerate() {
        let not_tried = trial.obstacle(request);
        let answers: Vec<Answer> = answers.iter().filter_map(|all| all[index].clone()).collect();
        let differences =
            if not_tried.is_some() { Vec::new() } else { compare::all(&facts, request, &servers, &answers) };
        rows.push(Row { name: request.name, facts: request.facts, answers, differences, not_tried });
    }
    let notes = notes(&rows);
    Ok(Report { servers, rows, without_runserver, notes })
}

/// Where all servers agree on what is no good answer: the battery sees less of the site then.
fn notes(rows: &[Row]) -> Vec<String> {
    let answers = |name: &str| -> Vec<&str> {
        let row = rows.iter().filter(|row| row.name == name);
        row.flat_map(|row| &row.answers).filter_map(|answer| answer.get("answer")).map(String::as_str).collect()
    };
    let mut notes = Vec::new();
    let front = answers("front page");
    if !front.is_empty() && front.iter().all(|answer| answer.starts_with('5')) {
        notes.push(format!("the front page answers {} on every server", front[0]));
    }
    if let Some(answer) = answers("subpath").last().filter(|answer| **answer != "200") {
        notes.push(format!(
            "the site's middleware answers {answer} to pages of the battery: requests to them tell less"
        ));
    }
    notes
}

/// Does the same with every server, at the same time.
fn each<T: Send>(list: &[Server], act: impl Fn(&Server) -> Result<T> + Sync) -> Result<Vec<T>> {
    let act = &act;
    thread::scope(|scope| {
        let threads: Vec<_> = list.iter().map(|server| scope.spawn(move || act(server))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err(anyhow::anyhow!("a thread ended"))))
            .collect()
    })
}

/// The static file that is asked for: one that production has.
fn chosen<'a>(list: &[Server], introductions: &'a [Introduction]) -> Option<&'a StaticFile> {
    let production = list.iter().position(|server| server.kind == Kind::AsProd)?;
    introductions.get(production)?.static_file.as_ref()
}

/// Puts the static file where Apache serves it from, as if it had been collected.
fn plant(list: &[Server], file: Option<&StaticFile>) -> Result<()> {
    let Some(StaticFile { name, file }) = file else { return Ok(()) };
    for folder in list.iter().filter_map(|server| server.static_folder.as_ref()) {
        let copy = folder.join(name);
        let made = fs::create_dir_all(copy.parent().unwrap_or(Path::new("/"))).and_then(|()| fs::copy(file, &copy));
        made.with_context(|| format!("cannot copy {} to {}", file.display(), copy.display()))?;
    }
    Ok(())
}

/// All requests to one server.
struct Trial<'a> {
    subject: &'a Subject<'a>,
    workshop: &'a Workshop,
    file: Option<&'a StaticFile>,
}

impl Trial<'_> {
    fn ask_all(&self, server: &Server) -> Result<Vec<Option<Answer>>> {
        let max_body = usize::try_from(self.subject.generated.deployment.max_body).unwrap_or(usize::MAX);
        let static_name = self.file.map_or("", |file| file.name.as_str());
        let apache = self.subject.apache;
        let asker = Asker { server, apache, workshop: self.workshop, static_name, max_body };
        let ask = |request: &Request| self.obstacle(request).is_none().then(|| asker.ask(request)).transpose();
        REQUESTS.iter().map(ask).collect()
    }

    /// Why `request` can't be tried with this site.
    fn obstacle(&self, request: &Request) -> Option<String> {
        let production = &self.subject.generated.deployment;
        if matches!(request.body, Body::TooLarge) && production.max_body > MOST_BODY {
            return Some(format!("production takes {} bytes", production.max_body));
        }
        if request.wanted != Wanted::Static {
            return None;
        }
        let site = production.site;
        let Some(file) = self.file else {
            return Some("the site has no static files that its finders know".to_owned());
        };
        if site.static_path().is_none() || self.subject.site.static_path().is_none() {
            return Some("static files are another server's, or at the root".to_owned());
        }
        let whitenoise = site.django.production.as_ref().is_some_and(|facts| facts.whitenoise);
        let is_collected = site.django.static_root.as_ref().is_some_and(|root| root.join(&file.name).exists());
        (whitenoise && !production.serves_static() && !is_collected)
            .then(|| "none has been collected for WhiteNoise yet: manage.py collectstatic".to_owned())
    }
}
