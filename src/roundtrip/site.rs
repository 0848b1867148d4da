//! Sites of any names and values, and their harmless twins.

use std::collections::BTreeMap;
use std::path::PathBuf;

use proptest::option;
use proptest::prelude::*;
use serde_json::json;

use super::{line, path};
use crate::cli::{ProductionArgs, Target, TlsProfile, TlsSource};
use crate::identity::Identity;
use crate::python::interpreter::Interpreter;
use crate::site::config::{Config, Layers};
use crate::site::monitor_place::MonitorPlace;
use crate::site::resolve::Site;

/// What users choose.
#[derive(Clone, Debug)]
pub struct Given {
    /// The folder of manage.py.
    pub root: String,
    /// The virtual environment.
    pub venv: String,
    /// The folder of static files: below the root, or anywhere.
    pub static_root: String,
    /// Its URL.
    pub static_url: String,
    /// The folder of uploads.
    pub media_root: Option<String>,
    /// Its URL.
    pub media_url: String,
    /// A folder that manage.py adds to the path.
    pub added_path: Option<String>,
    /// A folder that the site writes in.
    pub written: Option<String>,
    /// `[env]`
    pub variable: Option<String>,
    /// `[prod] csp`
    pub csp: Option<String>,
    /// `[prod] certificate`
    pub certificate: Option<String>,
    /// `[prod] root`
    pub moved: Option<String>,
    /// `[prod] env-file`
    pub env_file: Option<String>,
    /// Texts that must be names of their kinds: `[prod] user`, `[site] server-name`, an alias of it.
    pub names: (Option<String>, String, Option<String>),
    /// Which files, how TLS, which clients, whether there is a buffer.
    pub shape: (Target, TlsSource, TlsProfile, bool),
}

/// Any of them.
pub fn given() -> impl Strategy<Value = Given> {
    let target = proptest::sample::select(&[Target::Debian, Target::Rhel, Target::Standalone][..]);
    let tls = [TlsSource::Files, TlsSource::Certbot, TlsSource::MdModule, TlsSource::Proxy, TlsSource::Off];
    let profile = proptest::sample::select(&[TlsProfile::Intermediate, TlsProfile::Modern][..]);
    let shape = (target, proptest::sample::select(tls.to_vec()), profile, any::<bool>());
    let user = option::weighted(0.3, prop_oneof![3 => "[a-z][a-z0-9_-]{0,20}".boxed(), 1 => line().boxed()]);
    let host = prop_oneof![19 => "[a-z0-9]{1,20}\\.example".boxed(), 1 => line().boxed()];
    let alias = option::weighted(0.3, prop_oneof![3 => "[A-Za-z0-9]{1,9}\\.example".boxed(), 1 => line().boxed()]);
    let ascii = line().prop_filter("ASCII", |text| text.is_ascii());
    let own = |chance| option::weighted(chance, path());
    let paths = (path(), path(), any::<bool>(), path(), own(0.5), own(0.3), own(0.5), own(0.3), own(0.2), own(0.2));
    let urls = (line(), line());
    let texts = (option::weighted(0.5, line()), option::weighted(0.5, ascii));
    (paths, urls, texts, (user, host, alias), shape).prop_map(|(paths, urls, texts, names, shape)| {
        let (root, venv, below, static_root, media_root, added_path, written, certificate, moved, env_file) = paths;
        Given {
            static_root: if below { format!("{root}{static_root}") } else { static_root },
            static_url: format!("/s{}/", urls.0),
            media_url: format!("/media{}/", urls.1),
            variable: texts.0,
            csp: texts.1,
            root,
            venv,
            media_root,
            added_path,
            written,
            certificate,
            moved,
            env_file,
            names,
            shape,
        }
    })
}

impl Given {
    /// The same with every value made of letters, of the same lengths and in the same relations.
    pub fn tame(&self) -> Self {
        let text = |text: &String| tame(text);
        let optional = |value: &Option<String>| value.as_deref().map(tame);
        Self {
            root: text(&self.root),
            venv: text(&self.venv),
            static_root: text(&self.static_root),
            static_url: text(&self.static_url),
            media_root: optional(&self.media_root),
            media_url: text(&self.media_url),
            added_path: optional(&self.added_path),
            written: optional(&self.written),
            variable: optional(&self.variable),
            csp: optional(&self.csp),
            certificate: optional(&self.certificate),
            moved: optional(&self.moved),
            env_file: optional(&self.env_file),
            names: self.names.clone(),
            shape: self.shape,
        }
    }

