//! Requests that mean harm, and what exactly the production config answers to each.

use std::net::Ipv4Addr;

use crate::support::production::{NAME, Production, Received, request};
use crate::support::{Flavor, LONG, Sandbox, on_both, until};

const VIEWS: &str = r#"
import json
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt


def boom(request):
    raise RuntimeError("boom")


def forbidden(request):
    raise PermissionDenied


def own(request):
    answer = HttpResponse("own")
    answer["X-Frame-Options"] = "SAMEORIGIN"
    answer["Content-Security-Policy"] = "default-src https:"
    answer["Referrer-Policy"] = "no-referrer"
    return answer


def who(request):
    told = {name: value for name, value in request.META.items() if "FORWARD" in name or name in (
        "HTTP_X_REAL_IP", "HTTP_X_CLIENT_IP", "HTTP_PROXY")}
    return JsonResponse({"address": request.META["REMOTE_ADDR"], "secure": request.is_secure(),
                         "host": request.get_host(), "told": sorted(told), "port": request.META["SERVER_PORT"],
                         "id": request.META.get("HTTP_X_REQUEST_ID", "")})


def complain(request):
    request.META["wsgi.errors"].write("something is wrong\n")
    return HttpResponse(request.META["HTTP_X_REQUEST_ID"])


urlpatterns = [
    path("", lambda request: HttpResponse("one")),
    path("boom", boom),
    path("forbidden", forbidden),
    path("move", lambda request: HttpResponseRedirect("/")),
    path("own", own),
    path("who", who),
    path("complain", complain),
    path("post", csrf_exempt(lambda request: HttpResponse(str(len(request.body))))),
]
"#;

fn with_site(settings: &str, toml: &str, flavor: Flavor, body: impl Fn(&Sandbox, &Production)) {
    let sandbox = Sandbox::new();
    sandbox.production_site(flavor, settings);
    sandbox.write("mysite/mysite/urls.py", VIEWS);
    sandbox.write("mysite/static-files/a.css", "body {}\n");
    sandbox.write("mysite/media/a.txt", "upload\n");
    sandbox.write("mysite/djwsgi.toml", &format!("[env]\nfile = \".env\"\n{toml}"));
    let production = Production::start(&sandbox);
    production.until_answers();
    body(&sandbox, &production);
    production.server.stop();
}

