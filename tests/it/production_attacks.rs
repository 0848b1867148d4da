//! Clients that are slow on purpose: the production config leaves room for everybody else.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::support::http2::Http2;
use crate::support::production::{Connection, NAME, Production, Received, request};
use crate::support::{Flavor, Sandbox};

/// How long visitors come while an attack goes on.
const SPELL: Duration = Duration::from_secs(5);

const VIEWS: &str = r#"
import time
from django.http import HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

urlpatterns = [
    path("", lambda request: HttpResponse("one")),
    path("long", lambda request: time.sleep(14) or HttpResponse("long")),
    path("big", lambda request: HttpResponse("x" * 2_000_000)),
    path("post", csrf_exempt(lambda request: HttpResponse(str(len(request.body))))),
]
"#;

/// Visitors come every quarter of a second; each must be served.
fn all_are_served(production: &Production, attack: &str) {
    let started = Instant::now();
    while started.elapsed() < SPELL {
        for seen in [production.visit(), production.visit_http2()] {
            assert_eq!(seen, Ok(()), "{attack}\n{}", production.server.err());
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
    std::thread::scope(|scope| {
        // Meanwhile others take their time for good reasons: longer than any time limit of an attack's.
        let long = scope.spawn(|| production.connect_http2().get("/long"));
        let uploads = [scope.spawn(|| steady_upload(&production)), scope.spawn(|| steady_stream(&production))];
        attack(&production);
        let long = long.join().unwrap();
        assert_eq!((long.status, long.body.as_str()), (200, "long"));
        for upload in uploads {
            let answer = upload.join().unwrap();
            assert_eq!((answer.status, answer.body.as_str()), (200, "14000"));
        }
    });
    production.server.stop();
}

/// A kilobyte a second, for 14 seconds.
fn pieces(mut send: impl FnMut(&[u8], bool)) {
    for number in 1..=14 {
        std::thread::sleep(Duration::from_secs(1));
        send(&[b'x'; 1000], number == 14);
    }
}

fn steady_upload(production: &Production) -> Received {
    let mut connection = production.connect();
    connection.write_all(request("POST", "/post", "Content-Length: 14000\r\n").as_bytes()).unwrap();
    pieces(|piece, _| connection.write_all(piece).and_then(|()| connection.flush()).unwrap());
    connection.exchange(b"")
}

fn steady_stream(production: &Production) -> Received {
    let mut connection = production.connect_http2();
    let stream = connection.begin("/post", 14_000);
    pieces(|piece, is_last| connection.piece(stream, piece, is_last));
    connection.answer(stream)
}

fn attack(production: &Production) {
    let held: Vec<Connection> = (0..300)
        .map(|_| {
            let mut connection = production.connect();
            write!(connection, "GET / HTTP/1.1\r\nHost: {NAME}\r\nX-Slow: ").unwrap();
            connection.flush().unwrap();
            connection
        })
        .collect();
    all_are_served(production, "300 slow headers");
    drop(held);

    let held: Vec<_> = (0..300).map(|_| production.plain(production.https)).collect();
    all_are_served(production, "300 idle handshakes");
    drop(held);

    for (count, sent) in [(60, 0), (60, 100), (60, 40_000), (300, 40_000)] {
        let held: Vec<Connection> = (0..count).map(|_| half_body(production, sent)).collect();
        all_are_served(production, &format!("{count} bodies of which {sent} bytes came"));
        drop(held);
    }

    for (count, sent) in [(60, 0), (60, 100), (200, 1)] {
        let held: Vec<Http2> = (0..count)
            .map(|_| {
                let mut connection = production.connect_http2();
                for _ in 0..100 {
                    let stream = connection.begin("/post", 100_000);
                    connection.piece(stream, &vec![b'x'; sent], false);
                }
                connection
            })
            .collect();
        all_are_served(production, &format!("{count} × 100 streams of which {sent} bytes came"));
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
    all_are_served(production, "60 clients that read nothing");
    drop(held);

    // A whole body still arrives whole.
    let body = "x".repeat(100_000);
    let answer =
        production.send(format!("{}{body}", request("POST", "/post", "Content-Length: 100000\r\n")).as_bytes());
    assert_eq!((answer.status, answer.body.as_str()), (200, "100000"));
}
