//! Why the configs of development and production may differ.

use super::view::Key;

/// The same, moved.
pub const MOVED: &str = "the site lies elsewhere on the server: [prod] root, python";

const PLACES: &str = "each server has its own folders, ports, names and logs";
const SIZE: &str = "production serves many visitors, dev one";
const LOAD: &str = "as many processes and threads as [prod] and [dev] say";
const ACCOUNT: &str = "in production Apache begins as root and the site has an account of its own; dev is yours";
const TLS: &str = "TLS and HTTP/2 begin in production; dev is plain HTTP on loopback";
const HEADERS: &str = "security headers belong to production, where the site sends none itself";
const BUILD: &str = "dev tells the browser the number of the build";
const BUFFER: &str = "in production Apache reads a request's body before a thread of the site is taken for it";
const SPOOFED: &str = "in production strangers could send what only a balancer may say";
const LIMITS: &str =
    "limits against slow, large and stuck requests; in dev a debugger may stop for as long as you like";
const GATE: &str = "while production gets a new config, requests wait for it; dev gets it between two requests";
const STRICT: &str = "in production strangers are told nothing and read strictly";
const FILES: &str = "in production Apache serves the collected static files and uploads, and nothing else";
const COMPRESSED: &str = "files are compressed for the network; on loopback nothing is gained";
const CACHES: &str = "dev must not serve old bytes of a shared folder";
const SCRIPT: &str = "dev's script picks up new code; production's does not, and has no monitor";
const HOSTS: &str = "production answers other names and plain HTTP apart; dev answers every name";
const CERTIFICATE: &str = "in production Apache gets its certificate itself, or answers the authority's visits";
const REQUEST_ID: &str = "production gives each request an id, for its log and the site";
const IMAGE: &str = "the server has a mod_wsgi of its own, for its Python";
const QUOTED: &str = "how a literal ${ is written; it changes nothing else";
const ICONS: &str = "the system's Apache has pictures at /icons/, a server of one's own has none";
const SYSTEMS: &str = "in production the system's Apache has it from its own config";
const DEFAULT: &str = "says what holds anyway";

/// What stands for the server and for every virtual host that answers the site's requests.
const SITE: &[&str] = &[""];
const SCRIPTS: &[&str] = &["<Directory (WSGI script)>", "<Directory (WSGI script)> <Files (WSGI script)>"];
const SERVED: &[&str] = &["<Directory (static files)>", "<Directory (uploads)>"];
const INSIDE: &[&str] = &["<Directory (static files)> <FilesMatch *", "<Directory (uploads)> <FilesMatch *"];
const OTHERS: &[&str] = &["<VirtualHost *"];
const BODIES: &[&str] = &["<Location \"/\">"];

