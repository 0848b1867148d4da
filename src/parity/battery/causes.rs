//! Which directive, or whose work, is behind a fact: for whoever looks for what is wrong in a config.

use serde::Serialize;

/// Who makes a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Maker {
    /// Apache itself, or one of its own modules.
    Apache,
    /// mod_wsgi, between Apache and Python.
    #[serde(rename = "mod_wsgi")]
    ModWsgi,
    /// Django: its settings, its runserver, or the site.
    Django,
}

impl Maker {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Apache => "Apache",
            Self::ModWsgi => "mod_wsgi",
            Self::Django => "Django",
        }
    }
}

/// What is behind facts of requests.
pub struct Cause {
    /// The requests; all, if none is named.
    requests: &'static [&'static str],
    /// The facts; all, if none is named.
    facts: &'static [&'static str],
    /// Whose work.
    pub maker: Maker,
    /// The directives.
    pub why: &'static str,
}

/// The first that fits counts.
const CAUSES: &[Cause] = &[
    cause(
        &["Authorization", "Authorization, a token"],
        &["Authorization"],
        Maker::ModWsgi,
        "WSGIPassAuthorization: with Off the application does not see the header",
    ),
    cause(
        &["config"],
        &["AllowEncodedSlashes"],
        Maker::Apache,
        "it stands otherwise in the config; vhosts do not inherit it",
    ),
    cause(
        &["config"],
        &["application group"],
        Maker::ModWsgi,
        "it stands otherwise in the config: anything but %{GLOBAL} makes a sub-interpreter where it counts",
    ),
    cause(&["config"], &[], Maker::ModWsgi, "it stands otherwise in the config"),
    cause(&["http"], &[], Maker::Apache, "RedirectMatch of the vhost for HTTP"),
    cause(&["%2F"], &[], Maker::Apache, "AllowEncodedSlashes: Off refuses %2F, On and NoDecode let it through"),
    cause(
        &["interpreter"],
        &["interpreter"],
        Maker::ModWsgi,
        "application-group or WSGIApplicationGroup: the site runs in a sub-interpreter if it is not %{GLOBAL}",
    ),
    cause(
        &["locale and file names"],
        &[],
        Maker::ModWsgi,
        "lang= and locale= of WSGIDaemonProcess: in the C locale file names and output are ASCII",
    ),
    cause(&["output"], &["print of ü"], Maker::ModWsgi, "lang= and locale= of WSGIDaemonProcess"),
    cause(&["output"], &[], Maker::ModWsgi, "ErrorLog, LogLevel, WSGIRestrictStdout"),
    cause(
        &["processes and threads"],
        &[],
        Maker::ModWsgi,
        "processes= and threads= of WSGIDaemonProcess; processes=1 written out makes wsgi.multiprocess true",
    ),
    cause(
        &["interpreter"],
        &["umask", "user", "working directory", "environment", "python", "sys.path"],
        Maker::ModWsgi,
        "umask=, user=, home=, python-home= and python-path= of WSGIDaemonProcess, or the script",
    ),
    cause(
        &["interpreter"],
        &["settings", "DEBUG", "variables", "time zone"],
        Maker::Django,
        "the WSGI script: DJANGO_SETTINGS_MODULE, and the variables that it sets or reads",
    ),
    cause(&["chunked POST"], &[], Maker::ModWsgi, "WSGIChunkedRequest: On takes requests without a length"),
    cause(
        &["POST of 1 MB", "upload of 3 MB", "POST over the limit", "PUT"],
        &["answer", "body"],
        Maker::Apache,
        "LimitRequestBody, or another limit of the body",
    ),
    cause(&["header of 8 kB", "header of 9 kB"], &[], Maker::Apache, "LimitRequestFieldSize"),
    cause(&["PUT", "OPTIONS", "an unusual method"], &[], Maker::Apache, "AllowMethods, Limit"),
    cause(&["TRACE"], &[], Maker::Apache, "TraceEnable"),
    cause(&["a hidden name"], &[], Maker::Apache, "RedirectMatch for hidden files"),
    cause(&["//", "// first"], &[], Maker::Apache, "MergeSlashes, or how the request is passed on"),
    cause(
        &["dot segments", "dot segments, encoded", "dot segments, too many"],
        &[],
        Maker::Apache,
        "how the request is passed on, or rewritten",
    ),
    cause(&[], &["mount", "reversed URL"], Maker::ModWsgi, "WSGIScriptAlias: where the site is mounted"),
    cause(
        &["X-Forwarded-Proto", "X-Forwarded-Proto, in Django", "X-Forwarded-For"],
        &[],
        Maker::Apache,
        "RequestHeader unset, and WSGITrustedProxies: whose headers are believed",
    ),
    cause(&["another Host"], &[], Maker::Apache, "the first vhost, ServerAlias, StrictHostCheck"),
    cause(&["compression"], &["coding"], Maker::Apache, "AddOutputFilterByType, SetOutputFilter"),
    cause(&["streaming", "client leaves early"], &[], Maker::Apache, "a filter or a proxy that holds answers back"),
    cause(&["Range"], &[], Maker::Apache, "ProxyPass: a proxy serves ranges of what the site answers"),
    cause(
        &[],
        &["headers", "X-Request-ID", "X-Frame-Options", "Cache-Control", "cookies"],
        Maker::Apache,
        "Header, RequestHeader",
    ),
    cause(&[], &["Server"], Maker::Apache, "ServerTokens"),
    cause(
        &[],
        &["scheme", "HTTPS", "secure", "absolute URL"],
        Maker::Apache,
        "SSLEngine, or headers that say how the client asked",
    ),
    cause(
        &["GET"],
        &["URI", "server name", "client", "Host", "protocol"],
        Maker::Apache,
        "UseCanonicalName, ProxyPreserveHost, or how the request is passed on",
    ),
    cause(
        &[
            "static file",
            "static file, HEAD",
            "static file, Range",
            "static file, conditional",
            "static file, POST",
            "static file/",
            "static/",
            "static",
            "no such static file",
        ],
        &[],
        Maker::Apache,
        "Alias and Directory of static files; without STATIC_ROOT nobody serves them",
    ),
    cause(
        &["APPEND_SLASH", "APPEND_SLASH, POST", "no such page", "subpath", "a view that breaks"],
        &[],
        Maker::Django,
        "settings and middleware of the site",
    ),
];

const fn cause(
    requests: &'static [&'static str],
    facts: &'static [&'static str],
    maker: Maker,
    why: &'static str,
) -> Cause {
    Cause { requests, facts, maker, why }
}

/// What is behind `fact` of `request`.
pub fn of(request: &str, fact: &str) -> Option<&'static Cause> {
    CAUSES.iter().find(|cause| is_among(cause.requests, request) && is_among(cause.facts, fact))
}

/// Whether `names` has `name`, or is for all.
pub fn is_among(names: &[&str], name: &str) -> bool {
    names.is_empty() || names.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parity::battery::requests::REQUESTS;

    #[test]
    fn causes_are_of_requests_and_facts_that_there_are() {
        for Cause { requests, facts, .. } in CAUSES {
            let asked = |name: &str| REQUESTS.iter().any(|request| request.name == name);
            assert!(requests.iter().all(|name| asked(name)), "{requests:?}");
            let told =
                |fact: &&str| REQUESTS.iter().any(|one| is_among(requests, one.name) && one.facts.contains(fact));
            assert!(facts.iter().all(told), "{facts:?} of {requests:?}");
        }
    }
}