    /// As flags.
    pub fn args(&self) -> ProductionArgs {
        let versions = ["2.4.62", "4.9.4", "3.0"].map(|version| Some(version.to_owned()));
        let [apache, mod_wsgi, openssl] = versions;
        ProductionArgs { target: Some(self.shape.0), apache, mod_wsgi, openssl, ..ProductionArgs::default() }
    }

    /// The site, if djwsgi.toml is accepted.
    ///
    /// # Errors
    /// With what is wrong in djwsgi.toml.
    pub fn site(&self) -> anyhow::Result<Site> {
        let root = PathBuf::from(&self.root);
        let config = self.config()?;
        let python: Interpreter = serde_json::from_value(json!({
            "executable": format!("{}/bin/python", self.venv), "version": [3, 11, 2], "prefix": self.venv,
            "base_prefix": "/usr", "include": "/usr/include", "django": "5.2", "mod_wsgi": null, "path": [],
            "known": [],
        }))?;
        let written: Vec<_> =
            self.written.iter().map(|path| json!({ "setting": "CACHES", "kind": "folder", "path": path })).collect();
        let django = serde_json::from_value(json!({
            "django": "5.2", "settings": "mysite.settings", "settings_from_environment": false,
            "settings_file": format!("{}/mysite/settings.py", self.root), "added_environment": {},
            "env_reader": null, "added_path": self.added_path.iter().collect::<Vec<_>>(), "debug": false,
            "allowed_hosts": ["www.example.org"], "static_url": self.static_url, "static_root": self.static_root,
            "media_url": self.media_url, "media_root": self.media_root, "staticfiles": true,
            "wsgi_application": "mysite.wsgi.application", "files": null,
            "wsgi": { "settings": "mysite.settings", "insists": false },
            "production": {
                "asgi_application": null, "whitenoise": false, "sets_csp": false, "force_script_name": null,
                "hashed_static": true, "max_memory_body": null, "proxy_ssl_header": [], "ssl_redirect": true,
                "use_x_forwarded_host": false, "use_x_forwarded_port": false, "written": written,
                "secret_key_variables": [],
                "secret_key_in": [],
            },
        }))?;
        Ok(Site {
            name: "mysite".to_owned(),
            application: None,
            monitor: MonitorPlace::beside(&root, "mysite.settings", None),
            manage_settings: Some("mysite.settings".to_owned()),
            owner: Identity { uid: 1000, gid: 1000, user: None, group: None, home: None },
            variables: BTreeMap::new(),
            root,
            config,
            python,
            django,
        })
    }

    fn config(&self) -> anyhow::Result<Config> {
        let (target, tls, profile, buffer) = self.shape;
        let (user, server_name, alias) = &self.names;
        let mut prod = json!({
            "target": format!("{target:?}").to_lowercase(),
            "tls": if tls == TlsSource::MdModule { "mod_md".to_owned() } else { format!("{tls:?}").to_lowercase() },
            "tls-profile": format!("{profile:?}").to_lowercase(), "buffer": buffer && tls != TlsSource::Proxy, "contact": "ops@example.org",
            "certificate": self.certificate, "certificate-key": self.certificate, "user": user, "csp": self.csp,
            "root": self.moved, "env-file": self.env_file,
            "proxies": (tls == TlsSource::Proxy).then_some(["10.0.0.5", "fd00::/8"]),
        });
        if let Some(table) = prod.as_object_mut() {
            table.retain(|_, value| !value.is_null());
        }
        let aliases: Vec<_> = alias.iter().collect();
        let env = self.variable.as_ref().map_or_else(|| json!({}), |value| json!({ "ODD": value }));
        let table =
            json!({ "site": { "server-name": server_name, "server-aliases": aliases }, "env": env, "prod": prod });
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("djwsgi.toml"), toml::to_string(&table)?)?;
        Config::load(folder.path(), Layers::All)
    }
}

/// `text` with plain characters in place of those that could mean anything: the same one for the same, and
/// as many as there were bytes, so that what was different, or part of another, or longer, still is.
pub fn tame(text: &str) -> String {
    const PLAIN: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    let mut tamed = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii_alphanumeric() || "/._-".contains(character) {
            tamed.push(character);
        } else {
            let place = usize::try_from(u32::from(character) % 36).unwrap_or_default();
            tamed.extend(std::iter::repeat_n(char::from(PLAIN[place]), character.len_utf8()));
        }
    }
    tamed
}
