//! Where a site's code monitor lives.

use std::fs;
use std::path::{Path, PathBuf};

use super::name::is_identifier;
use crate::files::GENERATED;

/// Where monitor.py lives and how it is imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonitorPlace {
    /// Dotted module, for example "mysite.monitor".
    pub module: String,
    /// The file.
    pub file: PathBuf,
}

impl MonitorPlace {
    /// The same place, or one of another name beside it where the site has a monitor.py of its own.
    pub fn beside_own(self) -> Self {
        let own = fs::read_to_string(&self.file).is_ok_and(|text| !text.starts_with(GENERATED));
        if !own {
            return self;
        }
        let parent = self.module.strip_suffix("monitor").unwrap_or_default();
        Self { module: format!("{parent}djwsgi_monitor"), file: self.file.with_file_name("djwsgi_monitor.py") }
    }

    /// Beside the settings: in the folder of settings.py, or of a settings package.
    pub fn beside(root: &Path, settings: &str, settings_file: Option<&Path>) -> Self {
        let at_root = Self { module: "monitor".to_owned(), file: root.join("monitor.py") };
        let Some(file) = settings_file else { return at_root };
        let installed = file.iter().any(|part| part == "site-packages" || part == "dist-packages");
        let (Some(mut folder), false) = (file.parent(), installed) else { return at_root };
        let mut package: Vec<&str> = settings.split('.').collect();
        package.pop();
        let is_package = file.file_name().is_some_and(|name| name == "__init__.py");
        if is_package || package.last() == Some(&"settings") {
            if !is_package {
                package.pop();
            }
            folder = folder.parent().unwrap_or(folder);
        }
        if !package.iter().all(|part| is_identifier(part)) {
            return at_root;
        }
        package.push("monitor");
        Self { module: package.join("."), file: folder.join("monitor.py") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(settings: &str, file: &str) -> (String, String) {
        let place = MonitorPlace::beside(Path::new("/s"), settings, Some(Path::new(file)));
        (place.module, place.file.display().to_string())
    }

    #[test]
    fn the_monitor_lives_beside_the_settings() {
        let expected = |module: &str, file: &str| (module.to_owned(), file.to_owned());
        assert_eq!(
            place("mysite.settings", "/s/mysite/settings.py"),
            expected("mysite.monitor", "/s/mysite/monitor.py")
        );
        assert_eq!(
            place("config.settings.dev", "/s/config/settings/dev.py"),
            expected("config.monitor", "/s/config/monitor.py")
        );
        assert_eq!(
            place("config.settings", "/s/config/settings/__init__.py"),
            expected("config.monitor", "/s/config/monitor.py")
        );
        assert_eq!(place("my-site.settings", "/s/my-site/settings.py"), expected("monitor", "/s/monitor.py"));
        assert_eq!(place("settings", "/s/settings.py"), expected("monitor", "/s/monitor.py"));
        assert_eq!(place("settings.dev", "/s/settings/dev.py"), expected("monitor", "/s/monitor.py"));
        assert_eq!(
            place("shared.settings", "/v/lib/site-packages/shared/settings.py"),
            expected("monitor", "/s/monitor.py")
        );
    }
}
