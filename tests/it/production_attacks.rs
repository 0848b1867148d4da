//! Clients that are slow on purpose: the production config leaves room for everybody else.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::support::production::{Connection, NAME, Production, request};
use crate::support::{Flavor, Sandbox};

/// How long visitors come while an attack goes on.
const SPELL: Duration = Duration::from_secs(5);

const VIEWS: &str = r#"
from django.http import HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

urlpatterns = [
    path("", lambda request: HttpResponse("one")),
    path("big", lambda request: HttpResponse("x" * 2_000_000)),
    path("post", csrf_exempt(lambda request: HttpResponse(str(len(request.body))))),
]
"#;

/// Visitors come every quarter of a second; each must be served.
fn all_are_served(production: &Production, attack: &str) {
    let started = Instant::now();
    while started.elapsed() < SPELL {
        if let Err(seen) = production.visit() {
            panic!("{attack}: {seen}\n{}", production.server.err());
        }
        std::thread::sleep(Duration::from_millis(250));
    }
}

fn half_body(production: &Production, sent: usize) -> Connection {
    let mut connection = production.connect();
    connection.write_all(request("POST", "/post", "Content-Length: 100000\r\n").as_bytes()).unwrap();
    connection.write_all(&vec![b'x'; sent]).unwrap();
    connection.flush().unwrap();
    connection
}

#[test]
fn slow_clients_leave_room_with_the_distributions_mod_wsgi() {
    slow_clients_leave_room(Flavor::Distribution);
}

#[test]
fn slow_clients_leave_room_with_the_newest_mod_wsgi() {
    slow_clients_leave_room(Flavor::Pypi);
}

fn slow_clients_leave_room(flavor: Flavor) {
    let sandbox = Sandbox::new();
    sandbox.production_site(flavor, "");
    sandbox.write("mysite/mysite/urls.py", VIEWS);
    let production = Production::start(&sandbox);
    production.until_answers();

    let held: Vec<Connection> = (0..300)
        .map(|_| {
            let mut connection = production.connect();
            write!(connection, "GET / HTTP/1.1\r\nHost: {NAME}\r\nX-Slow: ").unwrap();
            connection.flush().unwrap();
            connection
        })
        .collect();
    all_are_served(&production, "300 slow headers");
    drop(held);

    let held: Vec<_> = (0..300).map(|_| production.plain(production.https)).collect();
    all_are_served(&production, "300 idle handshakes");
    drop(held);

    for (count, sent) in [(60, 0), (60, 100), (60, 40_000), (300, 40_000)] {
        let held: Vec<Connection> = (0..count).map(|_| half_body(&production, sent)).collect();
        all_are_served(&production, &format!("{count} bodies of which {sent} bytes came"));
        drop(held);
    }

    let held: Vec<Connection> = (0..60)
        .map(|_| {
            let mut connection = production.connect();
            connection.write_all(request("GET", "/big", "").as_bytes()).unwrap();
            connection.flush().unwrap();
            connection
        })
        .collect();
    all_are_served(&production, "60 clients that read nothing");
    drop(held);

    // A whole body still arrives whole.
    let body = "x".repeat(100_000);
    let answer =
        production.send(format!("{}{body}", request("POST", "/post", "Content-Length: 100000\r\n")).as_bytes());
    assert_eq!((answer.status, answer.body.as_str()), (200, "100000"));
    production.server.stop();
}
