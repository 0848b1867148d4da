//! What a user or a machine can get wrong: a clear sentence, a way out, the right exit status,
//! and nothing written.

use crate::support::{Flavor, Sandbox, machine};

fn plain_site() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.start_project(Flavor::Distribution, "mysite", "mysite");
    sandbox
}

/// Runs `djwsgi` as the ordinary user in the site, in a private mount namespace changed by `setup`.
fn in_changed_machine(sandbox: &Sandbox, setup: &str, arguments: &str) -> crate::support::Shown {
    let machine = machine();
    sandbox.root_script(&format!(
        "unshare --mount bash -euc '{setup}\ncd mysite; exec /usr/bin/setpriv --reuid {} --regid {} --clear-groups \
         env PATH=/usr/local/bin:/usr/bin:/bin {} {arguments}'",
        machine.uid,
        machine.gid,
        machine.djwsgi.display()
    ))
}

#[test]
fn no_apache() {
    let sandbox = plain_site();
    let before = sandbox.snapshot("mysite");
    for arguments in ["init", "dev"] {
        let shown = in_changed_machine(&sandbox, "mount -t tmpfs none /usr/sbin", arguments).code(3);
        shown.says(&["Apache is not installed", "hint: apt install apache2 libapache2-mod-wsgi-py3"]);
    }
    assert_eq!(
        sandbox
            .snapshot("mysite")
            .iter()
            .filter(|file| !before.contains(file))
            .filter(|file| !file.0.to_string_lossy().contains(".djwsgi/"))
            .count(),
        0
    );
    let ready = Sandbox::new();
    ready.production_site(Flavor::Distribution, "");
    let shown = in_changed_machine(&ready, "mount -t tmpfs none /usr/sbin", "diff").code(3);
    shown.says(&["Apache is not installed", "hint: apt install apache2"]);
    // A new site: the way without root is offered, and asked for on a terminal only.
    let shown = in_changed_machine(
        &sandbox,
        "mount -t tmpfs none /usr/sbin; mkdir -m 777 new new/mysite; cd new",
        "init fresh",
    );
    let shown = shown.code(3).says(&["about ten minutes", "--mod-wsgi standalone"]);
    assert!(!sandbox.has("new/mysite/fresh"), "{}", shown.err);
}

/// The folder of Apache's modules, as a copy that can be changed.
const MODULES: &str = "m=/usr/lib/apache2/modules; cp -a $m copy; mount --bind copy $m";

#[test]
fn no_mod_wsgi() {
    let sandbox = plain_site();
    let setup = format!("{MODULES}; rm $m/mod_wsgi*");
    let shown = in_changed_machine(&sandbox, &setup, "init").code(3);
    shown.says(&["mod_wsgi is not installed", "install mod_wsgi"]);
    assert!(!sandbox.has("mysite/apache"));
}

#[test]
fn mod_wsgi_for_another_python() {
    let sandbox = plain_site();
    let setup = format!("{MODULES}; sed -i s/libpython3.11/libpython3.12/ $m/mod_wsgi.so-3.11");
    let shown = in_changed_machine(&sandbox, &setup, "init").code(3);
    shown.says(&["mod_wsgi 4.9.4 is for Python 3.12, the site runs on Python 3.11", "install mod_wsgi"]);
    assert!(!sandbox.has("mysite/apache"));
}

#[test]
fn settings_that_raise_at_import() {
    let sandbox = plain_site();
    let settings = sandbox.read("mysite/mysite/settings.py");
    for (broken, last_line, line) in [
        (
            format!("{settings}\nraise ValueError('no such ünit')\n"),
            "ValueError: no such ünit",
            settings.lines().count() + 2,
        ),
        ("import nowhere\n".to_owned(), "No module named 'nowhere'", 1),
        ("x = (\n".to_owned(), "SyntaxError", 1),
        ("import sys\nsys.exit(7)\n".to_owned(), "SystemExit: 7", 2),
    ] {
        sandbox.write("mysite/mysite/settings.py", &broken);
        for verb in ["init", "deploy-config"] {
            let shown = sandbox.djwsgi("mysite", &[verb]).code(3);
            let place = format!("mysite/settings.py, line {line}");
            shown.says(&["error: the settings can't be imported", last_line, &place, "Traceback", "hint:"]);
        }
    }
    sandbox.write("mysite/mysite/settings.py", "import os\nos._exit(9)\n");
    sandbox.djwsgi("mysite", &["init"]).code(3).says(&["ended without an answer (exit status 9)"]);
    assert!(!sandbox.has("mysite/apache") && !sandbox.has("mysite/djwsgi.toml"));
}

