//! The forms of a deployment: a server of the site's own, a container, other machines' versions.

use std::fs;

use crate::support::sandbox::{SECRET, until_no_process};
use crate::support::{Flavor, Sandbox, on_both};

const TOML: &str = "[env]\nfile = \".env\"\n[prod]\ncertificate = \"/etc/djwsgi/tls/site.crt\"\n\
                    certificate-key = \"/etc/djwsgi/tls/site.key\"\n";

/// A private /etc, /run, /var/log and /var/lib/djwsgi, and `get` for a server there.
const PRIVATE: &str = r#"
    ip link set lo up
    mount --bind etc /etc
    mount -t tmpfs none /var/log
    mount --bind lib /var/lib
    mount -t tmpfs none /run
    mkdir -p /etc/djwsgi/tls
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=www.example.org \
        -keyout /etc/djwsgi/tls/site.key -out /etc/djwsgi/tls/site.crt 2>/dev/null
    get() { curl -sk --retry 20 --retry-connrefused --retry-delay 1 --resolve www.example.org:443:127.0.0.1 "$@"; echo; }
    server=
    trap "[ -z \"\$server\" ] || kill -9 \$server 2>/dev/null || true" EXIT
    gone() { for i in $(seq 500); do kill -0 "$1" 2>/dev/null || return 0; sleep 0.02; done; return 1; }
"#;

/// Runs `body` with private folders; `$PRIVATE` has been done before.
pub fn in_private(sandbox: &Sandbox, flags: &str, body: &str) -> Vec<String> {
    sandbox.write("private.sh", PRIVATE);
    sandbox.write("body.sh", body);
    let script = format!(
        "export KEY={SECRET}\ncp -a /etc etc\nmkdir lib\ncp -a /var/lib/apache2 lib\n\
         unshare --net --mount {flags} bash -euo pipefail -c '. ./private.sh; . ./body.sh'"
    );
    let shown = sandbox.root_script(&script);
    until_no_process(sandbox);
    assert_eq!(shown.code, 0, "stdout: {}\nstderr: {}", shown.out, shown.err);
    shown.out.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn a_server_of_its_own_runs_by_its_unit() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.production_site(flavor, "");
        sandbox.write("mysite/djwsgi.toml", TOML);
        let arguments = ["deploy-config", "--prod", "--target", "standalone", "--output", "../out"];
        // Tests lie in a folder that the unit would hide.
        let hidden = format!("{} is hidden from the server", sandbox.join("mysite").display());
        sandbox.djwsgi("mysite", &arguments).code(0).says(&[&hidden, "PrivateTmp"]);
        let new = sandbox.read("out/DEPLOY.md").split_once("## New config").unwrap().1.to_owned();
        assert!(new.contains("`systemctl restart djwsgi-mysite.service` in place of the reload"), "{new}");
        sandbox.write("steps.sh", &crate::support::live::commands(&sandbox.read("out/DEPLOY.md")));
        let lines = in_private(
            &sandbox,
            "",
            r#"
            systemctl() { echo "systemctl $*" >&2; }
            sed -i "s/^#DJANGO_SECRET_KEY=.*/DJANGO_SECRET_KEY=$KEY/" out/secrets.env
            (cd out && . ../steps.sh >&2) 2>steps.log || { cat steps.log >&2; exit 1; }
            # What systemd was told, and when: a unit is read before it is started.
            grep "^systemctl" steps.log
            unit=/etc/systemd/system/djwsgi-mysite.service
            systemd-analyze verify $unit && echo verified
            logrotate --debug /etc/logrotate.d/djwsgi-mysite >/dev/null 2>&1 && echo rotated
            eval "exec $(sed -n "s/^ExecStart=//p" $unit)" &
            server=$!
            get https://www.example.org/
            eval "$(sed -n "s/^ExecReload=\"/\"/p" $unit)" 2>&1
            MAINPID=$server
            eval "$(sed -n "s|^ExecReload=/bin|/bin|p" $unit)"
            sleep 0.5
            get https://www.example.org/
            # A broken config is not what a running server is told of.
            echo nonsense >>/etc/djwsgi/mysite/httpd.conf
            eval "$(sed -n "s/^ExecReload=\"/\"/p" $unit)" 2>/dev/null || echo refused
            get https://www.example.org/
            kill -WINCH $server
            gone $server && echo ended
            ls /var/log/djwsgi-mysite
            "#,
        );
        let expected = [
            "systemctl daemon-reload",
            "systemctl enable --now djwsgi-mysite.service",
            "verified",
            "rotated",
            "one",
            "Syntax OK",
            "one",
            "refused",
            "one",
            "ended",
            "access.log",
            "error.log",
        ];
        assert_eq!(lines, expected);
    });
}

