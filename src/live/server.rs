//! The Apache that serves a deployment.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::cli::Target;
use crate::process;
use crate::production::manifest::Manifest;
use crate::ui::problem::Problem;

/// systemd waits that long for a service to start.
const START: Duration = Duration::from_secs(90);

/// Reading a config takes a second.
const TEST: Duration = Duration::from_secs(30);

/// Names of Apache's program.
const NAMES: [&str; 2] = ["apache2", "httpd"];

/// The Apache of a deployment.
pub struct Server<'a> {
    manifest: &'a Manifest,
}

impl<'a> Server<'a> {
    /// That of `manifest`.
    pub fn of(manifest: &'a Manifest) -> Self {
        Self { manifest }
    }

    /// Its first process, if it runs: what its pid file says may be of long ago.
    pub fn pid(&self) -> Option<u32> {
        let pid = fs::read_to_string(&self.manifest.pid_file).ok()?.trim().parse().ok()?;
        let command = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
        let is_zombie = fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "));
        (NAMES.contains(&command.trim()) && !is_zombie).then_some(pid)
    }

    /// Whether its program is there.
    pub fn is_installed(&self) -> bool {
        self.manifest.binary.exists()
    }

    /// Has it say whether it would read its config.
    ///
    /// # Errors
    /// With what is wrong with it.
    pub fn test(&self) -> Result<()> {
        let words = self.check();
        let Some((program, arguments)) = words.split_first() else { return Ok(()) };
        let finished = process::run(Command::new(program).args(arguments), TEST)?;
        if finished.status.success() {
            return Ok(());
        }
        let what = "Apache does not accept its config, and goes on with what it has read before";
        Err(Problem::findings(what).detail(finished.stderr.trim_end()).into())
    }

    /// Has it read its config again: running requests are finished by the processes of before.
    ///
    /// # Errors
    /// When it does not run, or the config is one that it would end with.
    pub fn reload(&self) -> Result<()> {
        self.test()?;
        if !self.manifest.is_shared() {
            // The set may have another unit.
            self.systemctl(&["daemon-reload"])?;
        }
        let told = self.pid().map(|pid| kill(Pid::from_raw(pid.cast_signed()), Signal::SIGUSR1));
        match told {
            Some(Ok(())) => Ok(()),
            None | Some(Err(Errno::ESRCH)) => Err(self.is_down().into()),
            Some(Err(error)) => Err(Problem::environment(format!("cannot signal Apache: {error}")).into()),
        }
    }

    /// Starts its service; one of the site's own at every start of the machine from now on.
    ///
    /// # Errors
    /// When systemd can't.
    pub fn start(&self) -> Result<()> {
        if !self.manifest.is_shared() {
            self.systemctl(&["daemon-reload"])?;
            self.systemctl(&["enable"])?;
        }
        self.systemctl(&["start"])
    }

    /// Ends its service, for good.
    ///
    /// # Errors
    /// When systemd can't.
    pub fn retire(&self) -> Result<()> {
        self.systemctl(&["disable", "--now"])
    }

    fn systemctl(&self, words: &[&str]) -> Result<()> {
        let mut command = Command::new("systemctl");
        command.args(words);
        if words != ["daemon-reload"] {
            command.arg(&self.manifest.service);
        }
        let finished = process::run(&mut command, START)?;
        if finished.status.success() {
            return Ok(());
        }
        let what =
            format!("systemctl {} {}: {}", words.join(" "), self.manifest.service, process::describe(finished.status));
        Err(Problem::environment(what).detail(finished.stderr.trim_end()).into())
    }

    /// The command that has it read its config, and say what is wrong with it.
    pub fn check(&self) -> Vec<String> {
        let words: &[&str] = match self.manifest.target {
            // It knows the variables that Debian's config needs.
            Target::Debian => &["apache2ctl", "-t"],
            Target::Rhel => &["httpd", "-t"],
            Target::Standalone | Target::Container => return self.own(&["-t"]),
        };
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    /// The command that runs it in the foreground.
    pub fn foreground(&self) -> Vec<String> {
        let words: &[&str] = match self.manifest.target {
            // Its own variables first; and it is to be the process that is started, not a child of it.
            Target::Debian => &["sh", "-c", ". /etc/apache2/envvars; exec apache2 -DFOREGROUND"],
            Target::Rhel => &["httpd", "-DFOREGROUND"],
            Target::Standalone | Target::Container => return self.own(&["-DFOREGROUND"]),
        };
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn own(&self, words: &[&str]) -> Vec<String> {
        let manifest = self.manifest;
        let own = [manifest.binary.display().to_string(), "-f".to_owned(), manifest.conf.display().to_string()];
        own.into_iter().chain(words.iter().map(|word| (*word).to_owned())).collect()
    }

    /// The error of one that does not run.
    pub fn is_down(&self) -> Problem {
        Problem::environment(format!("{} does not run", self.manifest.service))
            .hint(format!("systemctl start {}", self.manifest.service))
    }
}
