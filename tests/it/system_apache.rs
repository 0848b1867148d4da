//! The generated configs in the system's own Apache: Debian's /etc/apache2 as it is, in a network
//! and a mount namespace of its own, so that port 80 is free and the machine is left as it was.

use crate::support::sandbox::until_no_process;
use crate::support::{Flavor, Sandbox, machine, on_both};

/// Sets up namespaces, a private copy of /etc/apache2, `$PREPARE`, and defines `get`.
fn in_system_apache(sandbox: &Sandbox, flavor: Flavor, prepare: &str, body: &str) -> String {
    // With PyPI's module the distribution's must not be loaded: one server, one mod_wsgi.
    let module = if flavor == Flavor::Pypi { "a2dismod -q wsgi" } else { "a2enmod -q wsgi" };
    let script = format!(
        r#"
        cp -a /etc/apache2 etc
        unshare --net --mount bash -euo pipefail -c '
            ip link set lo up
            mount --bind etc /etc/apache2
            mount -t tmpfs none /var/log/apache2
            mount -t tmpfs none /run
            mkdir -p /run/lock /var/run/apache2
            {module} >&2
            {prepare}
            stop() {{ apachectl -k stop >&2 || true; for i in $(seq 500); do [ -e /run/apache2/apache2.pid ] || break; sleep 0.02; done; }}
            trap stop EXIT
            apachectl -t >&2
            apachectl -k start >&2
            get() {{ curl -sk --retry 20 --retry-connrefused --retry-delay 1 "$@"; echo; }}
            {body}
        '"#
    );
    let shown = sandbox.root_script(&script);
    until_no_process(sandbox);
    assert_eq!(shown.code, 0, "stdout: {}\nstderr: {}", shown.out, shown.err);
    shown.out
}

#[test]
fn the_development_vhost_serves_and_reloads() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        let conf = sandbox.join("mysite/apache/mysite.conf");
        let out = in_system_apache(
            &sandbox,
            flavor,
            &format!("ln -s {} /etc/apache2/sites-enabled/", conf.display()),
            r#"
            name="Host: mysite.localhost"
            get -H "$name" http://127.0.0.1/
            get -o /dev/null -w "css %{http_code}" -H "$name" http://127.0.0.1/static/admin/css/base.css
            get -H "$name" http://127.0.0.1/apache/django.wsgi -o /dev/null -w "script %{http_code}"
            sed -i s/one/two/ mysite/mysite/urls.py
            for i in $(seq 300); do answer=$(get -H "$name" http://127.0.0.1/); [ "$answer" = two ] && break; sleep 0.02; done
            echo "$answer"
            "#,
        );
        assert_eq!(out.lines().collect::<Vec<_>>(), ["one", "css 200", "script 404", "two"], "{out}");
    });
}

#[test]
fn collected_static_files_are_served_by_apache() {
    let sandbox = Sandbox::new();
    sandbox.start_project(Flavor::Distribution, "mysite", "mysite");
    sandbox.view("mysite", "one");
    let settings = sandbox.read("mysite/mysite/settings.py");
    sandbox.write("mysite/mysite/settings.py", &format!("{settings}\nSTATIC_ROOT = BASE_DIR / 'collected'\n"));
    sandbox.djwsgi("mysite", &["init"]).code(0);
    let conf = sandbox.join("mysite/apache/mysite.conf");
    let python = machine().venv(Flavor::Distribution).join("bin/python");
    let out = in_system_apache(
        &sandbox,
        Flavor::Distribution,
        &format!("ln -s {} /etc/apache2/sites-enabled/", conf.display()),
        &format!(
            r#"
            fetch() {{ get -o /dev/null -D - -H "Host: mysite.localhost" http://127.0.0.1/static/admin/css/base.css | tr -d "\r\"" | grep -iE "^(HTTP|ETag)" | cut -c1-14 | xargs; }}
            fetch
            (cd mysite && {} manage.py collectstatic --noinput -v0)
            apachectl -k graceful >&2
            for i in $(seq 300); do fetch | grep -qi etag && break; sleep 0.02; done
            fetch
            "#,
            python.display()
        ),
    );
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].contains("HTTP/1.1 200") && !lines[0].to_lowercase().contains("etag"), "by Django first: {out}");
    assert!(lines[1].to_lowercase().contains("etag"), "by Apache then: {out}");
}

#[test]
fn the_production_config_serves_over_tls_and_never_reloads() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        let settings = sandbox.read("mysite/mysite/settings.py");
        let listed = settings
            .replace("ALLOWED_HOSTS = []", "ALLOWED_HOSTS = ['www.shop.test']")
            .replace("DEBUG = True", "DEBUG = False");
        sandbox.write("mysite/mysite/settings.py", &listed);
        sandbox.write("mysite/mysite/urls.py", &crate::support::sandbox::urls(
            "HttpResponse(\"one %s %s %s\" % (\"mysite.monitor\" in sys.modules, request.is_secure(), len(__import__(\"threading\").enumerate()) > 1))",
        ));
        sandbox.root_script(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=www.shop.test \
             -keyout key.pem -out cert.pem",
        );
        sandbox.write(
            "mysite/djwsgi.local.toml",
            &format!(
                "[prod]\ncertificate = {:?}\ncertificate-key = {:?}\n",
                sandbox.join("cert.pem"),
                sandbox.join("key.pem")
            ),
        );
        let shown = sandbox.djwsgi("mysite", &["deploy-config", "--prod", "--output", "apache/production"]).code(0);
        assert!(!shown.err.contains("DEBUG"), "{}", shown.err);
        let conf = sandbox.join("mysite/apache/production/mysite.conf");
        let out = in_system_apache(
            &sandbox,
            flavor,
            &format!(
                "a2enmod -q ssl >&2; a2dissite -q 000-default >&2; ln -s {} /etc/apache2/sites-enabled/",
                conf.display()
            ),
            r#"
            at="--resolve www.shop.test:80:127.0.0.1 --resolve www.shop.test:443:127.0.0.1"
            get $at https://www.shop.test/
            get $at http://www.shop.test/a -o /dev/null -w "%{http_code} %{redirect_url}"
            get http://127.0.0.1/ -H "Host: evil.test" -o /dev/null -w "%{redirect_url}"
            daemons() {
                for environ in $(grep -lsazx "DJWSGI_TEST=$DJWSGI_TEST" /proc/[0-9]*/environ); do
                    grep -lsa "^(wsgi:mysite)" "${environ%environ}cmdline" || true
                done | xargs
            }
            # Every process has loaded its views, so that an edit could only show through a reload.
            seq 200 | xargs -P8 -I% curl -sk $at "https://www.shop.test/?%" -o /dev/null
            before=$(daemons)
            sed -i s/one/two/ mysite/mysite/urls.py
            touch -d "+1 min" mysite/apache/production/django.wsgi
            end=$(($(date +%s) + 4))
            while [ "$(date +%s)" -lt $end ]; do get $at https://www.shop.test/; done | sort -u
            [ "$before" = "$(daemons)" ] && echo same processes
            "#,
        );
        let lines: Vec<&str> = out.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let own = lines[0];
        assert!(own.starts_with("one False True"), "no monitor, https seen: {out}");
        assert_eq!(lines[1..3], ["301 https://www.shop.test/a", "https://www.shop.test/"], "{out}");
        assert_eq!(lines[3..], [own, "same processes"], "{out}");
    });
}
