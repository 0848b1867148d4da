//! The requests of the battery.

use super::directives;

/// A request, and what is looked at in its answers.
pub struct Request {
    /// A word or two for it.
    pub name: &'static str,
    /// What is asked for.
    pub wanted: Wanted,
    /// HTTP method.
    pub method: &'static str,
    /// URL path with query string; `{page}`: a path of the battery's own in the site, `{base}`: the front page,
    /// `{static}`: a static file, `{files}`: their folder.
    pub target: &'static str,
    /// How it is sent.
    pub via: Via,
    /// Headers.
    pub headers: &'static [(&'static str, Value)],
    /// Body.
    pub body: Body,
    /// What is looked at.
    pub facts: &'static [&'static str],
}

/// Who is to answer, and with what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The probe: what reached the application.
    Environ,
    /// The probe: and how the process is that runs it.
    Process,
    /// The probe, after it has written something everywhere.
    Output,
    /// The probe: nothing, it raises an exception.
    Failure,
    /// A page of the probe's below Django and the site's middleware.
    Page,
    /// Such a page that comes in two parts.
    Stream,
    /// Such a page that the client does not read to its end.
    Endless,
    /// The site itself.
    Site,
    /// Whoever serves static files.
    Static,
    /// The site itself, as its visitors ask it.
    Visit,
    /// The config, which is read only.
    Config,
}

impl Wanted {
    /// The word by which the probe knows it; `None` where it is not asked.
    pub fn word(self) -> Option<&'static str> {
        match self {
            Self::Environ => Some("environ"),
            Self::Process => Some("process"),
            Self::Output => Some("output"),
            Self::Failure => Some("raise"),
            Self::Page | Self::Stream | Self::Endless => Some("page"),
            // But for the redirect to https, which would be the answer to everything in development.
            Self::Site | Self::Static => Some("site"),
            Self::Visit | Self::Config => None,
        }
    }

    /// Whether the probe is to answer, or a page of its own.
    pub fn is_the_probes(self) -> bool {
        !matches!(self, Self::Site | Self::Static | Self::Visit | Self::Config)
    }
}

/// How a request is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// As users do: encrypted where the site is.
    Usual,
    /// To the port for HTTP.
    Http,
}

