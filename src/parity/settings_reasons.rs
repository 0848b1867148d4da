//! Why a setting of Django's may differ. Those have no reason that change what the site does without a word:
//! applications, middleware, URLs, time zone, language, the engine of a database.

const DEBUG: &str = "pages of errors with code and settings are for developers; production has none";
const NAMES: &str = "each server has names of its own";
const KEY: &str = "each server has a key of its own";
const TLS: &str = "TLS begins in production; dev is plain HTTP on loopback";
const DATABASE: &str = "each server has a database of its own, of the same engine";
const CACHE: &str = "each server has a cache of its own; in production its processes share one";
const MAIL: &str = "mail leaves from production; dev shows it";
const FILES: &str = "each server has folders of its own for files";
const STORAGE: &str = "in production Apache or a storage service serves files, by names that change with the content";
const LOGS: &str = "logs of production are kept, those of dev are read in the terminal";
const TOOLS: &str = "a tool for developers, in dev only";
const SERVED: &str = "WhiteNoise serves the collected static files of production; dev finds them itself";
const CHECKS: &str = "says which checks are silent; the site does the same";

/// Settings, or their beginnings if they end with `*`; within, `*` stands for one key.
const ANY: [(&[&str], &str); 9] = [
    (
        &[
            "ALLOWED_HOSTS",
            "CSRF_TRUSTED_ORIGINS",
            "CSRF_COOKIE_DOMAIN",
            "SESSION_COOKIE_DOMAIN",
            "LANGUAGE_COOKIE_DOMAIN",
            "SECURE_SSL_HOST",
            "WAGTAILADMIN_BASE_URL",
        ],
        NAMES,
    ),
    (&["SECRET_KEY", "SECRET_KEY_FALLBACKS"], KEY),
    (
        &[
            "DATABASES.*.NAME",
            "DATABASES.*.USER",
            "DATABASES.*.PASSWORD",
            "DATABASES.*.HOST",
            "DATABASES.*.PORT",
            "DATABASES.*.CONN_MAX_AGE",
            "DATABASES.*.CONN_HEALTH_CHECKS",
            "DATABASES.*.TEST.*",
            "DATABASES.*.OPTIONS.ssl*",
            "DATABASES.*.OPTIONS.passfile",
            "DATABASES.*.OPTIONS.service",
            "DATABASES.*.OPTIONS.connect_timeout",
            "DATABASES.*.OPTIONS.pool*",
        ],
        DATABASE,
    ),
    (&["CACHES.*.BACKEND", "CACHES.*.LOCATION", "CACHES.*.KEY_PREFIX", "CACHES.*.OPTIONS*"], CACHE),
    (&["EMAIL_*", "DEFAULT_FROM_EMAIL", "SERVER_EMAIL", "ADMINS", "MANAGERS"], MAIL),
    (&["STATIC_ROOT", "MEDIA_ROOT", "FILE_UPLOAD_TEMP_DIR"], FILES),
    (&["STORAGES.*", "STATICFILES_STORAGE", "DEFAULT_FILE_STORAGE", "STATIC_URL", "MEDIA_URL"], STORAGE),
    (&["LOGGING", "LOGGING.*"], LOGS),
    (&["SILENCED_SYSTEM_CHECKS"], CHECKS),
];

/// Settings that may be only in development, or are of a tool that is.
const IN_DEV: [&str; 10] = [
    "INTERNAL_IPS",
    "DEBUG_TOOLBAR_*",
    "SHELL_PLUS*",
    "INSTALLED_APPS[debug_toolbar]",
    "INSTALLED_APPS[django_extensions]",
    "INSTALLED_APPS[django_browser_reload]",
    "INSTALLED_APPS[django_watchfiles]",
    "INSTALLED_APPS[wagtail.contrib.styleguide]",
    "MIDDLEWARE[debug_toolbar.middleware.DebugToolbarMiddleware]",
    "MIDDLEWARE[django_browser_reload.middleware.BrowserReloadMiddleware]",
];

/// Settings that may be on in production and off in development, but not the other way round.
const STRICTER: [&str; 8] = [
    "SECURE_SSL_REDIRECT",
    "SECURE_HSTS_INCLUDE_SUBDOMAINS",
    "SECURE_HSTS_PRELOAD",
    "SECURE_CONTENT_TYPE_NOSNIFF",
    "SESSION_COOKIE_SECURE",
    "CSRF_COOKIE_SECURE",
    "LANGUAGE_COOKIE_SECURE",
    "SESSION_COOKIE_HTTPONLY",
];