#[test]
fn settings_that_do_not_exist_or_come_from_the_shell() {
    let sandbox = plain_site();
    let mut command = sandbox.djwsgi_command("mysite", &["init"]);
    let shown = sandbox.run(command.env("DJANGO_SETTINGS_MODULE", "elsewhere.settings")).code(3);
    shown.says(&["No module named 'elsewhere'"]);
    sandbox.write("mysite/mysite/other.py", "from .settings import *\n");
    let mut command = sandbox.djwsgi_command("mysite", &["init"]);
    let shown = sandbox.run(command.env("DJANGO_SETTINGS_MODULE", "mysite.other")).code(0);
    shown.says(&["mysite.other come from DJANGO_SETTINGS_MODULE in your environment"]);
}

#[test]
fn output_of_the_site_does_not_get_into_the_answer() {
    let sandbox = plain_site();
    let settings = sandbox.read("mysite/mysite/settings.py");
    sandbox.write(
        "mysite/mysite/settings.py",
        &format!("print('noise')\nimport os; os.system('echo more noise')\n{settings}"),
    );
    sandbox.djwsgi("mysite", &["init"]).code(0);
}

#[test]
fn a_settings_file_with_a_mistake() {
    let sandbox = plain_site();
    for (text, said) in [
        ("[dev]\nprot = 8000\n", "did you mean port?"),
        ("[devv]\n", "did you mean dev?"),
        ("[dev\n", "djwsgi.toml can't be read"),
        ("[dev]\nport = \"x\"\n", "djwsgi.toml can't be read"),
    ] {
        sandbox.write("mysite/djwsgi.toml", text);
        sandbox.djwsgi("mysite", &["init"]).code(2).says(&[said]);
        sandbox.djwsgi("mysite", &["dev"]).code(2).says(&[said]);
    }
    sandbox.write("mysite/djwsgi.toml", "");
    sandbox.write("mysite/pyproject.toml", "[tool.djwsgi.dev]\nthreads = 2\n");
    sandbox.djwsgi("mysite", &["init"]).code(2).says(&["both djwsgi.toml and [tool.djwsgi]"]);
    assert!(!sandbox.has("mysite/apache"));
}

#[test]
fn a_full_disk_leaves_every_file_old_and_whole_or_new_and_whole() {
    let sandbox = plain_site();
    // A small file system with less and less room left, until none of our files fits.
    let mut failures = 0;
    for room in [28, 20, 12, 8, 4, 0] {
        let setup = format!(
            "mount -t tmpfs -o size=1m,mode=755,uid={0},gid={1} none mnt; cp -a --no-preserve=ownership mysite/. mnt/ 2>/dev/null; \
             chown -hR {0}:{1} mnt; dd if=/dev/zero of=mnt/filler bs=4k status=none || true; \
             truncate -s -{room}k mnt/filler; mount --bind mnt mysite",
            machine().uid,
            machine().gid
        );
        sandbox.root_script("mkdir -p mnt");
        let verb = "init; code=$?; cd ..; ls -A mnt mnt/apache > listing 2>/dev/null; wc -c mnt/djwsgi.toml >> listing 2>&1; exit $code";
        let machine = machine();
        let shown = sandbox.root_script(&format!(
            "unshare --mount bash -uc '{setup}\ncd mysite; /usr/bin/setpriv --reuid {} --regid {} --clear-groups \
             env PATH=/usr/local/bin:/usr/bin:/bin PYTHONDONTWRITEBYTECODE=1 {} {verb}'",
            machine.uid,
            machine.gid,
            machine.djwsgi.display()
        ));
        let listing = sandbox.read("listing");
        if shown.code == 0 {
            assert!(listing.contains("django.wsgi"), "{listing}");
            continue;
        }
        failures += 1;
        let shown = shown.code(3).says(&["cannot write", "hint: free some space"]);
        for trace in ["apache", ".djwsgi-", "\ndjwsgi.toml"] {
            assert!(!listing.split("wc:").next().unwrap().contains(trace), "{room}k: {listing}\n{}", shown.err);
        }
    }
    assert!(failures >= 3, "the disk was full {failures} times only");
}

#[test]
fn places_that_are_no_site() {
    let sandbox = Sandbox::new();
    sandbox.djwsgi("", &["init"]).code(2).says(&["hint: change into the site's folder"]);
    sandbox.djwsgi("/", &["init"]).code(2).says(&["holds no Django site of its own"]);
    sandbox.djwsgi("", &["dev", "--project-dir", "missing"]).code(2).says(&["missing"]);
    sandbox.write("empty/x", "");
    sandbox.djwsgi("empty", &["deploy-config"]).code(2).says(&["no manage.py found"]);
}

