//! DEPLOY.md, followed to the letter in the system's own Apache: in a network and a mount namespace of its
//! own with a copy of /etc, so that the machine is left as it was.

use crate::support::live::{commands, section};
use crate::support::sandbox::{SECRET, until_no_process};
use crate::support::{Sandbox, on_both};

const VIEWS: &str = r#"
import os, sys, time
from django.http import HttpResponse
from django.urls import path

def facts(request):
    monitors = [name for name in sys.modules if name.endswith(".monitor")]
    user = __import__("pwd").getpwuid(os.getuid())[0]
    facts = (monitors, request.is_secure(), user, oct(os.umask(0o22)), request.META["SERVER_PORT"])
    return HttpResponse("one %s %s %s %s %s" % facts)

def slow(request):
    time.sleep(6)
    return HttpResponse("slow one")

urlpatterns = [path("", facts), path("slow", slow)]
"#;

#[test]
fn the_steps_lead_to_a_site_that_serves_and_never_reloads() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.production_site(flavor, "");
        sandbox.write("mysite/mysite/urls.py", VIEWS);
        sandbox.write(
            "mysite/djwsgi.toml",
            "[env]\nfile = \".env\"\n[prod]\ncertificate = \"/etc/ssl/site.crt\"\ncertificate-key = \"/etc/ssl/site.key\"\n",
        );
        sandbox.djwsgi("mysite", &["init"]).code(0);
        // Without what DEPLOY.md has in its step about settings.
        let settings = sandbox.read("mysite/mysite/settings.py");
        let named = |line: &&str| !["SECURE_", "SESSION_", "CSRF_"].iter().any(|name| line.starts_with(name));
        let without: Vec<&str> = settings.lines().filter(named).collect();
        assert!(without.len() < settings.lines().count());
        sandbox.write("mysite/mysite/settings.py", &without.join("\n"));
        let arguments = ["deploy-config", "--prod", "--target", "debian", "--output", "../out"];
        sandbox.djwsgi("mysite", &arguments).code(0);
        let document = sandbox.read("out/DEPLOY.md");
        let (_, step) = document.split_once("```python\n").unwrap();
        let step = step.split("```").next().unwrap();
        sandbox.write("mysite/mysite/settings.py", &format!("{}\n{step}", without.join("\n")));
        // The site and its environment must be readable for the account, and are.
        let steps = commands(&sandbox.read("out/DEPLOY.md"));
        assert!(steps.contains("a2ensite") && steps.contains("check --deploy --fail-level WARNING"), "{steps}");
        sandbox.write("steps.sh", &steps);
        sandbox.write("new.sh", &section(&document, "New code"));
        let script = r#"
        cp -a /etc etc
        mkdir lib
        cp -a /var/lib/apache2 lib
        unshare --net --mount --pid --fork --mount-proc --kill-child bash -euo pipefail -c '
            ip link set lo up
            mount --bind etc /etc
            mount -t tmpfs none /var/log/apache2
            mount --bind lib /var/lib
            mount -t tmpfs none /run
            mkdir -p /run/lock /var/run/apache2
            systemctl() { echo "systemctl $*" >&2; [ "$1" != restart ] || apachectl -k start >&2; }
            stop() { apachectl -k stop >&2 || true; for i in $(seq 500); do [ -e /run/apache2/apache2.pid ] || break; sleep 0.02; done; }
            trap stop EXIT
            a2dismod -q wsgi >&2 || true
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=www.example.org \
                -keyout /etc/ssl/site.key -out /etc/ssl/site.crt 2>/dev/null
            sed -i "s/^#DJANGO_SECRET_KEY=.*/DJANGO_SECRET_KEY=$KEY/" out/secrets.env
            cd out
            . ../steps.sh >&2
            cd ..
            get() { curl -sk --retry 20 --retry-connrefused --retry-delay 1 "$@"; echo; }
            at="--resolve www.example.org:80:127.0.0.1 --resolve www.example.org:443:127.0.0.1"
            get $at https://www.example.org/
            get $at http://www.example.org/a -o /dev/null -w "%{http_code} %{redirect_url}"
            get $at https://www.example.org/static/admin/css/base.css -o /dev/null -w "%{http_code} %{content_type}"
            get $at https://www.example.org/server-status -o /dev/null -w "%{http_code}"
            get -k https://127.0.0.1/ -o /dev/null -w "%{http_code}"
            # Debian compresses pages; these are not. It offers HTTP/2 without encryption; nothing here speaks it.
            for path in "" static/admin/css/base.css; do
                get $at -H "Accept-Encoding: br, gzip" https://www.example.org/$path -o /dev/null -w "/$path %header{content-encoding}"
            done
            get $at --http2 https://www.example.org/ -o /dev/null -w "HTTP/%{http_version}"
            inner=$(sed -n "s/^Listen 127.0.0.1://p" /etc/apache2/sites-enabled/00-mysite.conf)
            set -f; for address in http://www.example.org http://catchall.invalid http://www.example.org:$inner; do
                to="$at --resolve *:80:127.0.0.1 --resolve *:$inner:127.0.0.1"
                get $to --http2 $address -o /dev/null -w "HTTP/%{http_version}"
                curl -s $to --http2-prior-knowledge $address -o /dev/null && echo at once || echo not at once
            done; set +f
            daemons() {
                for environ in $(grep -lsazx "DJWSGI_TEST=$DJWSGI_TEST" /proc/[0-9]*/environ); do
                    grep -lsa "^(wsgi:mysite)" "${environ%environ}cmdline" || true
                done | xargs
            }
            # Every process has loaded its views, so that an edit could only show through a reload.
            seq 200 | xargs -P8 -I% curl -sk $at "https://www.example.org/?%" -o /dev/null
            before=$(daemons)
            sed -i s/one/two/ mysite/mysite/urls.py
            touch -d "+1 min" /etc/djwsgi/mysite/django.wsgi
            end=$(($(date +%s) + 4))
            while [ "$(date +%s)" -lt $end ]; do get $at https://www.example.org/; done | sort -u
            [ "$before" = "$(daemons)" ] && echo same processes
            # The signal brings the new code; no request fails meanwhile, however long.
            curl -sk $at https://www.example.org/slow >slow & slow=$!
            sleep 0.5
            . ./new.sh
            end=$(($(date +%s) + 20))
            while [ "$(date +%s)" -lt $end ] && kill -0 $slow 2>/dev/null; do
                get $at https://www.example.org/ >answer; grep -qE "^(one|two)" answer || cat answer
            done
            wait $slow
            cat slow; echo
            while ! grep -q ^two answer && [ "$(date +%s)" -lt $end ]; do
                get $at https://www.example.org/ >answer; grep -qE "^(one|two)" answer || cat answer
            done
            cat answer
            # A config that Apache does not accept is taken back, and the next one may be better.
            cp out/00-mysite.conf good; echo nonsense >>out/00-mysite.conf
            (cd out && sed -n "/sites-available/,/apache2ctl/p" ../steps.sh >../again.sh; set +e; . ../again.sh >/dev/null 2>&1) || echo taken back
            cmp good /etc/apache2/sites-available/00-mysite.conf && ls /etc/apache2/sites-available
            rm /etc/apache2/sites-enabled/00-mysite.conf /etc/apache2/sites-available/00-mysite.conf
            (cd out && set +e; . ../again.sh >/dev/null 2>&1) || echo taken back
            ls /etc/apache2/sites-available /etc/apache2/sites-enabled | grep mysite || echo gone
            cp good /etc/apache2/sites-available/00-mysite.conf
            stat -c "%a %U %G" /etc/djwsgi/mysite/secrets.env
            get $at "https://www.example.org/?token=a-secret" -e "https://www.example.org/?token=a-secret" >/dev/null
            get $at "https://www.example.org/static/none?token=a-secret" -e "https://www.example.org/?token=a-secret" >/dev/null
            get $at https://www.example.org/icons/openlogo-75.png -o /dev/null -w "%{http_code}"
            cat /var/log/apache2/* | grep -c a-secret || true
        '"#;
        let shown = sandbox.root_script(&format!("export KEY={SECRET}\n{script}"));
        until_no_process(&sandbox);
        assert_eq!(shown.code, 0, "stdout: {}\nstderr: {}", shown.out, shown.err);
        let lines: Vec<&str> = shown.out.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let own = "one [] True mysite 0o22 443";
        let expected = [
            own,
            "301 https://www.example.org/a",
            "200 text/css",
            "403",
            "400",
            "/",
            "/static/admin/css/base.css br",
            "HTTP/2",
            "HTTP/1.1",
            "not at once",
            "HTTP/1.1",
            "not at once",
            "HTTP/1.1",
            "not at once",
            own,
            "same processes",
            "slow one",
            "two [] True mysite 0o22 443",
            "taken back",
            "00-mysite.conf",
            "000-default.conf",
            "default-ssl.conf",
            "taken back",
            "gone",
            "640 root mysite",
            "404",
            "0",
        ];
        assert_eq!(lines, expected, "{}", shown.err);
    });
}
