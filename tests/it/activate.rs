//! `djwsgi activate` and `djwsgi rollback`: one set takes the place of another on a live server.

use serde_json::Value;

use crate::support::live::{BREAKS, SETS, assert_lossless, load};
use crate::support::{Flavor, Sandbox, on_both};

/// Says which set it has its variables from, by which process.
const VIEWS: &str = r#"
import os, time
from django.http import HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

@csrf_exempt
def view(request):
    return HttpResponse("v%s %d %d" % (os.environ["NUMBER"], os.getpid(), len(request.body)))

def slow(request):
    time.sleep(6)
    return HttpResponse("slow v%s" % os.environ["NUMBER"])

urlpatterns = [path("", view), path("slow", slow)]
"#;

/// Commands, and how they ended.
const HELPERS: &str = r#"
activate() { $djwsgi activate out --yes "$@" 2>said && echo done || echo "refused $?"; cat said >&2; }
rollback() { $djwsgi rollback --yes "$@" 2>said && echo done || echo "refused $?"; cat said >&2; }
said() { grep -o -- "$1" said | head -1 || true; }
"#;

#[test]
fn twenty_activations_and_rollbacks_lose_nothing() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.deployment(flavor, VIEWS, "");
        let shown = sandbox.on_bare_server(&format!(
            r#"{SETS}{HELPERS}
            set_to 1; activate; found
            python3 load.py 240 over >load.json & load=$!
            for i in $(seq 2 21); do
                if [ $i = 2 ]; then curl -sk $at https://www.example.org/slow >slow & slow=$!; sleep 0.3; fi
                set_to $i
                $djwsgi activate out --yes 2>said || cat said
                echo "$(date +%s.%N) v$i" >>marks
                [ "$(found)" = "$i v$i" ] || found
                if [ $i = 2 ]; then wait $slow; cat slow; echo; fi
            done
            touch over; wait $load; mv load.json activations.json; rm over
            python3 load.py 240 over >load.json & load=$!
            for i in $(seq 20); do
                if [ $i = 1 ]; then curl -sk $at https://www.example.org/slow >slow & slow=$!; sleep 0.3; fi
                $djwsgi rollback --yes 2>said || cat said
                if [ $i = 1 ]; then wait $slow; cat slow; echo; fi
                [ "$(found)" = "$((21 - i % 2)) v$((21 - i % 2))" ] || found
            done
            touch over; wait $load; mv load.json rollbacks.json
            "#
        ));
        assert_eq!(shown.code, 0, "{} {}", shown.out, shown.err);
        let lines: Vec<&str> = shown.out.lines().collect();
        assert_eq!(lines, ["done", "1 v1", "slow v1", "slow v21"], "{}", shown.err);
        assert_lossless(&sandbox, "activations.json");
        let rollbacks = load(&sandbox, "rollbacks.json");
        assert_eq!(rollbacks["failed"], serde_json::json!([]), "{}", rollbacks["answered"]);
    });
}

