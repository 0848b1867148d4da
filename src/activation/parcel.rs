//! A generated set of files, as it lies in its output folder.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Result;

use super::layout;
use crate::files;
use crate::production::manifest::{self, Manifest};
use crate::ui::problem::Problem;

/// The variables of the site.
pub const SECRETS: &str = "secrets.env";

/// A file larger than this is none that was generated.
const LARGEST: u64 = 4 * 1024 * 1024;

/// The files of a set, and what it says of itself.
pub struct Parcel {
    /// What it says of itself.
    pub manifest: Manifest,
    /// Names and texts.
    pub files: Vec<(String, String)>,
}

impl Parcel {
    /// Reads the set in `folder`.
    ///
    /// # Errors
    /// When it is none, is not whole, or is for a container.
    pub fn read(folder: &Path) -> Result<Self> {
        let name = folder.display();
        let hint = format!("djwsgi deploy-config --prod --output {name} makes one");
        let text = file(&folder.join(manifest::FILE))?;
        let Some(text) = text else {
            let is_image = folder.join("Containerfile").exists();
            return Err(if is_image {
                Problem::usage(format!("{name} is for a container, which is replaced whole"))
                    .hint(format!("{} has the steps", folder.join("DEPLOY.md").display()))
            } else {
                Problem::usage(format!("{name} is no deployment: it has no {}", manifest::FILE)).hint(hint)
            }
            .into());
        };
        let manifest = Manifest::read(&folder.join(manifest::FILE), &text)?;
        layout::check(&manifest)?;
        let mut files = vec![(manifest::FILE.to_owned(), text)];
        for wanted in layout::names(&manifest) {
            let text = file(&folder.join(&wanted))?;
            let text =
                text.ok_or_else(|| Problem::usage(format!("{name} is not whole: {wanted} is missing")).hint(&hint))?;
            files.push((wanted, text));
        }
        files.extend(file(&folder.join(SECRETS))?.map(|text| (SECRETS.to_owned(), text)));
        Ok(Self { manifest, files })
    }

    /// The text of a file.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.files.iter().find(|(own, _)| own == name).map(|(_, text)| text.as_str())
    }

    /// The variables, if somebody has filled them in.
    pub fn variables(&self) -> Option<&str> {
        let is_set = |line: &str| !line.trim_start().starts_with('#') && line.contains('=');
        self.text(SECRETS).filter(|text| text.lines().any(is_set))
    }
}

/// The text of a file of a set; `None` where it is not there. A link may lead to what only root may read.
fn file(path: &Path) -> Result<Option<String>> {
    let options = File::options().read(true).custom_flags(nix::libc::O_NOFOLLOW | nix::libc::O_NONBLOCK).open(path);
    let opened = match options {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(nix::libc::ELOOP) => {
            return Err(Problem::refused(format!("{} is a symbolic link", path.display())).into());
        }
        Err(error) => return Err(files::unreadable(path, error)),
    };
    let is_file = opened.metadata().is_ok_and(|meta| meta.is_file() && meta.len() <= LARGEST);
    let mut text = String::new();
    if !is_file || opened.take(LARGEST).read_to_string(&mut text).is_err() {
        return Err(Problem::usage(format!("{} is no file that was generated", path.display())).into());
    }
    Ok(Some(text))
}