/// Why `name` may differ, if there is a reason; the values are as Python writes them.
pub fn of(name: &str, dev: Option<&str>, prod: Option<&str>) -> Option<&'static str> {
    let is = |pattern: &&str| matches(pattern, name);
    let is_debug = name == "DEBUG" || is(&"TEMPLATES*.OPTIONS.debug");
    if is_debug {
        return (prod != Some("True")).then_some(DEBUG);
    }
    if STRICTER.iter().any(is) {
        return (dev == Some("False") && prod == Some("True")).then_some(TLS);
    }
    if name == "SECURE_HSTS_SECONDS" {
        return (dev == Some("0")).then_some(TLS);
    }
    // Set where TLS ends in a balancer.
    if name == "SECURE_PROXY_SSL_HEADER" {
        return (dev == Some("None")).then_some(TLS);
    }
    if IN_DEV.iter().any(is) {
        let is_list = name.ends_with(']');
        return (!is_list || prod.is_none()).then_some(TOOLS);
    }
    if name == "MIDDLEWARE[whitenoise.middleware.WhiteNoiseMiddleware]" {
        return dev.is_none().then_some(SERVED);
    }
    if name == "INSTALLED_APPS[whitenoise.runserver_nostatic]" {
        return prod.is_none().then_some(SERVED);
    }
    ANY.iter().find(|(patterns, _)| patterns.iter().any(is)).map(|(_, reason)| *reason)
}

/// Whether `name` is of the kind `pattern`: a `*` at its end stands for anything, another one for a key.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, "")) => name.starts_with(start),
        Some((start, rest)) => name.strip_prefix(start).is_some_and(|key| {
            // A key may have dots in it.
            let ends = key.char_indices().map(|(index, _)| index).filter(|index| *index > 0);
            ends.into_iter().any(|end| matches(rest, &key[end..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(name: &str, dev: &str, prod: &str) -> bool {
        let value = |text: &'static str| (text != "-").then_some(text);
        let texts =
            [dev, prod].map(|text| ["True", "False", "-", "0"].into_iter().find(|own| *own == text).unwrap_or("x"));
        of(name, value(texts[0]), value(texts[1])).is_some()
    }

    #[test]
    fn what_belongs_to_a_server_has_a_reason() {
        for name in [
            "ALLOWED_HOSTS",
            "SECRET_KEY",
            "DATABASES.default.NAME",
            "DATABASES.a.b.HOST",
            "CACHES.default.BACKEND",
            "CACHES.x.OPTIONS.y",
            "EMAIL_HOST",
            "LOGGING.handlers.file.class",
            "STORAGES.staticfiles.BACKEND",
            "INTERNAL_IPS",
        ] {
            assert!(has(name, "a", "b"), "{name}");
        }
        assert!(has("DEBUG", "True", "False") && has("TEMPLATES[0].OPTIONS.debug", "True", "False"));
        assert!(has("SECURE_SSL_REDIRECT", "False", "True") && has("SECURE_HSTS_SECONDS", "0", "1"));
        assert!(has("INSTALLED_APPS[debug_toolbar]", "listed", "-"));
    }

    #[test]
    fn what_changes_the_site_has_none() {
        for name in [
            "INSTALLED_APPS[shop]",
            "INSTALLED_APPS order",
            "MIDDLEWARE[shop.x]",
            "ROOT_URLCONF",
            "TIME_ZONE",
            "USE_TZ",
            "LANGUAGE_CODE",
            "APPEND_SLASH",
            "DATABASES.default.ENGINE",
            "DATABASES.default.ATOMIC_REQUESTS",
            "DATABASES.default.OPTIONS.isolation_level",
            "TEMPLATES[0].OPTIONS.context_processors",
            "AUTH_USER_MODEL",
            "DATA_UPLOAD_MAX_MEMORY_SIZE",
            "CACHES.default.TIMEOUT",
            "SESSION_ENGINE",
            "WSGI_APPLICATION",
            "MY_OWN",
        ] {
            assert!(!has(name, "a", "b"), "{name}");
        }
        // The other way round.
        assert!(!has("DEBUG", "False", "True") && !has("SECURE_SSL_REDIRECT", "True", "False"));
        assert!(!has("INSTALLED_APPS[debug_toolbar]", "-", "listed") && !has("SECURE_HSTS_SECONDS", "x", "0"));
    }
}
