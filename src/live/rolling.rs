//! New code for the processes of a live site, one process at a time.

use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::Result;
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::daemons::{self, Daemons};
use super::line::{Line, Report};
use crate::client::Client;
use crate::identity::Identity;
use crate::interrupt;
use crate::production::manifest::Manifest;
use crate::ui::problem::Problem;
use crate::ui::term::Ui;

/// How often it is looked which processes there are.
const LOOK: Duration = Duration::from_millis(20);

/// Apache notices the end of a process within a second; if none is there for so long, Apache has ended.
const RESPAWN: Duration = Duration::from_secs(5);

/// For slow machines.
const MARGIN: Duration = Duration::from_secs(10);

/// A renewal of a site's processes.
pub struct Rolling<'a> {
    manifest: &'a Manifest,
    daemons: Daemons,
    line: Rc<Line>,
    client: Client,
    /// Processes with the new code that take requests.
    renewed: Vec<u32>,
}

impl<'a> Rolling<'a> {
    /// Prepares to renew the processes of `manifest`.
    ///
    /// # Errors
    /// When a renewal is under way, or the account is not there.
    pub fn of(manifest: &'a Manifest) -> Result<Self> {
        let account = Identity::named(&manifest.user)?;
        Ok(Self {
            daemons: Daemons::of(manifest)?,
            line: Rc::new(Line::open(manifest, &account)?),
            client: Client::of_this_machine(&manifest.server_name, manifest.http_port, manifest.https_port)?,
            manifest,
            renewed: Vec::new(),
        })
    }

    /// The socket on which processes report.
    pub fn line(&self) -> &Line {
        &self.line
    }

    /// Renews one after the other. Returns how many there are.
    ///
    /// # Errors
    /// When none runs, or one can't answer with the new code: the others keep the old one.
    pub fn run(mut self, ui: &Ui) -> Result<usize> {
        let line = Rc::clone(&self.line);
        let _awaiting = line.awaiting();
        let old = self.daemons.running()?;
        if old.is_empty() {
            return Err(self.none().into());
        }
        for (index, pid) in old.iter().enumerate() {
            tell(*pid)?;
            let others = &old[index + 1..];
            self.until_renewed(*pid, others, old.len())?;
            self.ask()?;
            ui.status("Renewed", &format!("process {} of {}", index + 1, old.len()));
        }
        Ok(old.len())
    }

    /// Waits until the process `old` has gone and as many as before take requests: `others` with the old code,
    /// the rest with the new one.
    fn until_renewed(&mut self, old: u32, others: &[u32], count: usize) -> Result<()> {
        let manifest = self.manifest;
        let seconds = manifest.graceful_timeout + manifest.shutdown_timeout + manifest.startup_timeout;
        let limit = Duration::from_secs(seconds.into()) + MARGIN;
        let started = Instant::now();
        let mut seen = started;
        loop {
            if let Some(report) = self.line.next(LOOK) {
                self.take(report, others)?;
            }
            let running = self.daemons.running()?;
            let serves = |pid: &&u32| others.contains(pid) || self.renewed.contains(pid);
            if !running.contains(&old) && running.iter().filter(serves).count() >= count {
                return Ok(());
            }
            if !running.is_empty() {
                seen = Instant::now();
            } else if seen.elapsed() > RESPAWN {
                return Err(self.none().into());
            }
            if interrupt::requested() {
                return Err(Problem::interrupted().into());
            }
            if started.elapsed() > limit {
                return Err(self.too_late(old, running.contains(&old), limit).into());
            }
        }
    }

    fn take(&mut self, report: Report, others: &[u32]) -> Result<()> {
        let Some(failure) = report.failure.clone() else {
            self.renewed.push(report.pid);
            report.serve();
            return Ok(());
        };
        let running = self.daemons.running()?;
        let has_leave = |pid: &&u32| others.contains(pid) && daemons::serves(**pid) || self.renewed.contains(pid);
        let serving = running.iter().filter(has_leave).count();
        let name = &self.manifest.name;
        // Without another process, an answer with an error is better than none.
        let problem = if serving == 0 {
            report.serve();
            Problem::findings(format!("the new code of {name} can't answer, and no process has the old one"))
                .hint("djwsgi reload --check loads new code before any process has it")
        } else {
            report.wait();
            let processes = if serving == 1 { "1 process goes".to_owned() } else { format!("{serving} processes go") };
            Problem::findings(format!("the new code of {name} can't answer; {processes} on with the old code"))
                .hint("mend it, or put the old code back, and run djwsgi reload again")
        };
        Err(problem.detail(failure.trim_end()).into())
    }

    /// A request as visitors send it; any process may answer.
    fn ask(&self) -> Result<()> {
        let status = self.client.get(&self.manifest.front_page)?.status;
        if (1..500).contains(&status) {
            return Ok(());
        }
        let answer = if status == 0 { "closes the connection".to_owned() } else { format!("answers {status}") };
        Err(Problem::findings(format!("{} {answer}", self.manifest.url)).hint("its error log says why").into())
    }

    fn none(&self) -> Problem {
        Problem::environment(format!("no process of {} runs", self.manifest.name))
            .hint(format!("systemctl start {}", self.manifest.service))
    }

    fn too_late(&self, old: u32, is_there: bool, limit: Duration) -> Problem {
        let seconds = limit.as_secs();
        if is_there {
            return Problem::findings(format!("process {old} did not end within {seconds} s"));
        }
        Problem::findings(format!("no new process has answered within {seconds} s")).hint(format!(
            "does {} contain {}? make and install the deployment again",
            self.manifest.script.display(),
            self.manifest.renewal.display()
        ))
    }
}

/// Tells a process to end when its requests are answered. One that has ended by itself is replaced as well.
fn tell(pid: u32) -> Result<()> {
    match kill(Pid::from_raw(pid.cast_signed()), Signal::SIGUSR1) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(error) => Err(Problem::environment(format!("cannot signal process {pid}: {error}")).into()),
    }
}
