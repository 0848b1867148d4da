//! A folder for one test, the ordinary user's, in which commands are run and told apart from
//! those of every other test.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use super::machine::{Flavor, machine};
use super::wait::{LONG, until};

/// A test's folder; at the end no process of the test may be left.
pub struct Sandbox {
    /// The folder, canonical.
    pub path: PathBuf,
    /// Identifies the test's processes by their environment.
    pub mark: String,
}

/// A finished command.
pub struct Shown {
    /// Exit status; -1 for a signal.
    pub code: i32,
    /// stdout.
    pub out: String,
    /// stderr.
    pub err: String,
}

impl Shown {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The exit status must be `code`.
    #[track_caller]
    pub fn code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.out, self.err);
        self
    }

    /// stderr must say all of `texts`.
    #[track_caller]
    pub fn says(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.err.contains(text), "{text:?} not in stderr: {}", self.err);
        }
        self
    }
}

impl Sandbox {
    /// A new folder.
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let machine = machine();
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let mark = format!("{}-{number}", std::process::id());
        let path = machine.base.join("s").join(&mark);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        let sandbox = Self { path: path.canonicalize().unwrap(), mark };
        sandbox.give(&sandbox.path);
        sandbox
    }

    /// Makes `path` the ordinary user's.
    pub fn give(&self, path: &Path) {
        chown(path, Some(machine().uid), Some(machine().gid)).unwrap();
    }

    /// A path in the folder.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    /// Writes a file as the ordinary user would, its folders included.
    pub fn write(&self, name: impl AsRef<Path>, text: &str) -> PathBuf {
        let path = self.join(name);
        let missing: Vec<&Path> = path.ancestors().skip(1).take_while(|folder| !folder.exists()).collect();
        for folder in missing.into_iter().rev() {
            fs::create_dir(folder).unwrap();
            self.give(folder);
        }
        fs::write(&path, text).unwrap();
        self.give(&path);
        path
    }

    /// The text of a file.
    pub fn read(&self, name: impl AsRef<Path>) -> String {
        let path = self.join(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// Whether a file is there.
    pub fn has(&self, name: impl AsRef<Path>) -> bool {
        fs::symlink_metadata(self.join(name)).is_ok()
    }

    /// A command as root in `folder`, in a clean environment.
    pub fn command_as_root(&self, program: impl AsRef<OsStr>, folder: impl AsRef<Path>) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(self.join(folder))
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", &self.path)
            .env("LANG", "C.UTF-8")
            .env("DJWSGI_TEST", &self.mark)
            .stdin(Stdio::null());
        // What the machine needs to reach its package registries.
        for (name, value) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("PIP_")
                || text.contains("SSL_CERT")
                || text.ends_with("_proxy")
                || text.ends_with("_PROXY")
            {
                command.env(&name, &value);
            }
        }
        command
    }

    /// A command as the ordinary user in `folder`.
    pub fn command(&self, program: impl AsRef<OsStr>, folder: impl AsRef<Path>) -> Command {
        let mut command = self.command_as_root(program, folder);
        command.uid(machine().uid).gid(machine().gid);
        command
    }

    /// `djwsgi` as the ordinary user in `folder`.
    pub fn djwsgi_command(&self, folder: impl AsRef<Path>, arguments: &[&str]) -> Command {
        let mut command = self.command(&machine().djwsgi, folder);
        command.args(arguments);
        command
    }

    /// Runs `djwsgi` as the ordinary user in `folder`.
    pub fn djwsgi(&self, folder: impl AsRef<Path>, arguments: &[&str]) -> Shown {
        self.run(&mut self.djwsgi_command(folder, arguments))
    }

    /// Runs a command to its end.
    pub fn run(&self, command: &mut Command) -> Shown {
        Shown::from(command.output().unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }

    /// Runs a shell script as root in the folder.
    pub fn root_script(&self, script: &str) -> Shown {
        let mut command = self.command_as_root("bash", "");
        command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        self.run(command.args(["-euo", "pipefail", "-c", script]))
    }

    /// `django-admin startproject NAME FOLDER` with the environment of `flavor`.
    pub fn start_project(&self, flavor: Flavor, name: &str, folder: impl AsRef<Path>) -> PathBuf {
        let folder = self.join(folder);
        fs::create_dir_all(&folder).unwrap();
        self.give(&folder);
        let python = machine().venv(flavor).join("bin/python");
        let mut command = self.command(python, &folder);
        let shown = self.run(command.args(["-m", "django", "startproject", name, "."]));
        assert_eq!(shown.code, 0, "{}", shown.err);
        // Found as a site's own environment is.
        std::os::unix::fs::symlink(machine().venv(flavor), folder.join(".venv")).unwrap();
        folder
    }

    /// A site `mysite` in the folder of that name, hooked up, with a view that answers "one".
    pub fn site(&self, flavor: Flavor) -> PathBuf {
        let root = self.start_project(flavor, "mysite", "mysite");
        self.view("mysite", "one");
        self.djwsgi("mysite", &["init"]).code(0);
        root
    }

    /// A site that is ready for production at www.example.org: its settings say so, and its secret key comes
    /// from the file `.env`.
    pub fn production_site(&self, flavor: Flavor, settings: &str) -> PathBuf {
        let root = self.start_project(flavor, "mysite", "mysite");
        self.view("mysite", "one");
        let text = self.read("mysite/mysite/settings.py");
        self.write("mysite/mysite/settings.py", &format!("{text}\n{READY}\n{settings}\n"));
        self.write("mysite/.env", &format!("DJANGO_SECRET_KEY={SECRET}\n"));
        self.write("mysite/djwsgi.toml", "[env]\nfile = \".env\"\n");
        for folder in ["data", "media", "static-files"] {
            self.write(format!("mysite/{folder}/.keep"), "");
        }
        root
    }

    /// Gives the site in `folder` one view, which answers `text` at `/`.
    pub fn view(&self, folder: &str, text: &str) {
        self.write(format!("{folder}/mysite/urls.py"), &urls(&format!("HttpResponse({text:?})")));
    }

    /// The state of every file in `folder`, to see that nothing changed: path, size, mode, time.
    pub fn snapshot(&self, folder: impl AsRef<Path>) -> Vec<(PathBuf, u64, u32, i64)> {
        let mut seen = Vec::new();
        for entry in walkdir::WalkDir::new(self.join(folder)).sort_by_file_name() {
            let entry = entry.unwrap();
            let meta = entry.path().symlink_metadata().unwrap();
            let is_cache = entry.path().components().any(|part| part.as_os_str() == "__pycache__");
            if !is_cache && !meta.is_dir() {
                seen.push((entry.path().to_owned(), meta.len(), meta.mode(), meta.mtime_nsec()));
            }
        }
        seen
    }

    /// Processes of this test that still run, zombies not counted.
    pub fn processes(&self) -> Vec<String> {
        let needle = format!("DJWSGI_TEST={}\0", self.mark);
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let path = entry.path();
            let environment = fs::read(path.join("environ")).unwrap_or_default();
            let mut environment = String::from_utf8_lossy(&environment).into_owned();
            environment.push('\0');
            let zombie = fs::read_to_string(path.join("stat")).is_ok_and(|stat| stat.contains(") Z "));
            if environment.contains(&needle) && !zombie {
                let words = fs::read(path.join("cmdline")).unwrap_or_default();
                found.push(format!(
                    "{} {}",
                    entry.file_name().to_string_lossy(),
                    String::from_utf8_lossy(&words).replace('\0', " ")
                ));
            }
        }
        found
    }
}

