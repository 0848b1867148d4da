//! The differences that are as they should be, each with its reason.

use super::causes::{Maker, is_among};
use super::facts::Facts;
use super::servers::Kind;

/// Two servers whose answers are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pair {
    /// runserver and dev: for information.
    Runserver,
    /// dev and production: equal but for reasons.
    Production,
    /// What would be deployed and what is: equal.
    Deployed,
}

impl Pair {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Runserver, Self::Production, Self::Deployed];

    /// The servers.
    pub fn kinds(self) -> (Kind, Kind) {
        match self {
            Self::Runserver => (Kind::Runserver, Kind::Dev),
            Self::Production => (Kind::Dev, Kind::AsProd),
            Self::Deployed => (Kind::AsProd, Kind::Deployed),
        }
    }
}

/// Why answers may differ.
pub struct Reason {
    pair: Pair,
    /// The requests; all, if none is named.
    requests: &'static [&'static str],
    /// The facts; all, if none is named.
    facts: &'static [&'static str],
    /// The values: `*` for anything, and `|` between alternatives.
    values: (&'static str, &'static str),
    when: When,
    /// Who makes it.
    pub maker: Maker,
    /// In words.
    pub why: &'static str,
}

/// When a reason holds.
#[derive(Clone, Copy)]
enum When {
    Always,
    /// Development has DEBUG, production has not.
    DevDebug,
    /// Development has no DEBUG.
    DevWithoutDebug,
    OtherSettings,
    Tls,
    /// Production redirects to its TLS.
    RedirectToTls,
    /// Production redirects to that of the balancer in front.
    RedirectToBalancer,
    Buffer,
    TrustsLoopback,
    Mounted,
    /// The values are what the numbers of processes say.
    Processes,
    /// The same of threads.
    Threads,
    /// Production takes no body of so many bytes.
    BodyLimit(u64),
    /// Production has the umask that its config says.
    Umask,
    /// Only headers of production's config have come.
    AddedHeaders,
    ApacheServesStatic,
    WhiteNoise,
}

impl When {
    fn holds(self, facts: &Facts, left: &str, right: &str) -> bool {
        let many =
            |(dev, production): (u16, u16)| left == (dev > 1).to_string() && right == (production > 1).to_string();
        match self {
            Self::Always => true,
            Self::DevDebug => facts.dev_debug && !facts.prod_debug,
            Self::DevWithoutDebug => !facts.dev_debug,
            Self::OtherSettings => facts.other_settings,
            Self::Tls => facts.has_tls,
            Self::RedirectToTls => facts.has_tls && facts.redirects_to_https,
            Self::RedirectToBalancer => facts.has_balancer && facts.redirects_to_https,
            Self::Buffer => facts.has_buffer,
            Self::TrustsLoopback => facts.trusts_loopback,
            Self::Mounted => facts.is_mounted,
            Self::Processes => many(facts.processes),
            Self::Threads => many(facts.threads),
            Self::BodyLimit(size) => facts.max_body < size,
            Self::Umask => right == facts.umask,
            Self::AddedHeaders => {
                let names = |text: &str| {
                    text.split(", ").filter(|name| !name.is_empty()).map(str::to_owned).collect::<Vec<_>>()
                };
                let (old, new) = (names(left), names(right));
                old.iter().all(|name| new.contains(name))
                    && new.iter().all(|name| old.contains(name) || facts.headers.contains(name))
            }
            Self::ApacheServesStatic => facts.apache_serves_static,
            Self::WhiteNoise => facts.whitenoise,
        }
    }
}

/// The first that fits `fact` of the answers to `request`.
pub fn of(facts: &Facts, pair: Pair, request: &str, fact: &str, left: &str, right: &str) -> Option<&'static Reason> {
    REASONS.iter().find(|reason| {
        reason.pair == pair
            && is_among(reason.requests, request)
            && is_among(reason.facts, fact)
            && fits(reason.values.0, left)
            && fits(reason.values.1, right)
            && reason.when.holds(facts, left, right)
    })
}

