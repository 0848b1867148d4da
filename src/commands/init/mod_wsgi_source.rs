//! Where the mod_wsgi of a new site comes from.

use anyhow::Result;

use crate::answers::Answers;
use crate::apache::locate::Apache;
use crate::apache::mod_wsgi;
use crate::cli::ModWsgiChoice;
use crate::python::interpreter::Interpreter;
use crate::ui::problem::Problem;
use crate::ui::prompt;
use crate::ui::term::Ui;

/// Where the new site's mod_wsgi comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// It is there already: in the active environment, or the distribution's.
    Present,
    /// `pip install mod_wsgi`
    Pypi,
    /// `pip install mod_wsgi-standalone`
    Standalone,
}

/// Decides where mod_wsgi comes from, asking before the long way is taken.
///
/// # Errors
/// When nothing fits the machine, or the question is not answered.
pub fn choose(ui: &Ui, choice: ModWsgiChoice, python: &Interpreter) -> Result<Source> {
    if python.mod_wsgi.is_some() && choice == ModWsgiChoice::Auto {
        return Ok(Source::Present);
    }
    let compiles = can_compile(python);
    let apache = Apache::of_machine(&Answers::asked());
    match choice {
        ModWsgiChoice::Distribution => {
            mod_wsgi::find(&without_own(python), &apache?)?;
            Ok(Source::Present)
        }
        ModWsgiChoice::Pypi => {
            let apache = apache?;
            require(
                apache.has_headers() && compiles,
                "compiling mod_wsgi needs Apache's and Python's headers and a C compiler",
                apache.headers_hint(),
            )?;
            Ok(Source::Pypi)
        }
        ModWsgiChoice::Standalone => {
            require(compiles, "compiling Apache and mod_wsgi needs Python's headers and a C compiler", "")?;
            Ok(Source::Standalone)
        }
        ModWsgiChoice::Auto => automatic(ui, python, apache, compiles),
    }
}

fn automatic(ui: &Ui, python: &Interpreter, apache: Result<Apache>, compiles: bool) -> Result<Source> {
    let error = match apache {
        Ok(apache) => match mod_wsgi::find(python, &apache) {
            Ok(_) => return Ok(Source::Present),
            Err(_) if apache.has_headers() && compiles => return Ok(Source::Pypi),
            Err(problem) => problem.into(),
        },
        Err(error) => error,
    };
    if !compiles {
        return Err(error);
    }
    ui.note(&format!("{error}. mod_wsgi-standalone from PyPI brings its own Apache; compiling it takes about ten minutes and needs no root"));
    if !ui.yes && !ui.interactive {
        return Err(with_standalone_hint(error));
    }
    if prompt::confirm(ui, "Compile it into the new site's environment?")? {
        Ok(Source::Standalone)
    } else {
        Err(error)
    }
}

/// Where nobody can be asked, the hint names the flag too.
fn with_standalone_hint(error: anyhow::Error) -> anyhow::Error {
    match error.downcast::<Problem>() {
        Ok(problem) => {
            let first = problem.hint.clone().unwrap_or_default();
            problem.hint(format!("{first}\n      or, without root: djwsgi init NAME --mod-wsgi standalone")).into()
        }
        Err(error) => error,
    }
}

/// The interpreter as if no mod_wsgi were installed in its environment.
fn without_own(python: &Interpreter) -> Interpreter {
    Interpreter { mod_wsgi: None, ..python.clone() }
}

fn can_compile(python: &Interpreter) -> bool {
    let compiler = ["cc", "gcc", "clang"].iter().any(|name| which::which(name).is_ok());
    compiler && python.include.join("Python.h").exists()
}

fn require(met: bool, message: &str, start: &str) -> Result<(), Problem> {
    if met {
        return Ok(());
    }
    let problem = Problem::environment(message);
    Err(match start.trim_end_matches(" && ") {
        "" => problem.hint("apt install python3-dev gcc make"),
        command => problem.hint(command),
    })
}
