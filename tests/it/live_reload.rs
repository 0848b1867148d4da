//! `djwsgi reload`: new code for a live site, process by process.

use crate::support::live::assert_lossless;
use crate::support::{Flavor, Sandbox, on_both};

/// Says which code it is, and by which process.
const VIEWS: &str = r#"
import os, time
from django.http import HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

@csrf_exempt
def view(request):
    return HttpResponse("v0 %d %d" % (os.getpid(), len(request.body)))

def slow(request):
    time.sleep(6)
    return HttpResponse("slow v0")

urlpatterns = [path("", view), path("slow", slow)]
"#;

#[test]
fn twenty_renewals_lose_nothing_and_old_code_does_not_come_back() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.deployment(flavor, VIEWS, "");
        let shown = sandbox.on_server(
            r#"
            get / | cut -d" " -f1
            python3 load.py 150 over >load.json & load=$!
            curl -sk $at https://www.example.org/slow >slow & slow=$!
            sleep 0.5
            before=$(daemons | wc -w)
            for i in $(seq 20); do
                sed -i "s/\"v[0-9]*/\"v$i/" mysite/mysite/urls.py
                $djwsgi reload >&2
                echo "$(date +%s.%N) v$i" >>marks
                if [ $i = 1 ]; then wait $slow; cat slow; echo; fi
            done
            touch over
            wait $load
            [ $before = 2 ] && [ "$(daemons | wc -w)" = 2 ] && echo two processes
            get / | cut -d" " -f1
            ls /run/djwsgi/mysite
            "#,
        );
        assert_eq!(shown.code, 0, "{} {}", shown.out, shown.err);
        assert_eq!(shown.out.lines().collect::<Vec<_>>(), ["v0", "slow v0", "two processes", "v20", "lock"]);
        assert_lossless(&sandbox, "load.json");
    });
}

#[test]
fn code_that_cannot_answer_stays_out() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.deployment(flavor, VIEWS, "processes = 3");
        let shown = sandbox.on_server(
            r#"
            get / | cut -d" " -f1
            python3 load.py 100 over >load.json & load=$!
            pids=$(daemons)
            cp mysite/mysite/urls.py good
            reload() { $djwsgi reload "$@" 2>said && echo done || echo "refused $?"; cat said >&2; }
            # Tried in a process that serves nobody.
            echo nonsense! >>mysite/mysite/urls.py
            reload --check
            grep -o "SyntaxError" said | head -1
            grep -o "no process has been touched" said
            [ "$pids" = "$(daemons)" ] && echo same processes
            # Not tried: the first process finds out, and is kept from the visitors.
            reload
            grep -o "SyntaxError" said | head -1
            grep -o "2 processes go on with the old code" said
            for _ in $(seq 60); do get / | cut -d" " -f1; done | sort -u
            # Again: the process that waits is the one that tries.
            reload
            grep -o "2 processes go on with the old code" said
            for _ in $(seq 60); do get / | cut -d" " -f1; done | sort -u
            # A page that fails.
            sed "s/^def view.*/&\n    raise ValueError(\"seldom\")/" good >mysite/mysite/urls.py
            reload --check
            grep -o "ValueError: seldom" said | head -1
            # The site's own signal renews those that wait as well.
            sed "s/\"v0/\"v1/" good >mysite/mysite/urls.py
            reload --check
            echo "$(date +%s.%N) v1" >>marks
            [ "$(daemons | wc -w)" = 3 ] && echo three processes
            for _ in $(seq 60); do get / | cut -d" " -f1; done | sort -u
            touch over
            wait $load
            "#,
        );
        assert_eq!(shown.code, 0, "{} {}", shown.out, shown.err);
        let expected = [
            "v0",
            "refused 1",
            "SyntaxError",
            "no process has been touched",
            "same processes",
            "refused 1",
            "SyntaxError",
            "2 processes go on with the old code",
            "v0",
            "refused 1",
            "2 processes go on with the old code",
            "v0",
            "refused 1",
            "ValueError: seldom",
            "done",
            "three processes",
            "v1",
        ];
        assert_eq!(shown.out.lines().collect::<Vec<_>>(), expected, "{}", shown.err);
        assert_lossless(&sandbox, "load.json");
    });
}