/// What would end the server or ask the authority again is done once, whichever step is repeated.
#[test]
fn a_certificate_of_certbots_is_asked_for_once() {
    for target in ["debian", "rhel", "standalone"] {
        let sandbox = Sandbox::new();
        sandbox.production_site(Flavor::Distribution, "");
        let arguments = ["deploy-config", "--prod", "--target", target, "--tls", "certbot", "--output", "../out"];
        sandbox.djwsgi("mysite", &arguments).code(0);
        let document = sandbox.read("out/DEPLOY.md");
        let section = |title: &str| crate::support::live::section(&document, title);
        sandbox.write("first.sh", &section("Certificates").replace("/etc/djwsgi/", "etc/djwsgi/"));
        sandbox.write("then.sh", &section("Start"));
        let lines = in_private(
            &sandbox,
            "",
            r#"
            systemctl() { case "$1" in stop) echo "systemctl $1" ;; esac; }
            live=/etc/letsencrypt/live/www.example.org renewal=/etc/letsencrypt/renewal/www.example.org.conf
            # What certbot leaves behind.
            certbot() {
                echo "certbot $1"
                mkdir -p $live ${renewal%/*} && touch $live/fullchain.pem
                case "$*" in *--standalone*) how=standalone ;; *--webroot*) how=webroot ;; esac
                echo "authenticator = $how" >$renewal
            }
            mkdir -p etc/djwsgi/mysite
            for time in once again; do . ./first.sh; . ./then.sh; done 2>/dev/null
            "#,
        );
        assert_eq!(lines, ["systemctl stop", "certbot certonly", "certbot renew"], "{target}");
    }
}

#[test]
fn the_unit_exposes_little() {
    let sandbox = Sandbox::new();
    sandbox.production_site(Flavor::Distribution, "");
    sandbox.write("mysite/djwsgi.toml", "[prod]\ncontact = \"ops@example.org\"\n");
    for tls in ["files", "mod_md"] {
        let standalone = ["deploy-config", "--prod", "--target", "standalone", "--tls", tls, "--overwrite"];
        sandbox.djwsgi("mysite", &[&standalone[..], &["--output", "../out"]].concat()).code(0);
        let analyze = "systemd-analyze security --offline=true --no-pager out/djwsgi-mysite.service | tail -1";
        let shown = sandbox.root_script(analyze);
        let exposure = shown.out.split("djwsgi-mysite.service:").nth(1).and_then(|rest| rest.split_whitespace().next());
        let exposure: f64 =
            exposure.and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("{} {}", shown.out, shown.err));
        assert!(exposure <= 3.0, "{tls}: {}", shown.out);
    }
}

#[test]
fn an_image_has_what_the_config_names_and_no_secret() {
    let sandbox = Sandbox::new();
    sandbox.production_site(Flavor::Distribution, "");
    let container = ["deploy-config", "--prod", "--target", "container", "--output"];
    let deploy = |output: &str| sandbox.djwsgi("mysite", &[&container[..], &[output]].concat());
    deploy("../out").code(2).says(&["outside of the site's folder"]);
    deploy("apache/production").code(0);
    let file = |name: &str| sandbox.read(format!("mysite/apache/production/{name}"));
    let image = file("Containerfile");
    assert!(image.contains("COPY . /srv/mysite") && image.contains("STOPSIGNAL SIGWINCH"), "{image}");
    // The site changes nothing but what it writes, and secrets stay outside wherever they lie.
    assert!(!image.contains("-o mysite -g mysite /srv/mysite \\"), "{image}");
    let ignored = file("containerignore");
    assert!(!image.contains(SECRET) && ignored.contains("**/*.env\n") && ignored.contains("**/.env\n"), "{ignored}");
    assert!(file("secrets.env").contains("without quotes"));
    // certbot's files are links to files of another folder.
    assert!(file("DEPLOY.md").contains("-v '/etc/letsencrypt:/etc/letsencrypt:ro'"));
}

/// RHEL loads some modules of its own package only when told, and SELinux is asked before the start.
#[test]
fn on_rhel_modules_are_loaded_and_labels_come_first() {
    let sandbox = Sandbox::new();
    sandbox.production_site(Flavor::Distribution, "");
    let rhel = ["deploy-config", "--prod", "--target", "rhel", "--tls", "certbot", "--output", "../out"];
    sandbox.djwsgi("mysite", &rhel).code(0);
    let conf = sandbox.read("out/00-mysite.conf");
    let buffer = "<IfModule !buffer_module>\n    LoadModule buffer_module \"/usr/lib64/httpd/modules/mod_buffer.so\"\n";
    assert!(conf.contains(buffer), "{conf}");
    // Nothing of this machine's own Apache, which is Debian's.
    for file in ["00-mysite.conf", "DEPLOY.md", "deployment.toml"] {
        let text = sandbox.read(format!("out/{file}"));
        assert!(!text.contains("apache2"), "{file}: {text}");
    }
    assert!(sandbox.read("out/deployment.toml").contains("binary = \"/usr/sbin/httpd\"\n"));
    for target in ["standalone", "container"] {
        let whole = sandbox.djwsgi("mysite", &["deploy-config", "--prod", "--target", target]).code(0).out;
        assert!(whole.contains("LoadModule buffer_module \"/usr/lib/apache2/modules/mod_buffer.so\"\n"), "{whole}");
    }
    assert!(conf.contains("mod_ssl is not enabled; dnf install mod_ssl"), "{conf}");
    let steps = crate::support::live::commands(&sandbox.read("out/DEPLOY.md"));
    let place = |text: &str| steps.find(text).unwrap_or_else(|| panic!("no {text} in {steps}"));
    let order =
        ["dnf install epel-release", "dnf install httpd", "useradd", "migrate", "semanage fcontext", "restorecon"];
    let order = order.into_iter().chain(["semanage port", "httpd -t", "systemctl enable httpd", "certbot renew"]);
    let places: Vec<usize> = order.map(place).collect();
    assert!(places.is_sorted(), "{places:?} {steps}");
    assert!(steps.contains("policycoreutils-python-utils") && steps.contains("-t httpd_sys_rw_content_t"));
    sandbox.write("steps.sh", &steps);
    let shown = sandbox.root_script("bash -n steps.sh");
    assert_eq!(shown.code, 0, "{}", shown.err);
}

#[test]
fn other_machines_versions_are_kept_to_and_losses_are_said() {
    let sandbox = Sandbox::new();
    sandbox.production_site(Flavor::Distribution, "");
    let old = [
        "deploy-config",
        "--prod",
        "--apache",
        "2.4.37",
        "--mod-wsgi",
        "4.6.4",
        "--openssl",
        "1.1.1",
        "--target",
        "rhel",
    ];
    let shown = sandbox.djwsgi("mysite", &old).code(0);
    assert!(
        !shown.out.contains("StrictHostCheck")
            && !shown.out.contains("handshake=")
            && !shown.out.contains("H2StreamTimeout"),
        "{}",
        shown.out
    );
    let shown = shown.says(&[
        "Apache 2.4.37: a wrong Host",
        "TLS handshakes",
        "requests of HTTP/2",
        "mod_wsgi 4.6.4",
        "OpenSSL 1.1.1",
    ]);
    assert!(shown.out.contains("/run/httpd/") && !shown.out.contains("a2enmod"), "{}", shown.out);
    let new = ["deploy-config", "--prod", "--apache", "2.4.66", "--mod-wsgi", "6.1.1", "--openssl", "3.5.0"];
    let shown = sandbox.djwsgi("mysite", &new).code(0);
    assert!(shown.out.contains("H2StreamTimeout 10\n") && shown.out.contains("H2MaxWorkers 512\n"), "{}", shown.out);
    assert!(shown.out.contains("StrictHostCheck On") && !shown.err.contains("note: mod_wsgi"), "{}", shown.err);
}

#[test]
fn the_same_input_gives_the_same_bytes_everywhere() {
    let sandbox = Sandbox::new();
    sandbox.production_site(Flavor::Distribution, "");
    for target in ["debian", "rhel", "standalone", "container"] {
        for (number, variables, from) in [
            (1, [("LANG", "C.UTF-8"), ("TZ", "UTC")], "mysite"),
            (2, [("LANG", "C"), ("TZ", "Asia/Tokyo")], "mysite/mysite"),
        ] {
            // The name of the folder stands in the steps: it is the same, and moved afterwards.
            let output = sandbox.join("mysite/out").display().to_string();
            let mut command =
                sandbox.djwsgi_command(from, &["deploy-config", "--prod", "--target", target, "--output", &output]);
            let shown = sandbox.run(command.envs(variables));
            assert_eq!(shown.code, 0, "{}", shown.err);
            fs::rename(sandbox.join("mysite/out"), sandbox.join(format!("{target}-{number}"))).unwrap();
        }
        let same = sandbox
            .root_script(&format!("diff -r {target}-1 {target}-2 | grep -v -e {target}-1 -e {target}-2 || true"));
        assert_eq!(same.out, "", "{target}");
        let names = |number: u32| -> Vec<_> {
            let mut names: Vec<_> = fs::read_dir(sandbox.join(format!("{target}-{number}")))
                .unwrap()
                .flatten()
                .map(|file| file.file_name())
                .collect();
            names.sort();
            names
        };
        assert_eq!(names(1), names(2));
    }
}
