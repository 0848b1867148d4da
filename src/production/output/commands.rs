//! The commands of DEPLOY.md that differ by target.

use std::path::Path;

use anyhow::Result;

use crate::cli::Target;
use crate::files::config_text;
use crate::production::deployment::Deployment;
use crate::production::{modules, server};
use crate::scaffold::shell;

/// Installs the server.
pub fn packages(deployment: &Deployment) -> Vec<String> {
    let own = !deployment.mod_wsgi.from_distribution;
    let certbot = if deployment.has_certbot() { " certbot" } else { "" };
    if deployment.places.is_rhel() {
        let wsgi = if own { "" } else { " python3-mod_wsgi" };
        let tls = if deployment.tls.is_some() { " mod_ssl mod_http2 openssl" } else { "" };
        let md = if deployment.is_managed() { " mod_md" } else { "" };
        let epel = deployment.has_certbot().then(|| "dnf install epel-release".to_owned());
        // `semanage` and `pkill` are not in every minimal installation.
        let rest = format!("dnf install httpd{tls}{md}{wsgi}{certbot} policycoreutils-python-utils procps-ng curl");
        return epel.into_iter().chain([rest]).collect();
    }
    let apache = if deployment.target == Target::Standalone { "apache2-bin media-types" } else { "apache2" };
    let wsgi = if own { "" } else { " libapache2-mod-wsgi-py3" };
    vec![format!("apt install {apache}{wsgi} openssl procps curl{certbot}")]
}

/// Puts the files in place; a config that Apache does not accept is taken back.
///
/// # Errors
/// When a path can't be expressed.
pub fn install(deployment: &Deployment) -> Result<Vec<String>> {
    let places = &deployment.places;
    let conf = word(&places.conf)?;
    let conf_name = server::conf_name(deployment);
    let old = word(&places.conf.with_extension("conf.old"))?;
    let put = [
        format!("[ ! -e {conf} ] || cp -a {conf} {old}"),
        format!("install -m 644 -o root -g root {conf_name} {conf}"),
    ];
    let back = |undo: &str| format!("{{ if [ -e {old} ]; then mv {old} {conf}; else {undo}; fi; false; }}");
    let remove = format!("rm {conf}");
    let mut lines = Vec::new();
    match deployment.target {
        Target::Debian => {
            let enabled = modules::enabled_for(deployment).join(" ");
            let site = conf_name.trim_end_matches(".conf");
            lines.push(format!("a2enmod {enabled}"));
            lines.extend(put);
            lines.push(format!("a2ensite {site}"));
            lines.push(format!("apache2ctl -t || {}", back(&format!("a2dissite {site}; {remove}"))));
        }
        Target::Rhel => {
            lines.extend(put);
            lines.push(format!("httpd -t || {}", back(&remove)));
        }
        Target::Standalone => {
            let service = server::service(deployment);
            lines.extend(put);
            lines.push(format!("install -d -m 755 {}", word(&places.run)?));
            lines.push(format!("install -d -m 750 {}", word(places.access_log.parent().unwrap_or(Path::new("/")))?));
            lines.push(format!("{} -t -f {conf} || {}", word(&server::binary(deployment))?, back(&remove)));
            lines.push(format!("install -m 644 -o root -g root {service} /etc/systemd/system/{service}"));
            lines.push("systemctl daemon-reload".to_owned());
            lines.push(format!(
                "install -m 644 -o root -g root logrotate /etc/logrotate.d/djwsgi-{}",
                deployment.site.name
            ));
        }
        Target::Container => {}
    }
    Ok(lines)
}

/// Starts the server.
pub fn start(deployment: &Deployment) -> Vec<String> {
    let service = server::service(deployment);
    match deployment.target {
        Target::Standalone => vec![format!("systemctl enable --now {service}")],
        // Enabled on Debian, not on RHEL.
        Target::Rhel => vec![format!("systemctl enable {service}"), format!("systemctl restart {service}")],
        _ => vec![format!("systemctl restart {service}")],
    }
}

/// Tells the site's processes of new code: mod_wsgi lets their requests end and starts them anew. The name of
/// the site is not asked for: what a process shows of its name is as long as Apache's path.
pub fn tell(deployment: &Deployment) -> String {
    format!(r"pkill -USR1 -u {} -f '^\(wsgi:'", deployment.account.0)
}

/// Tells Apache of a new config or certificate.
pub fn reload(deployment: &Deployment) -> String {
    match deployment.target {
        Target::Container => format!("podman kill -s USR1 {}", deployment.site.name),
        _ => format!("systemctl reload {}", server::service(deployment)),
    }
}

