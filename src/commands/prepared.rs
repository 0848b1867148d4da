//! A site as production sees it, for the commands that are about production.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::answers::Answers;
use crate::apache::locate::Apache;
use crate::apache::mod_wsgi::{self, ModWsgi};
use crate::cli::{ProductionArgs, SiteArgs};
use crate::production::deployment::Deployment;
use crate::production::secrets;
use crate::site::config::Layers;
use crate::site::resolve::Site;
use crate::ui::problem::{Exit, Problem};
use crate::ui::term::Ui;

/// The site and the server that a deployment is made of.
pub struct Prepared {
    site: Site,
    apache: Option<Apache>,
    mod_wsgi: ModWsgi,
}

impl Prepared {
    /// Asks the site at `root` with the variables of production.
    ///
    /// # Errors
    /// When something is missing or wrong.
    pub fn of(ui: &Ui, root: &Path, args: &SiteArgs, production: &ProductionArgs) -> Result<Self> {
        let variables = secrets::to_check_with(root, production.env_file.as_deref())?;
        let site = Site::with_variables(root, args, Layers::All, Some(variables), &Answers::asked())?;
        let settings = args.settings.as_deref().unwrap_or_else(|| site.production_settings()).to_owned();
        let site = site.for_production(args.settings.as_deref()).map_err(|error| unloadable(&settings, error))?;
        let (apache, mod_wsgi) = server(ui, &site)?;
        Ok(Self { site, apache, mod_wsgi })
    }

    /// Decides everything about the deployment.
    ///
    /// # Errors
    /// When a flag or a setting is wrong or missing.
    pub fn deployment(&self, production: &ProductionArgs) -> Result<Deployment<'_>, Problem> {
        Deployment::of(&self.site, production, self.apache.as_ref(), &self.mod_wsgi)
    }
}

/// What is missing is most often a variable that the server's environment has.
fn unloadable(settings: &str, error: anyhow::Error) -> anyhow::Error {
    match error.downcast::<Problem>() {
        Ok(problem) if problem.exit == Exit::Interrupted => problem.into(),
        Ok(mut problem) => {
            problem.message = format!("{settings}, the settings of production: {}", problem.message);
            problem.hint("--env-file FILE gives them the variables of production").into()
        }
        Err(error) => error,
    }
}

/// The Apache that checks the config, and the mod_wsgi that it names. A machine without Apache
/// can still make a config for one that has the distribution's.
///
/// # Errors
/// When the site's mod_wsgi does not fit.
pub fn server(ui: &Ui, site: &Site) -> Result<(Option<Apache>, ModWsgi)> {
    if site.python.mod_wsgi.is_none() && !Apache::is_installed() {
        ui.note("Apache is not installed here; the config is for one with the distribution's mod_wsgi");
        let mod_wsgi = ModWsgi { path: PathBuf::new(), version: String::new(), from_distribution: true };
        return Ok((None, mod_wsgi));
    }
    let apache = Apache::for_python(&site.python, &Answers::asked())?;
    let mod_wsgi = mod_wsgi::find(&site.python, &apache)?;
    Ok((Some(apache), mod_wsgi))
}
