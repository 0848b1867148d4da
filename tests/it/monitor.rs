//! monitor.py by itself, in a plain Python that claims to be a mod_wsgi daemon process.

use std::process::Command;

use crate::support::{Flavor, Sandbox, Shown, machine};

/// Prepares `monitor` as a module beside a script, and a stand-in for what mod_wsgi provides.
const PREPARE: &str = r#"
import importlib, os, signal, sys, threading, time, types
sys.path.insert(0, os.getcwd())
killed = []
def daemon(group="dev"):
    sys.modules["mod_wsgi"] = types.SimpleNamespace(process_group=group)
    os.kill = lambda pid, number: killed.append((pid == os.getpid(), number))
def until(condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)
def write(path, text):
    with open(path, "w") as file:
        file.write(text)
    # Older than this process, so that only a later change counts.
    os.utime(path, (1, 1))
os.utime("monitor.py", (1, 1))
"#;

fn python(sandbox: &Sandbox, program: &str, code: &str) -> Shown {
    let mut command: Command = sandbox.command(program, "mysite/mysite");
    sandbox.run(command.args(["-c", &format!("{PREPARE}{code}")]))
}

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.start_project(Flavor::Distribution, "mysite", "mysite");
    sandbox.djwsgi("mysite", &["init"]).code(0);
    sandbox
}

fn passes(code: &str) -> Shown {
    let sandbox = sandbox();
    let venv = machine().venv(Flavor::Distribution).join("bin/python");
    python(&sandbox, venv.to_str().unwrap(), code).code(0)
}

#[test]
fn outside_of_a_daemon_process_it_says_so_once_and_does_nothing() {
    let shown = passes("import monitor; monitor.start(); monitor.start(); assert threading.active_count() == 1");
    assert_eq!(shown.err.matches("not a mod_wsgi daemon process").count(), 1, "{}", shown.err);
    let shown = passes("daemon(''); import monitor; monitor.start(); assert threading.active_count() == 1");
    assert!(shown.err.contains("not a mod_wsgi daemon process"), "embedded mode: {}", shown.err);
}

#[test]
fn it_notices_change_deletion_and_replacement() {
    for change in ["write('a.py', 'x = 22')", "os.remove('a.py')", "write('b.py', 'x = 1'); os.replace('b.py', 'a.py')"]
    {
        let shown = passes(&format!(
            "write('a.py', 'x = 1'); import a; daemon(); import monitor; monitor.start(0.01)\n\
             until(lambda: os.path.abspath('a.py') in monitor._baseline); assert not killed\n\
             {change}\nuntil(lambda: killed); assert killed == [(True, signal.SIGINT)], killed"
        ));
        assert!(shown.err.contains("code monitor: a.py "), "{}", shown.err);
    }
}

#[test]
fn a_change_between_the_import_and_the_first_look_is_noticed() {
    passes(
        "write('a.py', 'x = 1'); import a; daemon(); import monitor; os.utime('a.py')\n\
         monitor.start(0.01); until(lambda: killed)",
    );
    // A time in the future would be "changed since the start" in every new process.
    passes(
        "write('a.py', 'x = 1'); os.utime('a.py', (9e9, 9e9)); import a; daemon(); import monitor\n\
         monitor.start(0.01); until(lambda: os.path.abspath('a.py') in monitor._baseline); assert not killed",
    );
}

#[test]
fn tracked_files_and_modules_that_failed_are_watched() {
    passes(
        "write('data.yml', 'a'); daemon(); import monitor; monitor.start(0.01); monitor.track('data.yml')\n\
         until(lambda: os.path.abspath('data.yml') in monitor._baseline); write('data.yml', 'bb'); until(lambda: killed)",
    );
    passes(
        "write('bad.py', '1/0'); daemon(); import monitor; monitor.start(0.01)\n\
         try: import bad\n\
         except ZeroDivisionError: pass\n\
         until(lambda: os.path.abspath('bad.py') in monitor._baseline); write('bad.py', 'x = 1'); until(lambda: killed)",
    );
}

#[test]
fn a_load_that_failed_before_the_start_is_watched_and_its_first_cause_kept() {
    for bad in ["1/0", "def ("] {
        let shown = passes(&format!(
            "write('bad.py', {bad:?}); daemon(); import monitor\n\
             def load(error=None):\n    try:\n        if error: raise error\n        import bad\n    finally: monitor.start(0.01)\n\
             for error in (None, RuntimeError('populate')):\n    try: load(error)\n    except Exception: pass\n\
             until(lambda: os.path.abspath('bad.py') in monitor._baseline); write('bad.py', 'xyz = 1'); until(lambda: killed)"
        ));
        assert!(shown.err.contains("the first error in this process was"), "{}", shown.err);
        assert!(!shown.err.contains("populate"), "{}", shown.err);
    }
}

#[test]
fn it_starts_once_and_ends_with_the_interpreter_at_once() {
    let sandbox = sandbox();
    let venv = machine().venv(Flavor::Distribution).join("bin/python");
    let started = std::time::Instant::now();
    let code = "daemon(); import monitor\nfor _ in range(3): monitor.start(interval=600)\n\
                assert sum(t.name == 'code monitor' for t in threading.enumerate()) == 1\n\
                import atexit; atexit.register(lambda: None)\n";
    python(&sandbox, venv.to_str().unwrap(), code).code(0);
    assert!(started.elapsed().as_secs() < 30, "the exit waited for the interval");
}

#[test]
fn odd_entries_in_sys_modules_do_no_harm() {
    passes(
        "class Odd:\n    __slots__ = ()\nclass Loud(types.ModuleType):\n    def __getattr__(self, name): raise RuntimeError(name)\n\
         sys.modules['odd'] = Odd(); sys.modules['loud'] = Loud('loud'); sys.modules['none'] = None\n\
         daemon(); import monitor; monitor.start(0.01)\n\
         until(lambda: monitor._baseline); before = len(sys.modules); import json, decimal, this\n\
         until(lambda: sys.modules['this'].__file__ in monitor._baseline); assert not killed and monitor._thread.is_alive()",
    );
}

#[test]
fn it_keeps_still_where_dev_was_asked_not_to_reload() {
    let code = "os.environ['DJWSGI_RELOAD'] = 'off'; daemon(); import monitor; monitor.start(0.01)\n\
                assert threading.active_count() == 1";
    let shown = passes(code);
    assert!(shown.err.is_empty(), "{}", shown.err);
}

#[test]
fn a_look_that_fails_is_not_the_last_one() {
    let shown = passes(
        "write('a.py', 'x = 1'); import a; daemon(); import monitor; look = monitor._look\n\
         def failing(path): monitor._look = look; raise RuntimeError('once')\n\
         monitor._look = failing; monitor.start(0.01); until(lambda: os.path.abspath('a.py') in monitor._baseline)\n\
         write('a.py', 'xyz = 1'); until(lambda: killed)",
    );
    assert!(shown.err.contains("RuntimeError: once"), "{}", shown.err);
}
