//! The image of a container: built by podman from the Containerfile, and run by it.

use crate::support::sandbox::SECRET;
use crate::support::{Flavor, Sandbox, machine};

const VIEWS: &str = r#"
import os, pwd
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.urls import path

def view(request):
    User.objects.get_or_create(username="somebody")
    return HttpResponse("%s %s %s" % (User.objects.count(), pwd.getpwuid(os.getuid())[0], request.is_secure()))

urlpatterns = [path("", view)]
"#;

/// podman with storage of its own. Nothing here may limit resources or make networks, so containers do neither.
const PODMAN: &str = r#"
    umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup
    mount --bind etc /etc
    mount --bind lib /var/lib
    engine() { command podman --root "$HERE/storage" --runroot "$HERE/run" "$@"; }
    podman() {
        local verb=$1; shift
        case $verb in
            build) engine build --isolation chroot --network host "$@" ;;
            run) engine run --network host --cgroups=disabled --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 \
                --log-driver k8s-file "$@" ;;
            *) engine "$verb" "$@" ;;
        esac
    }
    systemctl() { echo "systemctl $*"; }
"#;

const BUILD: &str = r#"
    [ -e storage ] || engine import "$IMAGE" docker.io/library/python:3.11-slim-bookworm
    cd mysite
    . ../build.sh
"#;

const RUN: &str = r#"
    ip link set lo up
    certificate() {
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" \
            -keyout /etc/site-tls/site.key -out /etc/site-tls/site.crt 2>/dev/null
    }
    shown() {
        openssl s_client -connect 127.0.0.1:443 -servername www.example.org </dev/null 2>/dev/null |
            openssl x509 -noout -subject
    }
    get() { curl -sk --retry 20 --retry-connrefused --retry-delay 1 --resolve www.example.org:443:127.0.0.1 "$@"; echo; }
    mkdir -p /etc/site-tls
    certificate first
    cd mysite
    . ../start.sh >../start.log 2>&1
    get https://www.example.org/
    get https://www.example.org/static/admin/css/base.css -o /dev/null -w "%{http_code} %{content_type}"
    shown
    # A renewed certificate is there after a reload: the folder is mounted, not the file.
    rm /etc/site-tls/site.crt; certificate second
    podman kill -s USR1 mysite >/dev/null
    for i in $(seq 100); do shown | grep -q second && break; sleep 0.05; done
    shown
    podman exec mysite cat /proc/1/comm
    podman exec mysite find /srv/mysite -name .env -o -name secrets.env
    begun=$(date +%s)
    (. ../stop.sh) >/dev/null
    [ $(($(date +%s) - begun)) -lt 10 ] && echo stopped
    # What the site has written is still there, and TERM ends a container too.
    grep "^podman run -d" ../start.sh | sed "s/ --restart always//" >../again.sh
    . ../again.sh >/dev/null
    get https://www.example.org/
    begun=$(date +%s)
    podman kill -s TERM mysite >/dev/null
    for i in $(seq 200); do podman ps -q | grep -q . || break; sleep 0.05; done
    podman inspect -f "{{.State.ExitCode}}" mysite
    [ $(($(date +%s) - begun)) -lt 10 ] && echo ended
    podman logs mysite 2>/dev/null | grep -c "GET / HTTP/.* 200"
    podman rm mysite >/dev/null
"#;

#[test]
fn an_image_is_built_and_serves_by_the_steps() {
    let sandbox = Sandbox::new();
    sandbox.production_site(Flavor::Distribution, "");
    sandbox.write("mysite/mysite/urls.py", VIEWS);
    sandbox.write("mysite/requirements.txt", "Django\n");
    // The site's own, for other images of its.
    sandbox.write("mysite/.containerignore", "mysite\n");
    sandbox.write(
        "mysite/djwsgi.toml",
        "[env]\nfile = \".env\"\n[prod]\ncertificate = \"/etc/site-tls/site.crt\"\ncertificate-key = \"/etc/site-tls/site.key\"\n",
    );
    for name in ["private.sh", "body.sh"] {
        sandbox.write(name, "");
    }
    sandbox.write("podman.sh", PODMAN);
    sandbox.write("build-all.sh", BUILD);
    sandbox.write("run.sh", RUN);
    for version in ["4.9.4", "6.1.1"] {
        let arguments = ["deploy-config", "--prod", "--target", "container", "--mod-wsgi", version];
        let output = ["--output", "apache/production", "--overwrite"];
        sandbox.djwsgi("mysite", &[&arguments[..], &output[..]].concat()).code(0);
        let image = sandbox.read("mysite/apache/production/Containerfile");
        assert!(!image.contains(SECRET) && image.contains(&format!("mod_wsgi=={version}")), "{image}");
        sandbox.write("mysite/apache/production/secrets.env", &format!("DJANGO_SECRET_KEY={SECRET}\n"));
        let document = sandbox.read("mysite/apache/production/DEPLOY.md");
        let section = |title: &str| crate::support::live::section(&document, title);
        sandbox.write("build.sh", &section("Image"));
        sandbox.write("start.sh", &(section("Database") + &section("Start")));
        sandbox.write("stop.sh", &section("New code"));
        let script = format!(
            "export HERE=$PWD IMAGE={}\nrm -rf etc lib; cp -a /etc etc; mkdir lib\n\
             unshare --mount --pid --fork --mount-proc --kill-child bash -euo pipefail -c '. ./podman.sh; . ./build-all.sh' >&2\n\
             timeout -k 5 120 unshare --mount --net --pid --fork --mount-proc --kill-child bash -euo pipefail -c '. ./podman.sh; . ./run.sh' </dev/null",
            machine().base.join("python-image.tar").display()
        );
        let shown = sandbox.root_script(&script);
        assert_eq!(shown.code, 0, "stdout: {}\nstderr: {}", shown.out, shown.err);
        let lines: Vec<&str> = shown.out.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let own = "1 mysite True";
        let expected = [
            own,
            "200 text/css",
            "subject=CN = first",
            "subject=CN = second",
            "apache2",
            "stopped",
            own,
            "0",
            "ended",
            "1",
        ];
        assert_eq!(lines, expected, "{}", shown.err);
        assert_eq!(sandbox.read("mysite/.containerignore"), "mysite\n");
    }
}