/// Requests, each with the statuses that are right; 0 is a connection closed without an answer.
fn requests() -> Vec<(&'static str, String, u16)> {
    let post = |headers: &str, body: &str| format!("{}{body}", request("POST", "/post", headers));
    let get = |text: &str| text.replace("HOST", NAME);
    let chunk = "5\r\nhello\r\n0\r\n\r\n";
    let many: String = (0..110).map(|number| format!("X-{number}: x\r\n")).collect();
    let long = "x".repeat(9_000);
    vec![
        ("length and chunks", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", chunk), 411),
        ("chunks, then identity", post("Transfer-Encoding: chunked, identity\r\n", chunk), 400),
        ("identity", post("Transfer-Encoding: identity\r\n", "hello"), 400),
        ("xchunked", post("Transfer-Encoding: xchunked\r\n", chunk), 400),
        ("chunked twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", chunk), 411),
        ("tab before chunked", post("Transfer-Encoding:\tchunked\r\n", chunk), 411),
        ("vertical tab before chunked", post("Transfer-Encoding: \u{b}chunked\r\n", chunk), 400),
        ("space before the colon", post("Transfer-Encoding : chunked\r\n", chunk), 400),
        ("chunked", post("Transfer-Encoding: chunked\r\n", chunk), 411),
        ("two lengths", post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"), 400),
        ("a list of lengths", post("Content-Length: 5, 5\r\n", "hello"), 400),
        ("a negative length", post("Content-Length: -5\r\n", "hello"), 400),
        ("a length with a plus", post("Content-Length: +5\r\n", "hello"), 400),
        ("a hexadecimal length", post("Content-Length: 0x5\r\n", "hello"), 400),
        ("a huge length", post("Content-Length: 99999999999999999999\r\n", "hello"), 400),
        ("bare line feeds", get("GET / HTTP/1.1\nHost: HOST\nConnection: close\n\n"), 400),
        // Joined to one line, as RFC 7230 has it.
        ("a folded header", get("GET / HTTP/1.1\r\nHost: HOST\r\nX: a\r\n b\r\nConnection: close\r\n\r\n"), 200),
        ("NUL in a header", get("GET / HTTP/1.1\r\nHost: HOST\r\nX: a\0b\r\nConnection: close\r\n\r\n"), 400),
        ("a header without a colon", get("GET / HTTP/1.1\r\nHost: HOST\r\nnonsense\r\n\r\n"), 400),
        ("a method in two words", get("GE T / HTTP/1.1\r\nHost: HOST\r\n\r\n"), 400),
        ("two spaces", get("GET  / HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n"), 400),
        ("HTTP/0.9", "GET /\r\n\r\n".to_owned(), 400),
        ("HTTP/3.0", get("GET / HTTP/3.0\r\nHost: HOST\r\n\r\n"), 200),
        ("http in small letters", get("GET / http/1.1\r\nHost: HOST\r\n\r\n"), 400),
        ("no Host", "GET / HTTP/1.1\r\nConnection: close\r\n\r\n".to_owned(), 400),
        ("two Hosts", get("GET / HTTP/1.1\r\nHost: HOST\r\nHost: evil.invalid\r\n\r\n"), 400),
        ("another Host", get("GET / HTTP/1.1\r\nHost: evil.invalid\r\nConnection: close\r\n\r\n"), 400),
        (
            "another name in the URL",
            // Host counts; the site never sees the other name.
            get("GET http://evil.invalid/ HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n"),
            200,
        ),
        ("Host by address", get("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"), 400),
        ("URL of 9 kB", request("GET", &format!("/?{long}"), ""), 414),
        ("header of 9 kB", request("GET", "/", &format!("X-Long: {long}\r\n")), 400),
        ("110 headers", request("GET", "/", &many), 400),
        ("body of 11 MB", request("POST", "/post", "Content-Length: 11534336\r\n"), 413),
        ("chunks without end", post("Transfer-Encoding: chunked\r\n", &format!("a00000\r\n{long}")), 411),
        ("TRACE", request("TRACE", "/", ""), 405),
        ("TRACK", request("TRACK", "/", ""), 405),
        ("CONNECT", request("CONNECT", "evil.invalid:443", ""), 400),
        ("FOO", request("FOO", "/", ""), 405),
        ("PUT of a static file", request("PUT", "/static/a.css", "Content-Length: 0\r\n"), 405),
        ("DELETE of an upload", request("DELETE", "/media/a.txt", ""), 405),
        ("static file", request("GET", "/static/a.css", ""), 200),
        ("upload", request("GET", "/media/a.txt", ""), 200),
    ]
}

#[test]
fn requests_that_mean_harm_are_refused_with_the_right_status() {
    on_both(|flavor| {
        with_site("", "", flavor, |_, production| {
            let wrong: Vec<String> = requests()
                .into_iter()
                .map(|(name, bytes, expected)| (name, production.send(bytes.as_bytes()).status, expected))
                .filter(|(_, status, expected)| status != expected)
                .map(|(name, status, expected)| format!("{name}: {status}, not {expected}"))
                .collect();
            assert!(wrong.is_empty(), "{wrong:#?}");
        });
    });
}

const HEADERS: [&str; 8] = [
    "strict-transport-security",
    "x-content-type-options",
    "x-frame-options",
    "referrer-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "permissions-policy",
    "content-security-policy",
];

#[test]
fn thirteen_kinds_of_answers_have_eight_headers_each_once() {
    for (flavor, toml) in [(Flavor::Distribution, ""), (Flavor::Pypi, ""), (Flavor::Pypi, "[prod]\nbuffer = false\n")] {
        with_site("", toml, flavor, |_, production| {
            let tag = production.get("/static/a.css").values("etag")[0].to_owned();
            let long = "x".repeat(9_000);
            let kinds: [(&str, u16, Received); 14] = [
                ("page", 200, production.get("/")),
                ("redirect", 302, production.get("/move")),
                ("forbidden page", 403, production.get("/forbidden")),
                ("unknown page", 404, production.get("/nothing")),
                ("failing page", 500, production.get("/boom")),
                ("static file", 200, production.get("/static/a.css")),
                (
                    "unchanged static file",
                    304,
                    production.ask("GET", "/static/a.css", &format!("If-None-Match: {tag}\r\n")),
                ),
                ("unknown static file", 404, production.get("/static/nothing.css")),
                ("upload", 200, production.get("/media/a.txt")),
                ("malformed", 400, production.send(b"nonsense\r\n\r\n")),
                ("long URL", 414, production.get(&format!("/?{long}"))),
                ("TRACE", 405, production.ask("TRACE", "/", "")),
                (
                    "another name",
                    421,
                    production.send(b"GET / HTTP/1.1\r\nHost: catchall.invalid\r\nConnection: close\r\n\r\n"),
                ),
                ("large body", 413, production.ask("POST", "/post", "Content-Length: 11534336\r\n")),
            ];
            for (kind, status, answer) in &kinds {
                assert_eq!(answer.status, *status, "{kind}: {answer:?}");
                for header in HEADERS {
                    assert_eq!(answer.values(header).len(), 1, "{kind}, {header}: {:?}", answer.headers);
                }
                let server = answer.values("server");
                assert!(server.iter().all(|server| *server == "Apache"), "{kind}: {server:?}");
            }
            let own = production.get("/own");
            for (header, value) in [
                ("x-frame-options", "SAMEORIGIN"),
                ("content-security-policy", "default-src https:"),
                ("referrer-policy", "no-referrer"),
            ] {
                assert_eq!(own.values(header), [value], "the site's own wins");
            }
        });
    }
}

/// What a request claims, and whether the site may believe it.
fn who(production: &Production, source: Ipv4Addr, headers: &str) -> serde_json::Value {
    let answer = production.connect_from(source).exchange(request("GET", "/who", headers).as_bytes());
    serde_json::from_str(&answer.body).unwrap_or_else(|_| panic!("{answer:?}"))
}

const LIES: [&str; 10] = [
    "X-Forwarded-For: 192.0.2.1",
    "X-Forwarded-Proto: http",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: evil.invalid",
    "X-Forwarded-Port: 81",
    "X-Forwarded-SSL: off",
    "X-Real-IP: 192.0.2.1",
    "X-Client-IP: 192.0.2.1",
    "Forwarded: for=192.0.2.1;host=evil.invalid;proto=http",
    "Proxy: http://evil.invalid",
];

/// Headers about the connection alone, by RFC 9110 and by habit.
const HOP_BY_HOP: [&str; 9] = [
    "Connection",
    "Keep-Alive",
    "Proxy-Connection",
    "Upgrade",
    "TE",
    "Trailer",
    "Proxy-Authorization",
    "Connection: Upgrade\r\nUpgrade",
    "Connection: TE,\tclose\r\nConnection",
];

/// Headers that tell the site of a request.
const OURS: [&str; 5] =
    ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Request-ID", "keep-alive , x-forwarded-for,Host"];

/// How long a connection stays open after an answer depends on Connection, whatever else that names.
#[test]
fn connections_are_kept_and_closed_as_the_client_wishes() {
    with_site("", "", Flavor::Pypi, |_, production| {
        for (version, header, kept) in [
            ("1.1", "", true),
            ("1.1", "Connection: keep-alive\r\n", true),
            ("1.1", "Connection: X-Forwarded-For\r\n", true),
            ("1.1", "Connection: Close\r\n", false),
            ("1.1", "Connection: X-Forwarded-For, close\r\n", false),
            ("1.1", "Connection: disclose\r\n", true),
            ("1.0", "", false),
            ("1.0", "Connection: Keep-Alive\r\n", true),
        ] {
            let mut connection = production.connect();
            for path in ["/static/a.css", "/"] {
                let bytes = format!("GET {path} HTTP/{version}\r\nHost: {NAME}\r\n{header}\r\n");
                let answer = connection.once(bytes.as_bytes());
                assert_eq!(answer.status, 200, "{version} {header} {path}");
                let closes = answer.values("connection").iter().any(|value| value.contains("close"));
                assert_eq!(closes, !kept, "{version} {header} {path}: {answer:?}");
                // For no cache's use: what was looked at in the request decides nothing about the answer.
                let vary = answer.values("vary").join(",").to_lowercase();
                assert!(!vary.contains("connection") && !vary.contains("length"), "{vary}");
                if closes {
                    connection = production.connect();
                }
            }
        }
    });
}

#[test]
fn nobody_is_believed_but_the_balancers_named() {
    let stranger = Ipv4Addr::new(127, 0, 0, 9);
    let balancer = Ipv4Addr::new(127, 0, 0, 5);
    on_both(|flavor| {
        for toml in ["", "[prod]\nbuffer = false\n"] {
            with_site("", toml, flavor, |_, production| {
                for lie in LIES.into_iter().chain(["X_Forwarded_For: 192.0.2.1"]) {
                    let seen = who(production, stranger, &format!("{lie}\r\n"));
                    assert_eq!(seen["address"], "127.0.0.9", "{lie} {toml}: {seen}");
                    assert_eq!(seen["secure"], true, "{lie} {toml}: {seen}");
                    assert_ne!(seen["port"], "81", "{lie} {toml}: {seen}");
                    assert!(!seen["host"].as_str().unwrap().contains("evil"), "{lie} {toml}: {seen}");
                    let told = seen["told"].to_string();
                    assert!(
                        !told.contains("REAL_IP") && !told.contains("PROXY\"") && !told.contains("HOST"),
                        "{lie}: {seen}"
                    );
                }
                // What Apache adds for the site can't be named as a matter of the connection.
                let plain = who(production, stranger, "");
                for (header, name) in HOP_BY_HOP.iter().flat_map(|header| OURS.map(|name| (header, name))) {
                    let seen = who(production, stranger, &format!("{header}: {name}\r\n"));
                    for told in ["address", "secure", "host", "port"] {
                        assert_eq!(seen[told], plain[told], "{header}: {name} {toml}: {seen}");
                    }
                    assert_ne!(seen["id"], "", "{header}: {name} {toml}: {seen}");
                }
            });
        }
        // Behind a balancer, which speaks plain HTTP with us.
        let toml = "[prod]\ntls = \"proxy\"\nproxies = [\"127.0.0.5\"]\n";
        with_site("SECURE_SSL_REDIRECT = False", toml, flavor, |_, production| {
            for lie in LIES {
                let seen = who(production, stranger, &format!("{lie}\r\n"));
                assert_eq!((&seen["address"], &seen["secure"]), (&"127.0.0.9".into(), &false.into()), "{lie}: {seen}");
                assert!(!seen["host"].as_str().unwrap().contains("evil"), "{lie}: {seen}");
            }
            let headers = "X-Forwarded-For: 192.0.2.7\r\nX-Forwarded-Proto: https\r\n";
            let seen = who(production, balancer, headers);
            assert_eq!((&seen["address"], &seen["secure"]), (&"192.0.2.7".into(), &true.into()), "{seen}");
            // What a client told the balancer comes first in the list.
            let headers = "X-Forwarded-For: 192.0.2.66, 192.0.2.7\r\nX-Forwarded-Proto: https\r\n";
            assert_eq!(who(production, balancer, headers)["address"], "192.0.2.7");
        });
    });
}

#[test]
fn the_log_has_no_query_and_the_site_has_the_requests_id() {
    with_site("", "", Flavor::Distribution, |_, production| {
        production.get("/?token=a-secret");
        let folder = production.folder();
        let logs = walkdir::WalkDir::new(format!("{folder}/log")).into_iter().flatten();
        let text: String = logs
            .filter(|entry| entry.file_type().is_file())
            .map(|entry| std::fs::read_to_string(entry.path()).unwrap_or_default())
            .collect();
        assert!(text.contains("\"GET / HTTP/1.1\" 200") && !text.contains("a-secret"), "{text}");
    });
}

/// With and without the buffer, which is a request of its own.
#[test]
fn a_request_has_one_id_in_every_log_and_for_the_site() {
    on_both(|flavor| {
        for toml in ["", "[prod]\nbuffer = false\n"] {
            with_site("", toml, flavor, |_, production| {
                let id = production.get("/complain").body;
                assert!(id.len() > 10, "{id}");
                let read = |name: &str| {
                    std::fs::read_to_string(format!("{}/log/{name}", production.folder())).unwrap_or_default()
                };
                let logs = walkdir::WalkDir::new(format!("{}/log", production.folder())).into_iter().flatten();
                let names: Vec<String> = logs.map(|file| file.file_name().to_string_lossy().into_owned()).collect();
                until("both lines", LONG, || {
                    let lines = names.iter().map(|name| read(name)).collect::<String>();
                    let has = |words: &str| lines.lines().any(|line| line.contains(words) && line.contains(&id));
                    (has("GET /complain ") && has("something is wrong")).then_some(())
                });
            });
        }
    });
}
