//! Production configs that somebody has edited: whatever the edit, it is reported.

use std::cell::Cell;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestCaseError;

use super::production::fail;
use super::site::{Given, given};
use super::{Often, batches};
use crate::answers::Answers;
use crate::apache::locate::Apache;
use crate::apache::mod_wsgi::ModWsgi;
use crate::parity::config::{Configs, There};
use crate::parity::difference::Kind;
use crate::production::deployment::Deployment;
use crate::production::output::conf;
use crate::ui::problem::Problem;

/// Directives of all kinds; N is a number.
const ADDED: [&str; 24] = [
    "AllowEncodedSlashes NoDecode",
    "WSGIPassAuthorization Off",
    "WSGIScriptReloading On",
    "WSGIChunkedRequest On",
    "WSGIApplicationGroup %{RESOURCE}",
    "TimeOut N",
    "KeepAlive Off",
    "SetEnv A N",
    "PassEnv HOME",
    "Header always set X-A N",
    "Header unset X-Frame-Options",
    "RequestHeader set X-Forwarded-For N",
    "LimitRequestBody N",
    "AcceptPathInfo On",
    "FileETag None",
    "ServerAdmin a@N.example",
    "ErrorDocument 404 N",
    "AddDefaultCharset utf-N",
    "HostnameLookups On",
    "LogLevel debug",
    "Alias /N/ /tmp/N/",
    "AddType text/x-N .n",
    "RewriteEngine On",
    "<Location /N>\nRequire all granted\n</Location>",
];

/// How what is added gets its effect.
#[derive(Clone, Copy, Debug)]
enum Way {
    Plain,
    IfModule,
    IfDefine,
    Variable,
    Include,
}

#[derive(Clone, Debug)]
enum Edit {
    Remove(Index),
    Change(Index, Index, String),
    Move(Index, Index),
    Add(Index, Index, u16, Way),
    Option(Index, u16),
}

fn edit() -> impl Strategy<Value = Edit> {
    let index = any::<Index>;
    let ways = [Way::Plain, Way::IfModule, Way::IfDefine, Way::Variable, Way::Include];
    let way = proptest::sample::select(ways.to_vec());
    prop_oneof![
        index().prop_map(Edit::Remove),
        (index(), index(), "[a-z0-9]{1,3}").prop_map(|(line, word, text)| Edit::Change(line, word, text)),
        (index(), index()).prop_map(|(from, to)| Edit::Move(from, to)),
        (index(), index(), 10..1000_u16, way)
            .prop_map(|(line, which, number, way)| Edit::Add(line, which, number, way)),
        (index(), 10..1000_u16).prop_map(|(which, number)| Edit::Option(which, number)),
    ]
}

#[test]
fn an_edited_config_is_always_reported() {
    let apache = Apache::of_machine(&Answers::asked()).unwrap_or_else(|error| panic!("{error}"));
    let path = apache.modules.join("mod_wsgi.so");
    let mod_wsgi = ModWsgi { path, version: "4.9.4".to_owned(), from_distribution: true };
    let (tried, read) = (Cell::new(0), Cell::new(0));
    let edits = proptest::collection::vec(edit(), 4);
    batches(&Often::Tenth, (given(), edits), 10, |all| {
        for (given, edits) in &all {
            let site =
                Given { names: (None, "www.example.org".to_owned(), None), ..given.tame() }.site().map_err(fail)?;
            let deployment = Deployment::of(&site, &given.args(), Some(&apache), &mod_wsgi);
            let deployment = deployment.map_err(|error| fail(error.into()))?;
            let text = conf::render(&deployment).map_err(fail)?;
            let mut configs = Configs::of(&site, &deployment, &apache).map_err(fail)?;
            let mut look = |text: String| configs.differences(Some(&There { name: "httpd.conf".to_owned(), text }));
            let untouched = look(text.clone()).map_err(fail)?;
            let unexplained: Vec<_> = untouched.iter().filter(|one| one.reason.is_none()).collect();
            prop_assert!(unexplained.is_empty(), "{:#?}", unexplained);
            let folder = tempfile::tempdir()?;
            for edit in edits {
                let Some(edited) = edited(&text, edit, folder.path())? else { continue };
                tried.set(tried.get() + 1);
                match look(edited) {
                    Ok(found) => {
                        read.set(read.get() + 1);
                        let is_reported = found.iter().any(|one| one.kind == Kind::Edit && one.reason.is_none());
                        prop_assert!(is_reported, "{:?} of\n{}", edit, text);
                    }
                    // Apache does not accept every edit, and says so.
                    Err(error) => prop_assert!(error.downcast_ref::<Problem>().is_some(), "{error:#}"),
                }
            }
        }
        Ok(())
    });
    assert!(read.get() * 2 > tried.get(), "Apache accepted {} of {}", read.get(), tried.get());
}