#[test]
fn a_set_that_cannot_serve_is_refused_and_nothing_changes() {
    let sandbox = Sandbox::new();
    sandbox.deployment(Flavor::Distribution, VIEWS, "");
    let shown = sandbox.on_bare_server(&format!(
        r#"{SETS}{HELPERS}
        set_to 1; activate
        python3 load.py 120 over >load.json & load=$!
        cp -a out good
        again() {{ rm -r out; cp -a good out; set_to 2; }}
        state() {{ find /etc/djwsgi/mysite /etc/apache2 -type f -o -type l | sort | xargs sha256sum | sha256sum; }}
        before=$(state)
        same() {{ [ "$(state)" = "$before" ] && [ "$(found)" = "1 v1" ] && echo same || echo "changed: $(found)"; }}
        # A config that Apache does not accept, and one that it accepts and does not start with.
        again; echo nonsense >>out/00-mysite.conf; activate; said "Invalid command 'nonsense'"; same
        again; sed -i 's|SSLCertificateKeyFile "/etc/ssl/site.key"|SSLCertificateKeyFile "/etc/djwsgi/mysite/catchall.key"|' out/00-mysite.conf; activate; said "does not start with it"; same
        # Code and script that can't be loaded.
        again; echo "raise ValueError(1)" >>out/django.wsgi; activate; said "after its report"; same
        again; sed -i /NUMBER/d out/secrets.env; activate; said "KeyError: 'NUMBER'"; same
        cp mysite/mysite/urls.py urls
        again; echo nonsense! >>mysite/mysite/urls.py; activate; said "SyntaxError"; cp urls mysite/mysite/urls.py; same
        # The disk is full.
        again; mkdir full; mount -t tmpfs -o size=128k none full; cp -a /etc/djwsgi/. full; mount --bind full /etc/djwsgi
        head -c 200000 /dev/zero >full/fill 2>/dev/null || true
        activate; said "No space left on device"; found; umount /etc/djwsgi; umount full; same
        # Somebody listens there, or nobody can.
        again; echo "Listen 192.0.2.1:80" >>out/00-mysite.conf; activate; said "192.0.2.1 is no address"; same
        again; sed -i "s/^buffer-port.*/buffer-port = 17777/" out/deployment.toml
        python3 -c "import socket, time; s = socket.create_server(('127.0.0.1', 17777)); print(1, flush=True); time.sleep(60)" >up & other=$!
        while [ ! -s up ]; do sleep 0.05; done
        activate; said "port 17777 is taken by python3"; kill $other; same
        # Certificates.
        cert() {{ again; cp -a /etc/ssl/site.crt /etc/ssl/site.key .; eval "$1"; activate; said "$2"; cp -a site.crt site.key /etc/ssl; same; }}
        new="openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x"
        cert "$new -days 2 -keyout /etc/ssl/site.key -out /dev/null 2>/dev/null" "is not the key of"
        openssl req -new -key /etc/ssl/site.key -subj /CN=www.example.org -out request
        cert "openssl x509 -req -in request -signkey /etc/ssl/site.key -days -1 -out /etc/ssl/site.crt 2>/dev/null" "is not valid today"
        cert "chmod 644 /etc/ssl/site.key" "everybody may read"
        cert "rm /etc/ssl/site.crt" "cannot read /etc/ssl/site.crt"
        cert "echo x >/etc/ssl/site.crt" "holds no certificate"
        # What is no set, or not for here.
        again; rm out/django.wsgi; activate; said "django.wsgi is missing"
        again; rm out/deployment.toml; activate; said "is no deployment"
        again; mv out/django.wsgi x; ln -s /etc/shadow out/django.wsgi; activate; said "is a symbolic link"
        again; sed -i 's|^conf = .*|conf = "/etc/passwd"|' out/deployment.toml; activate; said "names /etc/passwd"
        again; sed -i 's|^user = .*|user = "nobody-here"|' out/deployment.toml; activate; said "no account nobody-here"
        again; sed -i 's|^root = .*|root = "/nowhere"|' out/deployment.toml; activate; said "/nowhere is not there"
        same
        # Not root, no answer to the question, two at once.
        again; chmod 755 out; chmod 644 out/*
        setpriv --reuid mysite --regid mysite --clear-groups $djwsgi activate out 2>&1 | tail -1 || true
        $djwsgi activate out </dev/null 2>&1 | tail -1 || true
        $djwsgi activate out --dry-run 2>dry; grep -o "exchange /etc/djwsgi/mysite\|secrets.env, as [a-z/.]*\|have Apache (process" dry
        same
        $djwsgi activate out --yes 2>/dev/null & first=$!
        while [ ! -e /etc/djwsgi/.mysite/staged ]; do sleep 0.01; done
        activate; said "another djwsgi is activating"
        wait $first && found
        # One that browsers will refuse is warned of.
        again; cp -a /etc/ssl/site.crt /etc/ssl/site.key .
        $new -days 2 -addext subjectAltName=DNS:example.org,DNS:*.example.com -keyout /etc/ssl/site.key -out /etc/ssl/site.crt 2>/dev/null
        $djwsgi activate out --dry-run 2>&1 | grep -o "does not name www.example.org"
        cp -a site.crt site.key /etc/ssl; $djwsgi activate out --dry-run 2>&1 | grep "does not name" || true
        # Edited on the server.
        set_to 3; sed -i "s/^Timeout 60/Timeout 61/" /etc/djwsgi/mysite/00-mysite.conf
        activate; said "+Timeout 60"; found
        activate --overwrite; found
        rollback; grep ^Timeout /etc/apache2/sites-enabled/00-mysite.conf
        touch over; wait $load
        "#
    ));
    assert_eq!(shown.code, 0, "{} {}", shown.out, shown.err);
    let expected = [
        "done",
        "refused 1",
        "Invalid command 'nonsense'",
        "same",
        "refused 1",
        "does not start with it",
        "same",
        "refused 1",
        "after its report",
        "same",
        "refused 1",
        "KeyError: 'NUMBER'",
        "same",
        "refused 1",
        "SyntaxError",
        "same",
        "refused 3",
        "No space left on device",
        "1 v1",
        "same",
        "refused 3",
        "192.0.2.1 is no address",
        "same",
        "refused 3",
        "port 17777 is taken by python3",
        "same",
        "refused 3",
        "is not the key of",
        "same",
        "refused 3",
        "is not valid today",
        "same",
        "refused 3",
        "everybody may read",
        "same",
        "refused 3",
        "cannot read /etc/ssl/site.crt",
        "same",
        "refused 3",
        "holds no certificate",
        "same",
        "refused 2",
        "django.wsgi is missing",
        "refused 2",
        "is no deployment",
        "refused 4",
        "is a symbolic link",
        "refused 2",
        "names /etc/passwd",
        "refused 3",
        "no account nobody-here",
        "refused 3",
        "/nowhere is not there",
        "same",
        "hint: sudo djwsgi activate out",
        "hint: there is no terminal to ask on; pass --yes to agree",
        "secrets.env, as /etc/djwsgi/mysite/secrets.env",
        "exchange /etc/djwsgi/mysite",
        "have Apache (process",
        "same",
        "refused 1",
        "another djwsgi is activating",
        "2 v2",
        "does not name www.example.org",
        "refused 4",
        "+Timeout 60",
        "2 v2",
        "done",
        "3 v3",
        "done",
        "Timeout 61",
    ];
    assert_eq!(shown.out.lines().collect::<Vec<_>>(), expected, "{}", shown.err);
    assert_eq!(load(&sandbox, "load.json")["failed"], serde_json::json!([]));
}

#[test]
fn a_set_that_fails_only_when_it_is_live_is_undone() {
    let sandbox = Sandbox::new();
    let views = format!("{VIEWS}{BREAKS}");
    sandbox.deployment(Flavor::Distribution, &views, "");
    let shown = sandbox.on_bare_server(&format!(
        r#"{SETS}{HELPERS}
        # The first set: nothing of it stays.
        all() {{ find /etc /var/lib -path /var/lib/apache2/module -prune -o -type f -print -o -type l -print | sort; }}
        all >before
        set_to 1; echo BREAKS=1 >>out/secrets.env
        activate; said "RuntimeError: only here"; said "nothing of it is left"
        all | diff before - && echo no trace
        curl -s -o /dev/null -w "%{{http_code}}\n" http://127.0.0.1/
        # A later one: the set of before serves, and its visitors have noticed nothing.
        set_to 1; activate; found
        python3 load.py 100 over >load.json & load=$!
        set_to 2; echo BREAKS=1 >>out/secrets.env
        activate; said "RuntimeError: only here"; said "the set of before serves"; found
        set_to 3; activate; found
        rollback; found
        # The set to go back to fails: the one of now serves.
        echo BREAKS=1 >>/etc/djwsgi/.mysite/previous/secrets.env
        rollback; said "the set of before serves"; found
        ls /etc/djwsgi/.mysite
        touch over; wait $load
        # Another site has come to need a module that was enabled for this one.
        printf "Listen 81\nHeader set X-Other 1\n" >/etc/apache2/conf-enabled/other.conf
        apachectl -k graceful
        for _ in $(seq 250); do curl -s -o /dev/null http://127.0.0.1:81/ && break; sleep 0.02; done
        sleep 1
        rollback --remove
        curl -s -o /dev/null -w "%{{http_code}} %header{{x-other}}\n" --retry 5 --retry-all-errors http://127.0.0.1:81/
        "#
    ));
    assert_eq!(shown.code, 0, "{} {}", shown.out, shown.err);
    let expected = [
        "refused 1",
        "RuntimeError: only here",
        "nothing of it is left",
        "no trace",
        "200",
        "done",
        "1 v1",
        "refused 1",
        "RuntimeError: only here",
        "the set of before serves",
        "1 v1",
        "done",
        "3 v3",
        "done",
        "1 v1",
        "refused 1",
        "the set of before serves",
        "1 v1",
        "lock",
        "previous",
        "traces.json",
        "done",
        "200 1",
    ];
    assert_eq!(shown.out.lines().collect::<Vec<_>>(), expected, "{}", shown.err);
    let load: Value = load(&sandbox, "load.json");
    assert_eq!(load["failed"], serde_json::json!([]), "{}", load["answered"]);
}