/// The secret key of [`Sandbox::production_site`].
pub const SECRET: &str = "k2H8sLq0vNw7xYz4TbRcPd6mJf3gUe1aWi5oXkQnSyVtBhZr9CjDlMpGuFE";

/// What production needs to be said in the settings of a new site.
const READY: &str = r#"
import os
DEBUG = False
SECRET_KEY = os.environ["DJANGO_SECRET_KEY"]
ALLOWED_HOSTS = ["www.example.org"]
SECURE_SSL_REDIRECT = True
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
SILENCED_SYSTEM_CHECKS = ["security.W004"]
STATIC_ROOT = BASE_DIR / "static-files"
MEDIA_ROOT = BASE_DIR / "media"
MEDIA_URL = "media/"
DATABASES["default"]["NAME"] = BASE_DIR / "data/db.sqlite3"
"#;

/// A urls.py with one view, the value of `expression`.
pub fn urls(expression: &str) -> String {
    format!(
        "import sys\nfrom django.http import HttpResponse\nfrom django.urls import path\n\n\n\
         def view(request):\n    return {expression}\n\n\nurlpatterns = [path(\"\", view)]\n"
    )
}

impl Sandbox {
    /// Where the servers of this test had their sockets: those that were killed have left them behind.
    fn run_folders(&self) -> Vec<PathBuf> {
        let files = walkdir::WalkDir::new(&self.path).into_iter().flatten();
        let configs = files.filter(|file| file.file_name() == "harness.json");
        let read = |config: walkdir::DirEntry| fs::read_to_string(config.path()).ok();
        let run =
            |text: String| serde_json::from_str::<serde_json::Value>(&text).ok()?["run"].as_str().map(PathBuf::from);
        configs.filter_map(read).filter_map(run).collect()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let left = self.processes();
        for process in &left {
            let _ = process.split(' ').next().map(|pid| Command::new("kill").args(["-9", pid]).status());
        }
        for folder in self.run_folders() {
            let _ = fs::remove_dir_all(folder);
        }
        let _ = fs::remove_dir_all(&self.path);
        if !std::thread::panicking() && !left.is_empty() {
            panic!("processes left behind: {left:#?}");
        }
    }
}

/// Waits until no process of the test is left.
pub fn until_no_process(sandbox: &Sandbox) {
    until("all processes to end", LONG, || sandbox.processes().is_empty().then_some(()));
}