/// Lines of a config that say something by themselves, and those before which one can be added.
struct Lines<'a> {
    all: Vec<&'a str>,
    saying: Vec<usize>,
    open: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        let all: Vec<&str> = text.lines().collect();
        let (mut saying, mut open) = (Vec::new(), Vec::new());
        // What depends on modules that are not there says nothing.
        let (mut is_off, mut continues) = (false, false);
        for (index, line) in all.iter().enumerate() {
            let line = line.trim();
            is_off |= line.starts_with("<IfModule !");
            if !is_off && !continues {
                open.push(index);
            }
            let is_condition = line.starts_with("<IfModule") || line == "</IfModule>";
            if !is_off && !is_condition && !line.is_empty() && !line.starts_with('#') {
                saying.push(index);
            }
            is_off &= line != "</IfModule>";
            continues = line.ends_with('\\');
        }
        Self { all, saying, open }
    }

    /// Whether the line is a whole directive.
    fn is_whole(&self, index: usize) -> bool {
        let ends = |index: usize| self.all[index].ends_with('\\');
        !self.all[index].trim().starts_with('<') && !ends(index) && (index == 0 || !ends(index - 1))
    }

    /// The text with the line at `index` replaced.
    fn with(&self, index: usize, line: Option<&str>) -> String {
        let lines = self.all.iter().enumerate().filter_map(|(own, text)| if own == index { line } else { Some(text) });
        lines.map(|line| format!("{line}\n")).collect()
    }
}

/// The edited text; `None` if the edit says the same as before.
fn edited(text: &str, edit: &Edit, folder: &Path) -> Result<Option<String>, TestCaseError> {
    let lines = Lines::of(text);
    Ok(match edit {
        Edit::Remove(index) => {
            let line = *index.get(&lines.saying);
            // A line that goes on has something to say itself.
            (lines.all[line].trim() != "\\").then(|| lines.with(line, None))
        }
        Edit::Change(index, word, text) => {
            let line = *index.get(&lines.saying);
            changed(lines.all[line], word, text).map(|new| lines.with(line, Some(&new)))
        }
        Edit::Move(from, to) => moved(&lines, *from.get(&lines.saying), *to.get(&lines.open)),
        Edit::Add(index, which, number, way) => {
            let added = which.get(&ADDED).replace('N', &number.to_string());
            let line = *index.get(&lines.open);
            let added = by(*way, &added, &folder.join(format!("{number}.conf")))?;
            Some(lines.with(line, Some(&format!("{added}\n{}", lines.all[line]))))
        }
        Edit::Option(which, number) => {
            let options = ["threads", "processes", "request-timeout", "umask", "lang", "python-path", "user", "home"];
            let option = which.get(&options);
            let value = if ["python-path", "home"].contains(option) { "/tmp/N" } else { "N" };
            let value = value.replace('N', &number.to_string());
            let is_last = |line: &&usize| lines.all[**line].trim_start().starts_with("lang=");
            let line = lines.saying.iter().find(is_last).copied();
            line.map(|line| lines.with(line, Some(&format!("{} {option}={value}", lines.all[line]))))
        }
    })
}

/// A line with `text` at the end of one of its words, the first left out.
fn changed(line: &str, word: &Index, text: &str) -> Option<String> {
    let mut ends: Vec<usize> = line.match_indices([' ', '"']).map(|(index, _)| index).collect();
    ends.extend((!line.ends_with(['"', '\\', '>'])).then_some(line.len()));
    let start = line.len() - line.trim_start().len();
    let first = line[start..].find(' ').map(|index| index + start)?;
    ends.retain(|end| *end > first + 1 && !line[..*end].ends_with([' ', '"']));
    let end = (!ends.is_empty()).then(|| *word.get(&ends))?;
    Some(format!("{}{text}{}", &line[..end], &line[end..]))
}

/// A directive moved beyond another one.
fn moved(lines: &Lines, from: usize, to: usize) -> Option<String> {
    let beyond = if from < to { from + 1..to } else { to..from };
    let differs =
        lines.saying.iter().any(|line| beyond.contains(line) && lines.all[*line].trim() != lines.all[from].trim());
    // What is loaded or defined is so from there on.
    let is_early = ["LoadModule ", "Define ", "ServerRoot ", "DefaultRuntimeDir "]
        .iter()
        .any(|name| lines.all[from].starts_with(name));
    let is_beyond_early_only = beyond.clone().all(|line| {
        !lines.saying.contains(&line)
            || lines.all[line].starts_with("LoadModule ")
            || lines.all[line].starts_with("DefaultRuntimeDir ")
            || lines.all[line].starts_with("ServerRoot ")
    });
    (lines.is_whole(from) && differs && !is_early && !is_beyond_early_only).then(|| {
        let mut all: Vec<&str> = lines.all.clone();
        let line = all.remove(from);
        all.insert(if from < to { to - 1 } else { to }, line);
        all.join("\n") + "\n"
    })
}

fn by(way: Way, added: &str, file: &Path) -> Result<String, TestCaseError> {
    Ok(match way {
        Way::Plain => added.to_owned(),
        Way::IfModule => format!("<IfModule core.c>\n{added}\n</IfModule>"),
        Way::IfDefine => format!("<IfDefine !NOBODY_DEFINES_IT>\n{added}\n</IfDefine>"),
        Way::Variable => match added.split_once(' ').filter(|_| !added.contains('\n')) {
            Some((name, value)) => format!("Define ADDED \"{value}\"\n{name} ${{ADDED}}"),
            None => added.to_owned(),
        },
        Way::Include => {
            std::fs::write(file, added)?;
            format!("Include \"{}\"", file.display())
        }
    })
}
