//! `tls = "mod_md"`: Apache gets its certificate from a real authority (pebble, Let's Encrypt's for tests), with
//! the rights that the unit gives it.

use super::production_targets::in_private;
use crate::support::live::commands;
use crate::support::{Flavor, Sandbox};

const BODY: &str = r#"
    tls=$PWD/authority; mkdir $tls
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
        -addext subjectAltName=DNS:localhost -keyout $tls/ca.key -out $tls/ca.crt 2>/dev/null
    cat >$tls/pebble.json <<END
{"pebble": {"listenAddress": "127.0.0.1:14000", "managementListenAddress": "127.0.0.1:15000",
    "certificate": "$tls/ca.crt", "privateKey": "$tls/ca.key", "httpPort": 80, "tlsPort": 443,
    "ocspResponderURL": "", "externalAccountBindingRequired": false}}
END
    exec 3>&1
    # The authority is not Let's Encrypt, and not known to the machine.
    start() {
        printf "MDRetryDelay 2s\nMDCertificateAuthority https://localhost:14000/dir\nMDCACertificateFile $tls/ca.crt\n" \
            >>/etc/djwsgi/mysite/httpd.conf
        unit=/etc/systemd/system/djwsgi-mysite.service
        rights=$(sed -n "s/^CapabilityBoundingSet=//p" $unit | sed "s/CAP_/+/g; s/ /,/g" | tr A-Z a-z)
        eval "exec setpriv --bounding-set=-all,$rights --inh-caps=-all,$rights --no-new-privs $(sed -n "s/^ExecStart=//p" $unit)" 3>&- &
        # The first try is in vain: nobody answers. What it leaves behind must not stand in the way of the next.
        for i in $(seq 100); do grep -qs "localhost:14000" /var/log/djwsgi-mysite/error.log && break; sleep 0.1; done
        issuer || echo none yet >&3
        pebble-challtestsrv -defaultIPv6 "" -dns01 127.0.0.1:8053 -http01 "" -https01 "" -tlsalpn01 "" \
            -management 127.0.0.1:8055 >$tls/challenges.log 2>&1 3>&- &
        echo $! >$tls/pids
        PEBBLE_VA_NOSLEEP=1 pebble -config $tls/pebble.json -dnsserver 127.0.0.1:8053 >$tls/pebble.log 2>&1 3>&- &
        echo $! >>$tls/pids
    }
    server() { cat /run/djwsgi-mysite/httpd.pid; }
    systemctl() {
        case "$1" in
            enable) start ;;
            reload) echo reloaded >>$tls/reloads; kill -USR1 $(server) ;;
        esac
    }
    trap "kill -9 \$(server) \$(cat $tls/pids) 2>/dev/null || true" EXIT
    issuer() {
        openssl s_client -connect 127.0.0.1:443 -servername www.example.org </dev/null 2>/dev/null |
            openssl x509 -noout -issuer 2>/dev/null | grep -o -i pebble
    }
    sed -i "s/^#DJANGO_SECRET_KEY=.*/DJANGO_SECRET_KEY=$KEY/" out/secrets.env
    (cd out && . ../steps.sh >&2)
    for i in $(seq 100); do issuer >/dev/null && break; sleep 0.1; done
    issuer | head -1
    for i in $(seq 50); do [ -e /var/lib/djwsgi/mysite/md/staging/www.example.org ] || break; sleep 0.1; done
    ls /var/lib/djwsgi/mysite/md/staging
    # Nothing new: no reload, neither at night nor by the step done again.
    : >$tls/reloads
    nightly=$(sed "s/^17 4 \* \* \* root //" /etc/cron.d/djwsgi-mysite)
    eval "$nightly" || echo nothing new
    grep -A1 "^for try" steps.sh >again.sh
    . ./again.sh >/dev/null
    cat $tls/reloads
    ended=$(server)
    kill -WINCH $ended
    gone $ended && echo ended
    kill $(cat $tls/pids)
    # A new one: told at night.
    systemctl() { echo "$@" >&3; }
    mkdir -p /var/lib/djwsgi/mysite/md/staging/www.example.org
    touch /var/lib/djwsgi/mysite/md/staging/www.example.org/pubcert.pem
    eval "$nightly"
    # None at all: said.
    rm -r /var/lib/djwsgi/mysite/md/*/www.example.org
    sleep() { :; }
    (. ./again.sh) 2>/dev/null || echo none came
    grep -i "permission denied" /var/log/djwsgi-mysite/error.log || true
"#;

#[test]
fn apache_fetches_its_certificate_with_the_units_rights() {
    let sandbox = Sandbox::new();
    sandbox.production_site(Flavor::Distribution, "");
    sandbox.write("mysite/djwsgi.toml", "[env]\nfile = \".env\"\n[prod]\ncontact = \"ops@example.org\"\n");
    let arguments = ["deploy-config", "--prod", "--target", "standalone", "--tls", "mod_md", "--output", "../out"];
    sandbox.djwsgi("mysite", &arguments).code(0);
    sandbox.write("steps.sh", &commands(&sandbox.read("out/DEPLOY.md")));
    let lines = in_private(&sandbox, "--pid --fork --mount-proc --kill-child", BODY);
    assert_eq!(lines, ["none yet", "Pebble", "nothing new", "ended", "reload djwsgi-mysite.service", "none came"]);
}