/// Places, names, and why. A `*` at an end stands for anything.
const REASONS: &[(&[&str], &[&str], &str)] = &[
    (
        SITE,
        &["ServerRoot", "DefaultRuntimeDir", "PidFile", "ServerName", "ServerAlias", "Listen", "DocumentRoot"],
        PLACES,
    ),
    (SITE, &["ErrorLog", "ErrorLogFormat", "LogLevel", "LogFormat", "CustomLog", "WSGISocketPrefix"], PLACES),
    (SITE, &["TypesConfig", "AddType"], PLACES),
    (
        SITE,
        &["StartServers", "ServerLimit", "ThreadLimit", "ThreadsPerChild", "MinSpareThreads", "MaxSpareThreads"],
        SIZE,
    ),
    (SITE, &["MaxRequestWorkers", "ListenBacklog", "GracefulShutdownTimeout"], SIZE),
    (SITE, &["WSGIDaemonProcess processes", "WSGIDaemonProcess threads"], LOAD),
    (SITE, &["User", "Group", "WSGIDaemonProcess user", "WSGIDaemonProcess group"], ACCOUNT),
    (SITE, &["WSGIDaemonProcess script-user", "WSGIDaemonProcess umask"], ACCOUNT),
    (
        SITE,
        &[
            "WSGIDaemonProcess request-timeout",
            "WSGIDaemonProcess queue-timeout",
            "WSGIDaemonProcess connect-timeout",
            "WSGIDaemonProcess socket-timeout",
            "WSGIDaemonProcess deadlock-timeout",
            "WSGIDaemonProcess startup-timeout",
            "WSGIDaemonProcess graceful-timeout",
            "WSGIDaemonProcess eviction-timeout",
            "WSGIDaemonProcess shutdown-timeout",
            "WSGIDaemonProcess listen-backlog",
            "WSGIDaemonProcess maximum-requests",
        ],
        LIMITS,
    ),
    (SITE, &["Timeout", "KeepAliveTimeout", "MaxKeepAliveRequests", "RequestReadTimeout"], LIMITS),
    (SITE, &["LimitRequestLine", "LimitRequestFields", "LimitRequestFieldsize", "LimitRequestBody"], LIMITS),
    (
        SITE,
        &[
            "Protocols",
            "H2MaxSessionStreams",
            "SSLEngine",
            "SSLProtocol",
            "SSLCipherSuite",
            "SSLOpenSSLConfCmd",
            "SSLHonorCipherOrder",
            "SSLSessionTickets",
            "SSLCompression",
            "SSLInsecureRenegotiation",
            "SSLUseStapling",
            "SSLSessionCache",
            "SSLSessionCacheTimeout",
            "SSLCertificateFile",
            "SSLCertificateKeyFile",
            "Header Strict-Transport-Security",
        ],
        TLS,
    ),
    (
        SITE,
        &[
            "Header X-Content-Type-Options",
            "Header X-Frame-Options",
            "Header Referrer-Policy",
            "Header Cross-Origin-Opener-Policy",
            "Header Cross-Origin-Resource-Policy",
            "Header Permissions-Policy",
            "Header Content-Security-Policy",
        ],
        HEADERS,
    ),
    (SITE, &["Header X-Djwsgi-Build"], BUILD),
    (SITE, &["RequestHeader", "WSGITrustedProxies", "WSGITrustedProxyHeaders"], SPOOFED),
    (SITE, &["ProxyPass", "ProxyPassMatch", "ProxyPreserveHost", "ProxyAddHeaders", "SetEnv"], BUFFER),
    (BODIES, &["SetInputFilter", "BufferSize"], BUFFER),
    (BODIES, &["SetEnvIf"], REQUEST_ID),
    (SITE, &["H2MaxWorkers", "H2StreamTimeout"], LIMITS),
    (
        &[
            "<Location \"/\"> <If \"-n req_novary('Transfer-Encoding')\">",
            "<Location \"/\"> <If \"req_novary('Content-Length') *",
        ],
        &["Redirect"],
        LIMITS,
    ),
    (&["<Location \"/\"> <If \"%{HANDLER} == 'proxy-server' && -e *"], &["SetEnv"], GATE),
    (SITE, &["HttpProtocolOptions", "StrictHostCheck", "ServerTokens", "TraceEnable", "UseCanonicalName"], STRICT),
    (SITE, &["WSGIRestrictProcess", "Header X-Powered-By"], STRICT),
    (&["<Directory \"/\">"], &["Options"], FILES),
    (SCRIPTS, &["Options", "AllowMethods"], STRICT),
    (SITE, &["Alias", "RedirectMatch"], FILES),
    (SERVED, &["AllowMethods", "Options", "Require", "SetHandler"], FILES),
    (SERVED, &["Header Cache-Control", "Header Content-Disposition", "Header Content-Security-Policy"], FILES),
    (INSIDE, &["Require", "Header Cache-Control"], FILES),
    (SITE, &["FilterChain", "AddOutputFilterByType"], COMPRESSED),
    (SITE, &["EnableMMAP", "EnableSendfile"], CACHES),
    (SITE, &["WSGIScriptAlias script", "WSGIScriptReloading"], SCRIPT),
    (SITE, &["<VirtualHost"], HOSTS),
    (
        OTHERS,
        &["Protocols", "ServerName", "ServerAlias", "Redirect", "RedirectMatch", "CustomLog", "ErrorLogFormat"],
        HOSTS,
    ),
    (OTHERS, &["Header *"], HEADERS),
    (OTHERS, &["Protocols", "SSLEngine", "SSLCertificateFile", "SSLCertificateKeyFile"], TLS),
    (OTHERS, &["Alias", "Options", "AllowMethods", "Require"], CERTIFICATE),
    (SITE, &["MDStoreDir"], CERTIFICATE),
    (&["<MDomain *"], &["MDCertificateAgreement", "MDContactEmail", "MDPrivateKeys", "MDRequireHttps"], CERTIFICATE),
    (&["<Location \"/server-status\">"], &["Require"], STRICT),
    (SITE, &["WSGIProcessGroup", "WSGIApplicationGroup"], ICONS),
    (SCRIPTS, &["SetHandler"], ICONS),
    (SITE, &["Define DJWSGI_DOLLAR"], QUOTED),
];

