//! Whether the site itself is ready for production: what would be a bad one is refused, with the way out.

mod django;
mod folders;
mod settings;

use anyhow::Result;

use super::deployment::Deployment;
use crate::ui::problem::Problem;

/// What was found.
#[derive(Debug, Default)]
pub struct Readiness {
    /// What production must not have: the fault, and the way out.
    pub faults: Vec<(String, String)>,
    /// What should be looked at.
    pub warnings: Vec<String>,
    /// What Django misses and Apache does.
    pub done_by_apache: Vec<String>,
}

impl Readiness {
    /// Refuses what production must not have.
    ///
    /// # Errors
    /// When there is a fault; all of them are listed.
    pub fn require(&self) -> Result<(), Problem> {
        if self.faults.is_empty() {
            return Ok(());
        }
        let list: Vec<String> = self.faults.iter().map(|(fault, way)| format!("  {fault}\n      → {way}")).collect();
        let count = self.faults.len();
        let what = if count == 1 { "one thing stands".to_owned() } else { format!("{count} things stand") };
        Err(Problem::findings(format!("{what} between the site and production"))
            .detail(list.join("\n"))
            .hint("nothing was written; mend these, then run the command again"))
    }

    fn fault(&mut self, fault: impl Into<String>, way_out: impl Into<String>) {
        self.faults.push((fault.into(), way_out.into()));
    }
}

/// Looks at the site as it would run in production.
///
/// # Errors
/// When its Python can't be run.
pub fn look(deployment: &Deployment) -> Result<Readiness> {
    let mut found = Readiness::default();
    settings::look(deployment, &mut found);
    folders::look(deployment, &mut found);
    settings::static_files(deployment, &mut found);
    django::look(deployment, &mut found)?;
    Ok(found)
}