/// Imports a module and renders a template that nothing has needed before.
const LATE: &str = r#"
from django.shortcuts import render
from django.urls import path
from django.http import HttpResponse

def front(request):
    return HttpResponse("front")

def late(request):
    from mysite import late
    return render(request, "late.txt", {"late": late.VERSION})

urlpatterns = [path("", front), path("late", late)]
"#;

#[test]
fn a_process_stays_with_the_release_it_began_with() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        let current = sandbox.join("srv/current");
        let root = format!("root = \"{}\"", current.display());
        sandbox.deployment_with(flavor, LATE, &root, "TEMPLATES[0][\"DIRS\"] = [BASE_DIR / \"templates\"]");
        sandbox.write("mysite/mysite/late.py", "VERSION = \"one\"\n");
        sandbox.write("mysite/templates/late.txt", "{{ late }} one");
        let releases = r#"
            mkdir -p srv/releases
            cp -a mysite srv/releases/1
            cp -a mysite srv/releases/2
            sed -i s/one/two/ srv/releases/2/mysite/late.py srv/releases/2/templates/late.txt
            ln -s releases/1 srv/current
        "#;
        assert_eq!(sandbox.root_script(releases).code, 0);
        let shown = sandbox.on_server(
            r#"
            switch() { ln -s releases/$1 srv/next; mv -T srv/next srv/current; }
            asked() { for _ in $(seq 40); do get /late; done | sort -u; }
            get /
            switch 2
            asked
            $djwsgi reload --check 2>&1 | tail -1
            asked
            switch 1
            asked
            $djwsgi reload 2>&1 | tail -1
            asked
            "#,
        );
        assert_eq!(shown.code, 0, "{} {}", shown.out, shown.err);
        let done = "    Reloaded mysite: 2 processes serve the new code";
        let expected = ["front", "one one", done, "two two", "two two", done, "one one"];
        assert_eq!(shown.out.lines().collect::<Vec<_>>(), expected, "{}", shown.err);
    });
}

#[test]
fn whoever_cannot_renew_is_told_why() {
    let sandbox = Sandbox::new();
    sandbox.djwsgi("", &["reload", "shop"]).code(3).says(&["shop is not deployed here", "DEPLOY.md"]);
    for name in ["../x", "", "a/b", ".", "-rf"] {
        sandbox.djwsgi("", &["reload", "--", name]).code(2);
    }
    sandbox.deployment(Flavor::Distribution, VIEWS, "");
    let shown = sandbox.on_server(
        r#"
        say() { "$@" >/dev/null 2>said || true; cat said >&2; grep -E "^(error|hint)" said || true; }
        say setpriv --reuid mysite --regid mysite --clear-groups $djwsgi reload
        # Two at once: one wins.
        curl -sk $at https://www.example.org/slow >slow & slow=$!
        sleep 0.5
        $djwsgi reload >&2 & first=$!
        sleep 0.5
        say $djwsgi reload
        wait $first && wait $slow && cat slow && echo
        # One that is killed leaves the site serving, and the next one at work.
        curl -sk $at https://www.example.org/slow >slow & slow=$!
        sleep 0.5
        $djwsgi reload >&2 & first=$!
        sleep 0.5
        kill -9 $first; wait $first 2>/dev/null || true
        get / | cut -d" " -f1
        wait $slow
        $djwsgi reload mysite 2>&1 | tail -1
        stop
        while [ -n "$(daemons)" ]; do sleep 0.1; done
        say $djwsgi reload
        "#,
    );
    assert_eq!(shown.code, 0, "{} {}", shown.out, shown.err);
    let expected = [
        "error: only root can change what Apache serves",
        "hint: sudo djwsgi reload mysite",
        "error: mysite is being renewed already",
        "slow v0",
        "v0",
        "    Reloaded mysite: 2 processes serve the new code",
        "error: no process of mysite runs",
        "hint: systemctl start apache2.service",
    ];
    assert_eq!(shown.out.lines().collect::<Vec<_>>(), expected, "{}", shown.err);
}