#[test]
fn a_python_without_django() {
    let sandbox = plain_site();
    std::fs::remove_file(sandbox.join("mysite/.venv")).unwrap();
    sandbox.djwsgi("mysite", &["init"]).code(3).says(&["no Python with Django", "hint:"]);
    sandbox.djwsgi("mysite", &["init", "--python", "/nowhere"]).code(3).says(&["no Python at /nowhere"]);
    sandbox.djwsgi("mysite", &["init", "--python", "/etc"]).code(3).says(&["is not a virtual environment"]);
}

#[test]
fn wrong_flags() {
    let sandbox = plain_site();
    for arguments in [
        &["dev", "--port", "0"][..],
        &["dev", "--port", "70000"],
        &["dev", "--host", "x y"],
        &["devv"],
        &[],
        &["dev", "--threads", "0"],
    ] {
        let shown = sandbox.djwsgi("mysite", arguments).code(2);
        assert!(!shown.err.contains("panicked"));
    }
    sandbox.djwsgi("mysite", &["init"]).code(0);
    sandbox.djwsgi("mysite", &["dev", "--host", "192.0.2.1"]).code(2).says(&["no address of this machine"]);
}

#[test]
fn a_flag_can_be_set_by_its_variable() {
    let sandbox = plain_site();
    for (value, writes) in [("1", false), ("yes", false), ("true", false), ("0", true), ("", true), ("no", true)] {
        let mut command = sandbox.djwsgi_command("mysite", &["init"]);
        sandbox.run(command.env("DJWSGI_DRY_RUN", value)).code(0);
        assert_eq!(sandbox.has("mysite/djwsgi.toml"), writes, "{value:?}");
        let _ = std::fs::remove_file(sandbox.join("mysite/djwsgi.toml"));
    }
}

#[test]
fn a_url_with_a_line_break_never_becomes_a_directive() {
    let sandbox = plain_site();
    let settings = sandbox.read("mysite/mysite/settings.py");
    for name in ["MEDIA_URL", "STATIC_URL"] {
        let folders = "STATIC_ROOT = MEDIA_ROOT = BASE_DIR / 'up'";
        let evil = format!("{settings}\n{folders}\n{name} = '/x/\\nErrorDocument 404 x\\n/'\n");
        sandbox.write("mysite/mysite/settings.py", &evil);
        sandbox.djwsgi("mysite", &["init"]).code(3).says(&[name, "control character"]);
    }
    let quoted = format!("{settings}\nMEDIA_URL = '/a b\"${{HOME}}/'\nMEDIA_ROOT = BASE_DIR / 'up'\n");
    sandbox.write("mysite/mysite/settings.py", &quoted);
    sandbox.djwsgi("mysite", &["init"]).code(0);
    sandbox.djwsgi("mysite", &["deploy-config"]).code(0);
    let conf = sandbox.read("mysite/apache/mysite.conf");
    assert!(conf.contains("Alias \"/a b\\\"${DJWSGI_DOLLAR}{HOME}/\""), "{conf}");
}

#[test]
fn settings_that_leave_a_process_running_do_not_hang_it() {
    let sandbox = plain_site();
    let settings = sandbox.read("mysite/mysite/settings.py");
    let leaving = format!("import subprocess\nsubprocess.Popen(['sleep', '8'])\n{settings}");
    sandbox.write("mysite/mysite/settings.py", &leaving);
    let started = std::time::Instant::now();
    sandbox.djwsgi("mysite", &["init"]).code(0);
    assert!(started.elapsed().as_secs() < 7, "{:?}", started.elapsed());
    crate::support::sandbox::until_no_process(&sandbox);
}

#[test]
fn a_manage_py_that_cannot_be_read_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = plain_site();
    std::fs::set_permissions(sandbox.join("mysite/manage.py"), std::fs::Permissions::from_mode(0o000)).unwrap();
    sandbox.djwsgi("mysite", &["init"]).code(3).says(&["manage.py can't be run", "PermissionError"]);
}

#[test]
fn a_broken_pyproject_is_named_if_it_may_be_ours() {
    let sandbox = plain_site();
    sandbox.write("mysite/pyproject.toml", "[tool.djwsgi.dev\n");
    sandbox.djwsgi("mysite", &["init"]).code(2).says(&["pyproject.toml can't be read"]);
    sandbox.write("mysite/pyproject.toml", "[tool.other\n");
    sandbox.djwsgi("mysite", &["init"]).code(0);
}
