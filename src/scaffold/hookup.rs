//! The code monitor's hookup in a WSGI script, between its two marker comments.

use std::path::Path;

use super::templates::python_literal;

const BEGIN: &str = "# >>> djwsgi: code monitor";
const END: &str = "# <<< djwsgi: code monitor";

/// `script` without its hookup, to be run from another place as if it were at `path`; `None` when
/// it has none.
pub fn without(script: &str, path: &Path) -> Option<String> {
    let mut text = format!("__file__ = {}\n", python_literal(path.to_str()?));
    let (mut inside, mut found) = (false, false);
    for line in script.lines() {
        let code = line.trim_start();
        if code.starts_with(BEGIN) {
            (inside, found) = (true, true);
            // The block it stands in must not become empty.
            let indent = &line[..line.len() - code.len()];
            text.push_str(&format!("{indent}pass\n"));
        } else if code.starts_with(END) {
            inside = false;
        } else if !inside {
            text.push_str(line);
            text.push('\n');
        }
    }
    (found && !inside).then_some(text)
}

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
    fn the_hookup_is_cut_out() {
        let script = "x = 1\ntry:\n    y\nfinally:\n    # >>> djwsgi: code monitor, dev\n    import m\n    # <<< djwsgi: code monitor\nz\n";
        let cut = without(script, Path::new("/a\"b")).unwrap();
        assert_eq!(cut, "__file__ = \"/a\\\"b\"\nx = 1\ntry:\n    y\nfinally:\n    pass\nz\n");
        assert_eq!(without("x = 1\n", Path::new("/a")), None);
        assert_eq!(without("# >>> djwsgi: code monitor\nx\n", Path::new("/a")), None);
    }
}