/// The value of a header.
pub enum Value {
    /// As it is.
    Is(&'static str),
    /// So many bytes.
    Long(usize),
    /// That of this header of the first answer to the same target.
    Of(&'static str),
}

/// A request's body.
#[derive(Clone, Copy)]
pub enum Body {
    /// None.
    None,
    /// So many bytes.
    Bytes(usize),
    /// So many bytes, in chunks.
    Chunked(usize),
    /// A file of so many bytes, as a form sends it.
    Form(usize),
    /// One byte more than production takes.
    TooLarge,
}

/// A plain request.
const GET: Request = Request {
    name: "",
    wanted: Wanted::Environ,
    method: "GET",
    target: "{page}",
    via: Via::Usual,
    headers: &[],
    body: Body::None,
    facts: &["answer"],
};

use Value::{Is, Long, Of};

/// All of them, in order.
pub const REQUESTS: &[Request] = &[
    Request {
        name: "GET",
        target: "{page}plain/?a=1&b=%20c",
        facts: &[
            "answer",
            "method",
            "path",
            "mount",
            "query",
            "URI",
            "protocol",
            "Host",
            "server name",
            "client",
            "scheme",
            "HTTPS",
            "forwarded",
            "run once",
            "file wrapper",
            "X-Request-ID",
            "Server",
            "headers",
        ],
        ..GET
    },
    Request { name: "processes and threads", facts: &["answer", "multiprocess", "multithread"], ..GET },
    Request {
        name: "interpreter",
        wanted: Wanted::Process,
        facts: &[
            "answer",
            "interpreter",
            "python",
            "environment",
            "sys.path",
            "optimize",
            "working directory",
            "umask",
            "user",
            "settings",
            "DEBUG",
            "variables",
            "time zone",
        ],
        ..GET
    },
    Request {
        name: "locale and file names",
        wanted: Wanted::Process,
        facts: &["answer", "locale", "file names", "files", "listing", "opening"],
        ..GET
    },
    Request {
        name: "Authorization",
        headers: &[("Authorization", Is("Basic cGFyaXR5OnBhcml0eQ=="))],
        facts: &["answer", "Authorization"],
        ..GET
    },
    Request {
        name: "Authorization, a token",
        headers: &[("Authorization", Is("Bearer parity.parity"))],
        facts: &["answer", "Authorization"],
        ..GET
    },
    Request { name: "%2F", target: "{page}a%2Fb", facts: &["answer", "path", "URI"], ..GET },
    Request { name: "//", target: "{page}a//b///c", facts: &["answer", "path", "URI"], ..GET },
    Request { name: "// first", target: "/{page}a", facts: &["answer", "path", "mount"], ..GET },
    Request { name: "dot segments", target: "{page}a/./b/../c", facts: &["answer", "path", "URI"], ..GET },
    Request { name: "dot segments, encoded", target: "{page}a/%2e%2e/c", facts: &["answer", "path", "URI"], ..GET },
    Request { name: "dot segments, too many", target: "{base}../../../parity", facts: &["answer"], ..GET },
    Request {
        name: "letters, encoded",
        target: "{page}%C3%BC/a%20b+c;d=e?q=%C3%BC",
        facts: &["answer", "path", "query"],
        ..GET
    },
    Request { name: "a hidden name", target: "{page}.hidden/x", facts: &["answer", "path"], ..GET },
    Request { name: "HEAD", method: "HEAD", facts: &["answer", "bytes"], ..GET },
    Request {
        name: "HEAD of a page",
        wanted: Wanted::Page,
        method: "HEAD",
        target: "{page}page/",
        facts: &["answer", "type", "length", "bytes"],
        ..GET
    },
    Request { name: "PUT", method: "PUT", body: Body::Bytes(1000), facts: &["answer", "method", "body"], ..GET },
    Request { name: "OPTIONS", method: "OPTIONS", facts: &["answer", "method"], ..GET },
    Request { name: "an unusual method", method: "PROPFIND", facts: &["answer", "method"], ..GET },
    Request { name: "TRACE", method: "TRACE", facts: &["answer"], ..GET },
    Request {
        name: "Range",
        wanted: Wanted::Page,
        target: "{page}page/",
        headers: &[("Range", Is("bytes=0-9"))],
        facts: &["answer", "range", "bytes"],
        ..GET
    },
    Request {
        name: "conditional GET",
        wanted: Wanted::Page,
        target: "{page}dated/",
        headers: &[("If-None-Match", Of("ETag"))],
        facts: &["answer", "ETag", "bytes"],
        ..GET
    },
    Request {
        name: "conditional GET, by date",
        wanted: Wanted::Page,
        target: "{page}dated/",
        headers: &[("If-Modified-Since", Of("Last-Modified"))],
        facts: &["answer", "Last-Modified", "bytes"],
        ..GET
    },
    Request { name: "chunked POST", method: "POST", body: Body::Chunked(10_000), facts: &["answer", "body"], ..GET },
    Request {
        name: "POST of 1 MB",
        wanted: Wanted::Page,
        method: "POST",
        target: "{page}seen/",
        headers: &[("Content-Type", Is("application/octet-stream"))],
        body: Body::Bytes(1_000_000),
        facts: &["answer", "method", "body"],
        ..GET
    },
    Request {
        name: "upload of 3 MB",
        wanted: Wanted::Page,
        method: "POST",
        target: "{page}uploaded/",
        body: Body::Form(3_000_000),
        facts: &["answer", "body", "name"],
        ..GET
    },
    Request { name: "POST over the limit", method: "POST", body: Body::TooLarge, facts: &["answer", "body"], ..GET },
    Request { name: "header of 8 kB", headers: &[("X-Large", Long(8_000))], facts: &["answer", "X-Large"], ..GET },
    Request { name: "header of 9 kB", headers: &[("X-Large", Long(9_000))], facts: &["answer", "X-Large"], ..GET },
    Request {
        name: "two headers of a name",
        headers: &[("X-Twice", Is("one")), ("X-Twice", Is("two"))],
        facts: &["answer", "X-Twice"],
        ..GET
    },
    Request {
        name: "a header with _",
        headers: &[("X_Underscore", Is("forged"))],
        facts: &["answer", "X_Underscore"],
        ..GET
    },
    Request {
        name: "Cookie and Proxy",
        headers: &[("Cookie", Is("a=1; b=2")), ("Proxy", Is("http://proxy.invalid"))],
        facts: &["answer", "Cookie", "Proxy"],
        ..GET
    },
    Request {
        name: "subpath",
        wanted: Wanted::Page,
        target: "{page}seen/?a=%C3%BC",
        facts: &["answer", "path", "mount", "reversed URL", "absolute URL", "STATIC_URL", "query"],
        ..GET
    },
    Request {
        name: "X-Forwarded-Proto",
        headers: &[("X-Forwarded-Proto", Is("https"))],
        facts: &["answer", "scheme", "HTTPS", "forwarded"],
        ..GET
    },
    Request {
        name: "X-Forwarded-Proto, in Django",
        wanted: Wanted::Page,
        target: "{page}seen/",
        headers: &[("X-Forwarded-Proto", Is("https"))],
        facts: &["answer", "secure", "absolute URL"],
        ..GET
    },
    Request {
        name: "X-Forwarded-For",
        headers: &[("X-Forwarded-For", Is("192.0.2.1")), ("X-Forwarded-Host", Is("other.invalid"))],
        facts: &["answer", "client", "Host", "forwarded"],
        ..GET
    },
    Request { name: "http", via: Via::Http, facts: &["answer", "Location"], ..GET },
    Request { name: "another Host", headers: &[("Host", Is("other.invalid"))], facts: &["answer"], ..GET },
    Request {
        name: "streaming",
        wanted: Wanted::Stream,
        target: "{page}stream/",
        facts: &["answer", "first part", "bytes"],
        ..GET
    },
    Request {
        name: "client leaves early",
        wanted: Wanted::Endless,
        target: "{page}endless/",
        facts: &["answer", "the rest", "next answer"],
        ..GET
    },
    Request {
        name: "output",
        wanted: Wanted::Output,
        facts: &["answer", "print", "print of ü", "stderr", "logging", "wsgi.errors"],
        ..GET
    },
    Request { name: "file", wanted: Wanted::Page, target: "{page}file/", facts: &["answer", "length", "bytes"], ..GET },
    Request { name: "no content", wanted: Wanted::Page, target: "{page}empty/", facts: &["answer", "bytes"], ..GET },
    Request {
        name: "headers of a page",
        wanted: Wanted::Page,
        target: "{page}cookies/",
        facts: &["answer", "cookies", "X-Frame-Options", "type"],
        ..GET
    },
    Request {
        name: "compression",
        wanted: Wanted::Page,
        target: "{page}seen/",
        headers: &[("Accept-Encoding", Is("gzip"))],
        facts: &["answer", "coding"],
        ..GET
    },
    Request { name: "a view that breaks", wanted: Wanted::Page, target: "{page}broken/", facts: &["answer"], ..GET },
    Request { name: "an application that breaks", wanted: Wanted::Failure, facts: &["answer"], ..GET },
    Request {
        name: "APPEND_SLASH",
        wanted: Wanted::Page,
        target: "{page}page?a=1",
        facts: &["answer", "Location"],
        ..GET
    },
    Request {
        name: "APPEND_SLASH, POST",
        wanted: Wanted::Page,
        method: "POST",
        target: "{page}page",
        body: Body::Bytes(10),
        facts: &["answer", "Location"],
        ..GET
    },
    Request { name: "no such page", wanted: Wanted::Page, target: "{page}nowhere/", facts: &["answer"], ..GET },
    Request { name: "front page", wanted: Wanted::Site, target: "{base}", facts: &["answer", "Location"], ..GET },
    Request {
        name: "front page, redirect",
        wanted: Wanted::Visit,
        target: "{base}",
        facts: &["answer", "Location"],
        ..GET
    },
    Request {
        name: "static file",
        wanted: Wanted::Static,
        target: "{static}",
        facts: &["answer", "type", "bytes", "Cache-Control"],
        ..GET
    },
    Request {
        name: "static file, HEAD",
        wanted: Wanted::Static,
        method: "HEAD",
        target: "{static}",
        facts: &["answer", "length", "bytes"],
        ..GET
    },
    Request {
        name: "static file, Range",
        wanted: Wanted::Static,
        target: "{static}",
        headers: &[("Range", Is("bytes=0-9"))],
        facts: &["answer", "range", "bytes"],
        ..GET
    },
    Request {
        name: "static file, conditional",
        wanted: Wanted::Static,
        target: "{static}",
        headers: &[("If-Modified-Since", Of("Last-Modified"))],
        facts: &["answer", "bytes"],
        ..GET
    },
    Request {
        name: "static file, POST",
        wanted: Wanted::Static,
        method: "POST",
        target: "{static}",
        body: Body::Bytes(10),
        facts: &["answer"],
        ..GET
    },
    Request { name: "static file/", wanted: Wanted::Static, target: "{static}/", facts: &["answer"], ..GET },
    Request { name: "static/", wanted: Wanted::Static, target: "{files}/", facts: &["answer"], ..GET },
    Request { name: "static", wanted: Wanted::Static, target: "{files}", facts: &["answer", "Location"], ..GET },
    Request {
        name: "no such static file",
        wanted: Wanted::Static,
        target: "{files}/djwsgi-parity.css",
        facts: &["answer"],
        ..GET
    },
    Request { name: "config", wanted: Wanted::Config, facts: directives::FACTS, ..GET },
];