/// The cron line that has Apache use a certificate that mod_md has fetched.
///
/// # Errors
/// When a path can't be expressed.
pub fn renewal(deployment: &Deployment) -> Result<String> {
    let is_there = certificate_in(deployment, "staging")?;
    Ok(format!("17 4 * * * root {is_there} >/dev/null 2>&1 && {} >/dev/null", reload(deployment)))
}

/// Waits for the first certificate that mod_md fetches, and has Apache use it; fails where none has come.
///
/// # Errors
/// When a path can't be expressed.
pub fn first_certificate(deployment: &Deployment) -> Result<Vec<String>> {
    let (used, fetched) = (certificate_in(deployment, "domains")?, certificate_in(deployment, "staging")?);
    let reload = reload(deployment);
    Ok(vec![
        format!(
            "for try in $(seq 60); do {used} >/dev/null 2>&1 && break; ! {fetched} >/dev/null 2>&1 || {reload}; sleep 2; done"
        ),
        used,
    ])
}

/// The command that shows the certificate in a folder of mod_md's, and fails if there is none.
fn certificate_in(deployment: &Deployment, folder: &str) -> Result<String> {
    let store = deployment.places.md_store();
    let store = match deployment.target {
        Target::Standalone | Target::Container => config_text(&store)?,
        Target::Debian => "/etc/apache2/md",
        Target::Rhel => "/etc/httpd/state/md",
    };
    let list = format!("ls {store}/{folder}/{}/pubcert.*", deployment.server_name);
    Ok(match deployment.target {
        Target::Container => format!("podman exec {} sh -c '{list}'", deployment.site.name),
        _ => list,
    })
}

/// Gives SELinux's types to what Apache reads and writes, on RHEL and its kin.
///
/// # Errors
/// When a path can't be expressed.
pub fn selinux(deployment: &Deployment) -> Result<Option<Vec<String>>> {
    let places = &deployment.places;
    if !places.is_rhel() {
        return Ok(None);
    }
    let root = places.there(&deployment.site.root);
    let venv = places.there(&deployment.site.python.prefix);
    let mut types: Vec<(std::path::PathBuf, &str)> = Vec::new();
    // Below /opt and /usr everything is readable already.
    let is_labelled = |path: &Path| ["/opt", "/usr"].iter().any(|top| path.starts_with(top));
    if !is_labelled(&root) {
        types.push((root, "httpd_sys_content_t"));
    }
    if deployment.site.python.is_venv() && !is_labelled(&venv) {
        types.push((venv.join("bin"), "bin_t"));
        types.push((venv.join("lib"), "lib_t"));
        types.push((venv.join("lib64"), "lib_t"));
    }
    types.push((places.data.clone(), "httpd_sys_content_t"));
    if deployment.target == Target::Standalone {
        types.push((places.run.clone(), "httpd_var_run_t"));
        types.push((places.access_log.parent().unwrap_or(Path::new("/")).to_owned(), "httpd_log_t"));
        if deployment.is_managed() {
            types.push((places.md_store(), "httpd_sys_rw_content_t"));
        }
    }
    types.extend(server::written_folders(deployment).into_iter().map(|folder| (folder, "httpd_sys_rw_content_t")));
    let mut lines = Vec::new();
    for (folder, kind) in &types {
        let pattern = shell::word(&format!("{}(/.*)?", regular(config_text(folder)?)));
        lines.push(added(&format!("semanage fcontext {{}} -t {kind} {pattern}")));
    }
    // What is not there yet gets its type when it is made.
    let folders = types.iter().map(|(folder, _)| word(folder)).collect::<Result<Vec<_>>>()?.join(" ");
    lines.push(format!("for folder in {folders}; do [ ! -e \"$folder\" ] || restorecon -R \"$folder\"; done"));
    if let Some(port) = deployment.buffer_port {
        lines.push(added(&format!("semanage port {{}} -t http_port_t -p tcp {port}")));
        lines.push("setsebool -P httpd_can_network_relay on".to_owned());
    }
    Ok(Some(lines))
}

/// A command of `semanage`, which changes only what is there and adds only what is not.
fn added(command: &str) -> String {
    format!("{} 2>/dev/null || {}", command.replacen("{}", "-a", 1), command.replacen("{}", "-m", 1))
}

/// `path` as a regular expression that means it alone.
fn regular(path: &str) -> String {
    let special = |character: char| r"\.+*?()[]{}^$|".contains(character);
    path.chars().flat_map(|one| special(one).then_some('\\').into_iter().chain([one])).collect()
}

fn word(path: &Path) -> Result<String> {
    Ok(shell::word(config_text(path)?))
}