/// Whether `value` is as `pattern` says.
fn fits(pattern: &str, value: &str) -> bool {
    pattern.split('|').any(|one| match (one.strip_prefix('*'), one.strip_suffix('*')) {
        (Some(rest), Some(_)) => value.contains(rest.trim_end_matches('*')),
        (None, Some(start)) => value.starts_with(start),
        (Some(end), None) => value.ends_with(end),
        (None, None) => value == one,
    })
}

const DOTS: &[&str] = &["dot segments", "dot segments, encoded"];
const FORWARDED: &[&str] = &["X-Forwarded-Proto", "X-Forwarded-Proto, in Django", "X-Forwarded-For"];
const STATIC: &[&str] = &[
    "static file",
    "static file, HEAD",
    "static file, Range",
    "static file, conditional",
    "static file, POST",
    "static file/",
    "static/",
    "static",
    "no such static file",
];

/// runserver, then dev.
const fn before(
    requests: &'static [&'static str],
    facts: &'static [&'static str],
    values: (&'static str, &'static str),
    when: When,
    maker: Maker,
    why: &'static str,
) -> Reason {
    Reason { pair: Pair::Runserver, requests, facts, values, when, maker, why }
}

/// dev, then production.
const fn after(
    requests: &'static [&'static str],
    facts: &'static [&'static str],
    values: (&'static str, &'static str),
    when: When,
    maker: Maker,
    why: &'static str,
) -> Reason {
    Reason { pair: Pair::Production, requests, facts, values, when, maker, why }
}

use Maker::{Apache, Django, ModWsgi};
use When::{
    AddedHeaders, Always, ApacheServesStatic, BodyLimit, Buffer, DevDebug, DevWithoutDebug, Mounted, OtherSettings,
    Processes, RedirectToBalancer, RedirectToTls, Threads, Tls, TrustsLoopback, Umask, WhiteNoise,
};

