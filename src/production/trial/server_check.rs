//! What the real Apache says of a production config, and what it does not say but we do.

use anyhow::Result;

use super::place::{Folders, Place, Ports};
use super::rehearsal::{self, Rehearsal};
use crate::apache::check;
use crate::files;
use crate::production::deployment::Deployment;
use crate::production::{modules, secrets};
use crate::scaffold::hookup;
use crate::scaffold::plan::Wanted;
use crate::ui::problem::Problem;

/// Nothing listens while Apache only reads the config.
const NO_PORTS: Ports = Ports { http: 65_532, https: 65_533, buffer: 65_534, bare: 65_535 };

/// Has this machine's Apache read the config. `Some` tells why it could not.
///
/// # Errors
/// When Apache does not accept it.
pub fn syntax(deployment: &Deployment, conf: &str) -> Result<Option<String>> {
    let Some(apache) = deployment.apache else {
        return Ok(Some("there is no Apache on this machine".to_owned()));
    };
    let missing = modules::missing(deployment, apache);
    if !missing.is_empty() {
        return Ok(Some(format!("{} has no {}", apache.binary.display(), missing.join(", "))));
    }
    let folder = tempfile::Builder::new()
        .prefix("djwsgi-check-")
        .tempdir()
        .map_err(|error| files::unwritable(&std::env::temp_dir().join("djwsgi-check"), error))?;
    let place = Place { folder: folder.path(), ports: NO_PORTS, served: Folders::Own };
    let rehearsal = Rehearsal::of(deployment, apache, conf, &place)?;
    rehearsal::lay_out(&rehearsal)?;
    match check::syntax(apache, &rehearsal.conf())? {
        Ok(()) => Ok(None),
        Err(complaint) => Err(Problem::findings("Apache does not accept the config").detail(complaint).into()),
    }
}

/// What must be impossible: a monitor, a value of the site's secret variables.
///
/// # Errors
/// When one of `files` has it: a fault of djwsgi.
pub fn refuse_leaks<'a>(deployment: &Deployment, files: impl Iterator<Item = &'a Wanted>) -> Result<(), Problem> {
    let module = &deployment.site.monitor.module;
    for file in files {
        let name = file.path.file_name().unwrap_or_default().display();
        if hookup::is_in(&file.text, module) {
            return Err(Problem::findings(format!("the code monitor stands in {name}; this is a fault of djwsgi")));
        }
        if let Some((variable, _)) = secrets::kept(deployment.site).find(|(_, value)| file.text.contains(value)) {
            return Err(Problem::findings(format!("the value of {variable} would stand in {name}"))
                .hint("is it in a path or a setting that Apache's config needs? choose another value"));
        }
    }
    Ok(())
}
