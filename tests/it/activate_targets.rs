//! `djwsgi activate` for an Apache of the site's own, and for a site that was deployed by hand.

use crate::support::sandbox::urls;
use crate::support::{Flavor, Sandbox};

#[test]
fn an_apache_of_its_own_is_started_and_removed_without_trace() {
    let sandbox = Sandbox::new();
    sandbox.deployment(Flavor::Pypi, &urls("HttpResponse(\"one\")"), "");
    let arguments = ["deploy-config", "--prod", "--target", "standalone", "--output", "../own"];
    sandbox.djwsgi("mysite", &arguments).code(0);
    let shown = sandbox.on_bare_server(
        r#"
        account
        install -d -m 755 /run/systemd
        mount -t tmpfs none /var/log
        all() { find /etc /var/lib /run -type f -print -o -type l -print | grep -v "/run/systemd" | sort; }
        all >none
        sed -i "s/^#DJANGO_SECRET_KEY=.*/DJANGO_SECRET_KEY=$KEY/" own/secrets.env
        $djwsgi activate own --yes >&2
        get /
        cat told
        readlink /etc/systemd/system/djwsgi-mysite.service
        logrotate -d /etc/logrotate.d/djwsgi-mysite 2>&1 | grep -c "considering log" || true
        systemd-analyze verify /etc/systemd/system/djwsgi-mysite.service 2>&1 | grep -v "man page" || echo clean
        # With another number of processes.
        sed -i "s/processes=2/processes=3/; s/^processes = 2/processes = 3/" own/httpd.conf own/deployment.toml
        $djwsgi activate own --yes >&2
        daemons | wc -w
        $djwsgi rollback --yes >&2
        daemons | wc -w
        # For another target it must go first.
        $djwsgi activate out --yes 2>&1 | head -1 || true
        $djwsgi rollback mysite --remove --yes 2>&1 | tail -1
        all | diff none - && echo no trace
        "#,
    );
    assert_eq!(shown.code, 0, "{} {}", shown.out, shown.err);
    let expected = [
        "one",
        "systemctl daemon-reload",
        "systemctl enable djwsgi-mysite.service",
        "systemctl start djwsgi-mysite.service",
        "/etc/djwsgi/mysite/djwsgi-mysite.service",
        "2",
        "clean",
        "3",
        "2",
        "error: mysite is active for another target, djwsgi-mysite.service",
        "     Removed mysite; its code, data and logs stay",
        "no trace",
    ];
    assert_eq!(shown.out.lines().collect::<Vec<_>>(), expected, "{}", shown.err);
}

#[test]
fn a_site_that_was_deployed_by_hand_is_taken_over_and_comes_back() {
    let sandbox = Sandbox::new();
    sandbox.deployment(Flavor::Distribution, &urls("HttpResponse(\"one\")"), "");
    let shown = sandbox.on_server(
        r#"
        # What else somebody has put there.
        echo ours >/etc/djwsgi/mysite/own.conf
        cp /etc/djwsgi/mysite/catchall.key catchall.key
        conf=/etc/apache2/sites-enabled/00-mysite.conf
        python3 load.py 60 over >load.json & load=$!
        sed -i "s/^KeepAliveTimeout .*/KeepAliveTimeout 6/" out/00-mysite.conf
        $djwsgi rollback --yes 2>&1 | head -1 || true
        $djwsgi activate out --yes >&2
        grep -h "^KeepAliveTimeout" $conf
        readlink /etc/apache2/sites-available/00-mysite.conf
        cmp catchall.key /etc/djwsgi/mysite/catchall.key && cat /etc/djwsgi/mysite/own.conf
        $djwsgi rollback --yes >&2
        grep -h "^KeepAliveTimeout" $conf; get /
        # Edited by hand where it was installed by hand.
        $djwsgi rollback --yes >&2
        rm /etc/apache2/sites-available/00-mysite.conf
        sed "s/^Timeout .*/Timeout 61/" /etc/djwsgi/mysite/00-mysite.conf >/etc/apache2/sites-available/00-mysite.conf
        sed -i "s/^KeepAliveTimeout .*/KeepAliveTimeout 7/" out/00-mysite.conf
        $djwsgi activate out --yes 2>&1 | head -1 || true
        # What is not djwsgi's does not go with the site.
        rm /etc/apache2/sites-available/00-mysite.conf
        ln -s /etc/djwsgi/mysite/00-mysite.conf /etc/apache2/sites-available/00-mysite.conf
        $djwsgi rollback --remove --yes 2>&1 | grep -o "put there .*" || true
        # Static files need not wait, whatever becomes of the site.
        mkfifo /run/djwsgi/mysite/gate
        get /static/admin/css/base.css >file; head -c 4 file; echo
        curl -sk --max-time 1 $at https://www.example.org/ || echo waits
        cat </dev/null >/run/djwsgi/mysite/gate; rm /run/djwsgi/mysite/gate
        get /
        touch over; wait $load
        # Of what it has not made it takes nothing away.
        $djwsgi rollback --remove --overwrite --yes 2>&1 | tail -1
        ls /etc/apache2/mods-enabled | grep -c "headers.load" || true
        "#,
    );
    assert_eq!(shown.code, 0, "{} {}", shown.out, shown.err);
    let expected = [
        "error: mysite was not activated by djwsgi",
        "KeepAliveTimeout 6",
        "/etc/djwsgi/mysite/00-mysite.conf",
        "ours",
        "KeepAliveTimeout 5",
        "one",
        "error: somebody has edited /etc/apache2/sites-available/00-mysite.conf",
        "put there /etc/djwsgi/mysite/own.conf, /etc/djwsgi/mysite/secrets.env",
        "/*",
        "",
        "waits",
        "one",
        "     Removed mysite; its code, data and logs stay",
        "1",
    ];
    let expected: Vec<&str> = expected.iter().map(|line| line.trim_end()).collect();
    assert_eq!(shown.out.lines().map(str::trim_end).collect::<Vec<_>>(), expected, "{}", shown.err);
}