const REASONS: &[Reason] = &[
    before(&[], &["URI"], ("-", "*"), Always, ModWsgi, "tells the URL as it was sent; runserver does not"),
    before(
        &[],
        &["server name"],
        ("*", "HOST"),
        Always,
        Apache,
        "takes it from the Host header; runserver has its own",
    ),
    before(&[], &["Server"], ("*", "Apache*"), Always, Apache, "names itself"),
    before(
        &[],
        &["multiprocess", "multithread"],
        ("*", "*"),
        Always,
        ModWsgi,
        "has the processes and threads of [dev]; runserver is one process with threads",
    ),
    before(
        &["%2F"],
        &["answer"],
        ("200", "404 server"),
        Always,
        Apache,
        "refuses %2F in a path (AllowEncodedSlashes Off)",
    ),
    before(&["//"], &["path"], ("*", "*"), Always, Apache, "makes one slash of several (MergeSlashes)"),
    before(DOTS, &["path"], ("*", "*"), Always, Apache, "resolves dot segments before the application sees them"),
    before(
        &["dot segments, too many"],
        &["answer"],
        ("*", "400 server"),
        Always,
        Apache,
        "refuses a path that leads out of the site",
    ),
    before(&["TRACE"], &["answer"], ("*", "200 server|405 server"), Always, Apache, "answers TRACE itself"),
    before(
        &["chunked POST"],
        &["answer"],
        ("200", "411 server"),
        Always,
        ModWsgi,
        "wants a length (WSGIChunkedRequest Off); under runserver the application reads an empty body",
    ),
    before(
        &["header of 9 kB"],
        &["answer"],
        ("200", "400 server"),
        Always,
        Apache,
        "limits headers (LimitRequestFieldSize 8190)",
    ),
    before(&[], &["Proxy"], ("*", "-"), Always, Apache, "hides it: programs take HTTP_PROXY for their own proxy"),
    before(&[], &["X-Twice"], ("*", "*"), Always, Apache, "joins headers of one name"),
    before(
        &[],
        &["path", "mount", "reversed URL", "absolute URL", "STATIC_URL", "Location"],
        ("*", "*"),
        Mounted,
        Django,
        "its runserver knows no mount point",
    ),
    before(
        &["// first"],
        &["answer", "path", "mount"],
        ("*", "*"),
        Always,
        ModWsgi,
        "passes on what follows the mount point",
    ),
    before(
        &["locale and file names"],
        &[],
        ("*", "*"),
        Always,
        ModWsgi,
        "sets the locale (lang=, locale=); runserver has that of your shell",
    ),
    before(
        &["output"],
        &["print of ü"],
        ("*", "*"),
        Always,
        ModWsgi,
        "writes UTF-8 into the log; runserver has your shell's locale",
    ),
    before(
        &["front page", "front page, redirect"],
        &[],
        ("*", "*"),
        Mounted,
        Django,
        "its runserver knows no mount point",
    ),
    before(STATIC, &[], ("*", "*"), Mounted, Django, "its runserver knows no mount point"),
    // What follows must agree but for these.
    after(
        &[],
        &["forwarded", "client", "scheme", "HTTPS", "secure", "Host", "server name", "absolute URL"],
        ("*", "*"),
        TrustsLoopback,
        ModWsgi,
        "believes this machine, which is among [prod] proxies (WSGITrustedProxies)",
    ),
    after(&[], &["scheme"], ("http", "https"), Tls, Apache, "speaks TLS in production only"),
    after(&[], &["HTTPS"], ("-", "*"), Tls, Apache, "speaks TLS in production only"),
    after(&[], &["secure"], ("false", "true"), Tls, Apache, "speaks TLS in production only"),
    after(
        FORWARDED,
        &["secure", "absolute URL", "Host"],
        ("*", "false|SITE*|HOST"),
        Always,
        Apache,
        "removes headers of balancers from strangers in production (RequestHeader unset)",
    ),
    after(
        &[],
        &["forwarded"],
        ("*", "X-Forwarded-For, X-Forwarded-Port, X-Forwarded-Proto"),
        Buffer,
        Apache,
        "tells the site through the buffer who asks; what strangers say is removed",
    ),
    after(
        FORWARDED,
        &["forwarded"],
        ("*", "-"),
        Always,
        Apache,
        "removes headers of balancers from strangers in production (RequestHeader unset)",
    ),
    after(&[], &["X-Request-ID"], ("-", "there"), Always, Apache, "gives each request its id, which is in the log too"),
    after(&[], &["Server"], ("Apache/*", "Apache"), Always, Apache, "tells nobody its version (ServerTokens Prod)"),
    after(&[], &["headers"], ("*", "*"), AddedHeaders, Apache, "adds the security headers of production"),
    after(&[], &["multiprocess"], ("*", "*"), Processes, ModWsgi, "has the processes of [dev] and of [prod]"),
    after(&[], &["multithread"], ("*", "*"), Threads, ModWsgi, "has the threads of [dev] and of [prod]"),
    after(&[], &["umask"], ("*", "*"), Umask, ModWsgi, "sets it in production (umask=); dev has that of your shell"),
    after(&[], &["settings"], ("*", "*"), OtherSettings, Django, "has other settings in production (wsgi.py)"),
    after(&[], &["DEBUG"], ("true", "false"), Always, Django, "has DEBUG in development only"),
    after(&[], &["STATIC_URL"], ("*", "*"), OtherSettings, Django, "has other settings in production (wsgi.py)"),
    after(
        &["//", "dot segments", "dot segments, encoded"],
        &["URI"],
        ("*", "*"),
        Buffer,
        Apache,
        "passes the path on as it understands it (ProxyPass, the buffer)",
    ),
    after(&["a hidden name"], &["answer"], ("*", "404 server"), Always, Apache, "hides names with a dot in production"),
    after(
        &["an unusual method"],
        &["answer"],
        ("*", "405 server"),
        Always,
        Apache,
        "takes the usual methods only in production (AllowMethods)",
    ),
    after(&["TRACE"], &["answer"], ("*", "405 server"), Always, Apache, "refuses it in production (TraceEnable Off)"),
    after(&["Range"], &["answer"], ("200", "206"), Buffer, Apache, "serves ranges of what it gets through the buffer"),
    after(
        &["POST over the limit"],
        &["answer"],
        ("200", "413 server"),
        Always,
        Apache,
        "limits bodies in production (LimitRequestBody)",
    ),
    after(
        &["POST of 1 MB"],
        &["answer"],
        ("200", "413 server"),
        BodyLimit(1_000_000),
        Apache,
        "limits bodies in production (LimitRequestBody)",
    ),
    after(
        &["upload of 3 MB"],
        &["answer"],
        ("200", "413 server"),
        BodyLimit(3_000_500),
        Apache,
        "limits bodies in production (LimitRequestBody)",
    ),
    after(&["compression"], &["coding"], ("-", "gzip"), Always, Apache, "compresses in production"),
    after(&["http"], &["answer"], ("200", "301 server"), Tls, Apache, "leads from HTTP to HTTPS in production"),
    after(
        &["another Host"],
        &["answer"],
        ("*", "400 server|421 server"),
        Always,
        Apache,
        "answers to the site's own names only in production",
    ),
    after(
        &["APPEND_SLASH, POST"],
        &["answer"],
        ("500", "301"),
        DevDebug,
        Django,
        "raises an error under DEBUG, for the body would be lost",
    ),
    after(
        &["front page"],
        &["answer"],
        ("200, Django's own", "404"),
        DevDebug,
        Django,
        "has a page of its own under DEBUG",
    ),
    after(
        &["front page, redirect"],
        &["answer"],
        ("301", "*"),
        RedirectToTls,
        Django,
        "redirects to https (SECURE_SSL_REDIRECT), which dev does not speak",
    ),
    after(
        &["front page, redirect"],
        &["answer"],
        ("*", "301"),
        RedirectToBalancer,
        Django,
        "redirects to https (SECURE_SSL_REDIRECT) whom no balancer has sent",
    ),
    after(
        &["front page, redirect"],
        &["answer"],
        ("200, Django's own", "404"),
        DevDebug,
        Django,
        "has a page of its own under DEBUG",
    ),
    after(
        STATIC,
        &["answer"],
        ("301|302|403|404", "2*|3*|4*"),
        DevWithoutDebug,
        Django,
        "serves no static files without DEBUG; Apache does in production",
    ),
    after(
        STATIC,
        &["Cache-Control"],
        ("-", "*max-age=*"),
        ApacheServesStatic,
        Apache,
        "says how long static files are good",
    ),
    after(STATIC, &["type"], ("*", "*"), ApacheServesStatic, Apache, "has its own list of media types (TypesConfig)"),
    after(
        &["static file, Range"],
        &["answer"],
        ("200", "206"),
        ApacheServesStatic,
        Apache,
        "serves ranges of static files",
    ),
    after(
        &["static file, POST"],
        &["answer"],
        ("200|405", "405"),
        ApacheServesStatic,
        Apache,
        "takes GET and HEAD only for static files (AllowMethods)",
    ),
    after(
        &["static file/"],
        &["answer"],
        ("200", "404"),
        ApacheServesStatic,
        Apache,
        "finds no file behind a file's name; Django leaves the slash out",
    ),
    after(
        STATIC,
        &[],
        ("*", "2*|3*|4*|text/*|*max-age*"),
        WhiteNoise,
        Django,
        "serves static files by WhiteNoise in production, by its own handler under DEBUG",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parity::battery::requests::REQUESTS;

    #[test]
    fn reasons_are_about_requests_and_facts_that_there_are() {
        for reason in REASONS {
            for name in reason.requests {
                assert!(REQUESTS.iter().any(|request| request.name == *name), "{name}");
            }
            for fact in reason.facts {
                let has = |name: &str| is_among(reason.requests, name);
                assert!(
                    REQUESTS.iter().any(|request| has(request.name) && request.facts.contains(fact)),
                    "{fact} of {:?}",
                    reason.requests
                );
            }
        }
    }

    #[test]
    fn patterns() {
        assert!(fits("*", "") && fits("a*", "ab") && fits("x|200", "200") && fits("*max*", "a max-age"));
        assert!(!fits("200", "200 server") && !fits("a*", "ba") && !fits("2*|3*", "404"));
    }
}
