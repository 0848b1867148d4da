//! The WSGI callable that a site is served through.

use super::name;

/// A WSGI callable in a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// Dotted module.
    pub module: String,
    /// Name in it.
    pub callable: String,
}

impl Application {
    /// Reads "module:callable", or Django's "module.callable".
    pub fn parse(text: &str) -> Option<Self> {
        let (module, callable) = text.split_once(':').or_else(|| text.rsplit_once('.'))?;
        let valid = module.split('.').all(name::is_identifier) && name::is_identifier(callable);
        valid.then(|| Self { module: module.to_owned(), callable: callable.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn applications_are_read_in_both_notations() {
        let application = Application::parse("config.wsgi:app");
        assert_eq!(application, Application::parse("config.wsgi.app"));
        assert_eq!(Application::parse("os; x"), None);
        assert_eq!(Application::parse("nothing"), None);
    }
}
