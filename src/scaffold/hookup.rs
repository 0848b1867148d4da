//! The code monitor's hookup in a WSGI script.

/// The marker comment before it.
const BEGIN: &str = "# >>> djwsgi: code monitor";

/// Whether `text` starts the monitor `module` in any way.
pub fn is_in(text: &str, module: &str) -> bool {
    let import = format!("import {module}");
    let start = format!("{module}.start(");
    text.lines().any(|line| {
        let code = line.trim();
        code.starts_with(BEGIN) || code == import || code.starts_with(&start)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hookup_is_recognised_with_and_without_its_markers() {
        assert!(is_in("x\n    # >>> djwsgi: code monitor, dev\n", "m"));
        assert!(is_in("import a.monitor\na.monitor.start(interval=1.0)\n", "a.monitor"));
        assert!(!is_in("# nothing of import a.monitor\n", "a.monitor"));
    }
}
