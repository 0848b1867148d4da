//! A site that is deployed and serves, on a server of its own: network, /etc and /run are private.

use serde_json::Value;

use super::sandbox::{SECRET, until_no_process};
use super::{Flavor, Sandbox, Shown, machine};

/// What every script on a server begins with.
const SERVER: &str = include_str!("server.sh");

/// What [`Sandbox::on_server`] adds.
const DEPLOYED: &str = include_str!("deployed.sh");

/// What scripts that activate sets begin with.
pub const SETS: &str = include_str!("sets.sh");

/// Visitors, in Python.
const LOAD: &str = include_str!("load.py");

/// What has a site's urls.py fail under Apache only, if its variables say so: elsewhere there is no such module.
pub const BREAKS: &str = r#"
if os.environ.get("BREAKS"):
    try:
        import mod_wsgi
    except ImportError:
        pass
    else:
        raise RuntimeError("only here")
"#;

/// The commands of DEPLOY.md's steps, in order, without those that need the network.
pub fn commands(text: &str) -> String {
    let steps = text.split("\n## New code").next().unwrap();
    assert!(steps.len() < text.len());
    blocks(steps)
}

/// The commands of the section `title`.
pub fn section(text: &str, title: &str) -> String {
    let rest = text.split_once(&format!(" {title}\n")).unwrap_or_else(|| panic!("no {title} in {text}")).1;
    blocks(rest.split("\n## ").next().unwrap())
}

fn blocks(text: &str) -> String {
    let mut inside = false;
    let mut commands = String::new();
    for line in text.lines() {
        if line == "```sh" || line == "```" {
            inside = line == "```sh" && !inside;
        } else if inside && !line.starts_with("apt ") && !line.starts_with("curl ") {
            commands += line;
            commands.push('\n');
        }
    }
    commands
}

/// What the visitors of the file `name` saw.
pub fn load(sandbox: &Sandbox, name: &str) -> Value {
    serde_json::from_str(&sandbox.read(name)).unwrap()
}

/// That nothing failed for the visitors of the file `name`, and that old answers did not come back: the file `marks`
/// has lines of time and version, from then on no request may be answered by an older one.
pub fn assert_lossless(sandbox: &Sandbox, name: &str) {
    let load = load(sandbox, name);
    assert_eq!(load["failed"], serde_json::json!([]), "{}", load["answered"]);
    let answered = |method: &str| load["answered"][method].as_u64().unwrap();
    assert!(answered("GET") > 200 && answered("POST") > 200, "{}", load["answered"]);
    let marks = sandbox.read("marks");
    let version = |word: &str| word[1..].parse::<u32>().unwrap();
    let marks: Vec<(f64, u32)> = marks
        .lines()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(time, word)| (time.parse().unwrap(), version(word)))
        .collect();
    assert!(!marks.is_empty());
    for seen in load["seen"].as_array().unwrap() {
        let (began, word) = (seen[0].as_f64().unwrap(), seen[2].as_str().unwrap());
        let least = marks.iter().filter(|(time, _)| *time < began).map(|(_, version)| *version).max();
        assert!(version(word) >= least.unwrap_or_default(), "{word} at {began}: {marks:?}");
    }
}

impl Sandbox {
    /// A site that is ready to be deployed, with `views` as its urls.py and `prod` below `[prod]`, and its
    /// deployment for Debian in the folder `out`.
    pub fn deployment(&self, flavor: Flavor, views: &str, prod: &str) {
        self.deployment_with(flavor, views, prod, "");
    }

    /// The same with lines for its settings.
    pub fn deployment_with(&self, flavor: Flavor, views: &str, prod: &str, settings: &str) {
        self.production_site(flavor, settings);
        self.write("mysite/mysite/urls.py", views);
        self.write(
            "mysite/djwsgi.toml",
            &format!(
                "[env]\nfile = \".env\"\n[prod]\ncertificate = \"/etc/ssl/site.crt\"\n\
                 certificate-key = \"/etc/ssl/site.key\"\n{prod}\n"
            ),
        );
        let arguments = ["deploy-config", "--prod", "--target", "debian", "--output", "../out"];
        self.djwsgi("mysite", &arguments).code(0);
    }

    /// Runs `script` on a server of its own, where the deployment in `out` has been put into production.
    pub fn on_server(&self, script: &str) -> Shown {
        self.on_bare_server(&format!("{DEPLOYED}{script}"))
    }

    /// Runs `script` on a server of its own, where nothing of the deployment in `out` has been done yet.
    pub fn on_bare_server(&self, script: &str) -> Shown {
        self.write("steps.sh", &commands(&self.read("out/DEPLOY.md")));
        self.write("load.py", LOAD);
        self.write("server.sh", SERVER);
        self.write("script.sh", script);
        let prepared = format!(
            "export KEY={SECRET} djwsgi={}\ncp -a /etc etc\nmkdir lib\ncp -a /var/lib/apache2 lib\n\
             timeout -k 5 400 unshare --net --mount --pid --fork --mount-proc --kill-child bash -euo pipefail -c '. ./server.sh; . ./script.sh'",
            machine().djwsgi.display()
        );
        let shown = self.root_script(&prepared);
        until_no_process(self);
        shown
    }
}