/// Modules that only one of the two loads, and why.
const MODULES: &[(&[&str], &str)] = &[
    (&["ssl", "socache_shmcb", "http2"], TLS),
    (&["md", "watchdog"], CERTIFICATE),
    (&["proxy", "proxy_http", "buffer"], BUFFER),
    (&["deflate", "brotli", "filter"], COMPRESSED),
    (&["reqtimeout"], LIMITS),
    (&["allowmethods"], STRICT),
    (&["unique_id", "setenvif", "logio"], REQUEST_ID),
];

/// Directives that say what holds without them.
const DEFAULTS: &[(&str, &str)] =
    &[("AllowEncodedSlashes", "Off"), ("ServerSignature", "Off"), ("KeepAlive", "On"), ("ProxyRequests", "Off")];

/// What a server of one's own has to say and a shared one has said already.
const SHARED: &[&str] =
    &["ServerName", "PidFile", "ErrorLog", "LogLevel", "TypesConfig", "ServerRoot", "DefaultRuntimeDir"];

/// Why `key` may differ, if there is a reason.
pub fn of(key: &Key, dev: &[String], prod: &[String]) -> Option<&'static str> {
    if let Some(module) = key.name.strip_prefix("LoadModule ").and_then(|name| name.strip_suffix("_module")) {
        let only_one = dev.is_empty() || prod.is_empty();
        if module == "wsgi" {
            return (!only_one).then_some(IMAGE);
        }
        return MODULES.iter().find(|(names, _)| only_one && names.contains(&module)).map(|(_, reason)| *reason);
    }
    let [default, shared] =
        [is_default(key, dev, prod), key.place.is_empty() && prod.is_empty() && SHARED.contains(&&*key.name)];
    if default || shared {
        return Some(if default { DEFAULT } else { SYSTEMS });
    }
    let is_one = |patterns: &[&str], text: &str| patterns.iter().any(|pattern| fits(pattern, text));
    let found = REASONS.iter().find(|(places, names, _)| is_one(places, &key.place) && is_one(names, &key.name));
    found.map(|(_, _, reason)| *reason)
}

fn fits(pattern: &str, text: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == text, |start| text.starts_with(start))
}

/// Whether both come to the same: one states what holds without it.
fn is_default(key: &Key, dev: &[String], prod: &[String]) -> bool {
    let stated = match (dev, prod) {
        ([], [one]) | ([one], []) => one,
        _ => return false,
    };
    key.place.is_empty() && DEFAULTS.iter().any(|(name, value)| *name == key.name && value.eq_ignore_ascii_case(stated))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(place: &str, name: &str, dev: &str, prod: &str) -> bool {
        let values = |text: &str| if text == "-" { Vec::new() } else { vec![text.to_owned()] };
        of(&Key { place: place.to_owned(), name: name.to_owned() }, &values(dev), &values(prod)).is_some()
    }

    #[test]
    fn what_the_sites_code_sees_has_no_reason() {
        for name in ["home", "python-home", "lang", "locale", "name", "display-name", "x"] {
            assert!(!has("", &format!("WSGIDaemonProcess {name}"), "a", "b"), "{name}");
        }
        for name in ["path", "process-group", "application-group"] {
            assert!(!has("", &format!("WSGIScriptAlias {name}"), "a", "b"), "{name}");
        }
        for name in
            ["WSGIPassAuthorization", "WSGIRestrictEmbedded", "WSGIChunkedRequest", "RewriteRule", "SSLVerifyClient"]
        {
            assert!(!has("", name, "-", "On"), "{name}");
        }
        assert!(!has("<Directory \"/\">", "Require", "all denied", "all granted"));
        assert!(!has("<Directory (WSGI script)> <Files (WSGI script)>", "Require", "all granted", "-"));
        assert!(!has("<Directory \"/etc\">", "Require", "-", "all granted"));
        assert!(!has("", "LoadModule rewrite_module", "-", "/x") && !has("", "LoadModule ssl_module", "/x", "/y"));
    }

    #[test]
    fn a_default_is_the_same_and_another_value_is_not() {
        assert!(has("", "AllowEncodedSlashes", "-", "Off") && !has("", "AllowEncodedSlashes", "-", "NoDecode"));
        assert!(!has("<VirtualHost *:80> x", "AllowEncodedSlashes", "-", "NoDecode"));
    }
}
