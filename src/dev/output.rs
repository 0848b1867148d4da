//! What Apache writes, made readable again: its log format escapes every byte that is not ASCII.

/// Module, level, process and message, without the date that a terminal does not need.
pub const ERROR_FORMAT: &str = "%-m %l %P %M";

/// Client agent, time, method, path with query, status, bytes and microseconds.
pub const ACCESS_FORMAT: &str = "%{User-Agent}i\\t%{%H:%M:%S}t\\t%m\\t%U%q\\t%>s\\t%B\\t%D";

/// The agent of our own requests, which are not worth a line.
pub const OWN_AGENT: &str = "djwsgi-dev";

/// A line from Apache, sorted by who is speaking.
#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    /// The site itself: print, logging, a traceback.
    Site(String),
    /// Apache or mod_wsgi, something the user should see.
    Server(String),
    /// Apache or mod_wsgi, of interest to the curious.
    Detail(String),
}

/// Sorts a line of the error log.
pub fn error_line(line: &str) -> Line {
    let mut parts = line.splitn(4, ' ');
    let (Some(module), Some(level), Some(pid), message) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Line::Site(line.to_owned());
    };
    if pid.is_empty() || !pid.bytes().all(|byte| byte.is_ascii_digit()) {
        // Apache before its log was open, or what the site and its child processes write to stderr.
        let by_apache = line.starts_with("AH")
            || line.contains(": AH")
            || line.starts_with("httpd:")
            || line.starts_with("apache2:");
        return if by_apache { Line::Server(line.to_owned()) } else { Line::Site(line.to_owned()) };
    }
    let message = unescape(message.unwrap_or_default());
    let message = without_script(message);
    let minor = matches!(level, "notice" | "info" | "debug") || level.starts_with("trace");
    match module {
        _ if minor => Line::Detail(message),
        "wsgi" if is_site_output(&message) => Line::Site(message),
        _ => Line::Server(message),
    }
}

/// mod_wsgi 6 puts "[script PATH] " before what a request prints.
fn without_script(message: String) -> String {
    const BEGIN: &str = "[script ";
    // The path may contain brackets: the file's name ends it.
    const ENDS: [&str; 2] = ["/django.wsgi]", "/slot.wsgi]"];
    let Some(rest) = message.strip_prefix(BEGIN) else { return message };
    let found = ENDS.iter().filter_map(|end| rest.split_once(end)).min_by_key(|(path, _)| path.len());
    match found {
        // An empty line has lost its space.
        Some((_, text)) => text.strip_prefix(' ').unwrap_or(text).to_owned(),
        None => message,
    }
}

/// mod_wsgi marks its own messages; everything else in its name came from Python.
fn is_site_output(message: &str) -> bool {
    let own = message.starts_with("mod_wsgi (pid=") || message.starts_with("[mod_wsgi");
    let coded = message.strip_prefix("WSGI").is_some_and(|rest| rest.as_bytes().iter().take(4).all(u8::is_ascii_digit));
    !own && !coded
}

/// A request as a line for the terminal; `None` for our own.
pub fn access_line(line: &str) -> Option<(String, u16)> {
    let fields: Vec<&str> = line.split('\t').collect();
    let [agent, time, method, path, status, bytes, micros] = fields[..] else {
        return Some((line.to_owned(), 0));
    };
    if agent == OWN_AGENT {
        return None;
    }
    let millis = micros.parse::<u64>().unwrap_or_default() as f64 / 1000.0;
    let millis = if millis < 10.0 { format!("{millis:.1}") } else { format!("{millis:.0}") };
    // The path stays escaped: a client chooses it, and the terminal would obey it.
    Some((format!("{time} {method} {path} {status} {bytes} B {millis} ms"), status.parse().unwrap_or(0)))
}

/// Undoes `ap_escape_errorlog_item` of httpd's server/util.c.
fn unescape(text: &str) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next() {
            Some(b'n') => bytes.push(b'\n'),
            Some(b'r') => bytes.push(b'\r'),
            Some(b't') => bytes.push(b'\t'),
            Some(b'b') => bytes.push(8),
            Some(b'v') => bytes.push(11),
            Some(b'x') => {
                let digits = [rest.next().unwrap_or(b'?'), rest.next().unwrap_or(b'?')];
                let value = std::str::from_utf8(&digits).ok().and_then(|digits| u8::from_str_radix(digits, 16).ok());
                match value {
                    Some(value) => bytes.push(value),
                    None => bytes.extend([b'\\', b'x', digits[0], digits[1]]),
                }
            }
            Some(other) => bytes.push(other),
            None => bytes.push(b'\\'),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sites_own_lines_come_back_as_written() {
        let line = r#"wsgi error 5491 \xc3\xa9 \t tab \\ back " quote"#;
        assert_eq!(error_line(line), Line::Site("é \t tab \\ back \" quote".to_owned()));
        assert_eq!(error_line("wsgi error 5491 "), Line::Site(String::new()));
        assert_eq!(error_line("wsgi error 12   File \"x\", line 1"), Line::Site("  File \"x\", line 1".to_owned()));
    }

    #[test]
    fn the_script_that_mod_wsgi_6_names_is_left_out() {
        let line = "wsgi error 1 [script /a [b] c/apache/django.wsgi]   File \"x\"";
        assert_eq!(error_line(line), Line::Site("  File \"x\"".to_owned()));
        assert_eq!(error_line("wsgi error 1 [script /a/django.wsgi]"), Line::Site(String::new()));
    }

    #[test]
    fn servers_and_details_are_told_apart() {
        assert!(matches!(error_line("wsgi error 1 mod_wsgi (pid=1): Exception"), Line::Server(_)));
        assert!(matches!(error_line("wsgi error 1 WSGI0135: Target"), Line::Server(_)));
        assert!(matches!(error_line("mpm_event notice 1 AH00489: Apache"), Line::Detail(_)));
        assert!(matches!(error_line("wsgi info 1 Stopping process 'mysite'."), Line::Detail(_)));
        assert!(matches!(error_line("core error 1 AH1"), Line::Server(_)));
        assert!(matches!(error_line("AH00526: Syntax error on line 1"), Line::Server(_)));
        assert_eq!(
            error_line("Thread 0x1 (most recent call first):"),
            Line::Site("Thread 0x1 (most recent call first):".to_owned())
        );
        assert_eq!(error_line("sub"), Line::Site("sub".to_owned()));
    }

    #[test]
    fn requests_are_shown_but_not_our_own() {
        let shown = access_line("curl\t12:00:01\tGET\t/a?b\t200\t12\t3456").unwrap();
        assert_eq!(shown, ("12:00:01 GET /a?b 200 12 B 3.5 ms".to_owned(), 200));
        assert_eq!(access_line("djwsgi-dev\t1\tGET\t/\t200\t1\t1"), None);
    }

    #[test]
    fn broken_escapes_do_no_harm() {
        assert_eq!(unescape(r"a\"), r"a\");
        assert_eq!(unescape(r"\xzz"), r"\xzz");
        assert_eq!(unescape(r"\x4"), r"\x4?");
    }
}
