//! TLS of the production config, judged by Mozilla's guideline, and the ways to a certificate.

use crate::support::production::{NAME, Production};
use crate::support::{Flavor, Sandbox, machine};

/// What sslyze says of the site's TLS.
fn judged(sandbox: &Sandbox, production: &Production, profile: &str) -> (i32, String) {
    let mut command = sandbox.command(machine().base.join("venvs/tools/bin/sslyze"), "");
    let server = format!("{NAME}:{}{{127.0.0.1}}", production.https);
    command
        .arg(format!("--mozilla_config={profile}"))
        .arg("--certinfo_ca_file")
        .arg(sandbox.join("ca.crt"))
        .arg(server);
    std::fs::copy(format!("{}/tls/ca.crt", production.folder()), sandbox.join("ca.crt")).unwrap();
    sandbox.give(&sandbox.join("ca.crt"));
    let shown = sandbox.run(&mut command);
    (shown.code, shown.out)
}

#[test]
fn mozillas_guideline_is_kept() {
    let sandbox = Sandbox::new();
    sandbox.production_site(Flavor::Distribution, "");
    for profile in ["intermediate", "modern"] {
        let toml = format!("[env]\nfile = \".env\"\n[prod]\ntls-profile = \"{profile}\"\n");
        sandbox.write("mysite/djwsgi.toml", &toml);
        let production = Production::start(&sandbox);
        let (code, out) = judged(&sandbox, &production, profile);
        assert!(code == 0 && out.contains("OK - Compliant"), "{profile}: {out}");
        if profile == "intermediate" {
            // Who would judge everything compliant would say so of this as well.
            let (code, out) = judged(&sandbox, &production, "modern");
            assert!(code != 0 && out.contains("Not compliant"), "{out}");
        }
        production.server.stop();
    }
}

#[test]
fn the_flag_names_source_and_profile() {
    let sandbox = Sandbox::new();
    sandbox.production_site(Flavor::Distribution, "");
    let conf = |arguments: &[&str]| {
        let all: Vec<&str> = ["deploy-config", "--prod"].iter().chain(arguments).copied().collect();
        sandbox.djwsgi("mysite", &all).code(0).out
    };
    let modern = conf(&["--tls", "certbot,modern"]);
    assert!(
        modern.contains("SSLProtocol -all +TLSv1.3\n") && modern.contains("/etc/letsencrypt/live/www.example.org/")
    );
    let hybrid = conf(&["--tls", "modern", "--openssl", "3.5.1"]);
    assert!(hybrid.contains("X25519MLKEM768:X25519"));
    sandbox.write("mysite/djwsgi.toml", "[prod]\ncontact = \"ops@example.org\"\n");
    let managed = conf(&["--tls", "mod_md", "--target", "standalone"]);
    assert!(managed.contains("MDomain www.example.org") && !managed.contains("letsencrypt"));
    let proven = sandbox.djwsgi("mysite", &["deploy-config", "--prod", "--tls", "mod_md", "--prove"]);
    assert_eq!(proven.code, 0, "{} {}", proven.out, proven.err);
}

#[test]
fn what_certbot_copies_is_still_a_config() {
    let sandbox = Sandbox::new();
    sandbox.production_site(Flavor::Distribution, "SECURE_SSL_REDIRECT = False");
    sandbox
        .djwsgi("mysite", &["deploy-config", "--prod", "--tls", "off", "--target", "debian", "--output", "../out"])
        .code(0);
    // What `certbot --apache` does: the vhosts of port 80 are copied into a file of their own, for port 443.
    let script = r#"
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
            a2enmod -q wsgi headers allowmethods unique_id ssl http2 proxy_http buffer brotli >&2
            sed "s/user=\"mysite\" group=\"mysite\"/user=www-data group=www-data/" out/00-mysite.conf >/etc/apache2/sites-enabled/00-mysite.conf
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=x -keyout k.pem -out c.pem 2>/dev/null
            {
                echo "<IfModule mod_ssl.c>"
                sed -n "/^<VirtualHost \*:80>/,/^<\/VirtualHost>/p" out/00-mysite.conf | sed "s/\*:80/*:443/; s|^</VirtualHost>|SSLEngine on\nSSLCertificateFile $PWD/c.pem\nSSLCertificateKeyFile $PWD/k.pem\n</VirtualHost>|"
                echo "</IfModule>"
            } >/etc/apache2/sites-enabled/00-mysite-le-ssl.conf
            apachectl -t 2>&1
        '
    "#;
    let shown = sandbox.root_script(script);
    assert!(shown.out.contains("Syntax OK"), "{} {}", shown.out, shown.err);
}
