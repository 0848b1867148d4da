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
        mkdir lib
        cp -a /var/lib/apache2 lib
        unshare --net --mount bash -euo pipefail -c '
            ip link set lo up
            mount --bind etc /etc/apache2
            mount --bind lib /var/lib
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
