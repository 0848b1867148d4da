//! The instant reload: installed packages.

use std::fs;

use crate::support::reload::{first_answer, own_environment, settle, settled_body, telling};
use crate::support::{Flavor, Sandbox, Server, on_both};

const URLS: &str = "mysite/mysite/urls.py";

#[test]
fn an_editable_install_is_code_and_installed_packages_are_believed_after_a_moment() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        let packages = own_environment(&sandbox, "mysite");
        sandbox.write("lib/library/__init__.py", "WORD = \"one\"\n");
        sandbox.write(packages.join("editable.pth"), &format!("{}\n", sandbox.join("lib").display()));
        sandbox.write(packages.join("installed.py"), "VERSION = 1\n");
        sandbox.write("mysite/both.py", "import installed, library\nTOLD = f\"{library.WORD} {installed.VERSION}\"\n");
        sandbox.write(URLS, &telling("both", "both.TOLD"));
        let server = Server::start(&sandbox, "mysite", &[]);
        server.until_body("one 1");
        sandbox.write("lib/library/__init__.py", "WORD = \"two\"\n");
        assert_eq!(first_answer(&server).body, "two 1");
        // Python itself takes files of one size and second for the same.
        sandbox.write(packages.join("installed.py"), "VERSION = 2  # longer\n");
        server.until_body("two 2");
        server.until_says("↻ installed packages → ");
        // A new one, as pip puts it there.
        sandbox.write(
            "mysite/both.py",
            "try:\n    import fresh\n    TOLD = fresh.WORD\nexcept ImportError:\n    TOLD = \"not yet\"\n",
        );
        assert_eq!(first_answer(&server).body, "not yet");
        sandbox.write(packages.join("fresh/__init__.py"), "WORD = \"fresh\"\n");
        fs::create_dir(packages.join("fresh-1.0.dist-info")).unwrap();
        server.until_body("fresh");
        // One more folder, as an editable install names it: standbys look there as well.
        sandbox.write("late/late.py", "WORD = \"late\"\n");
        sandbox.write(packages.join("late.pth"), &format!("{}\n", sandbox.join("late").display()));
        sandbox.write("mysite/both.py", "import late\nTOLD = late.WORD\n");
        server.until_body("late");
        for number in 0..4 {
            settle(&sandbox, "mysite");
            std::thread::sleep(std::time::Duration::from_millis(500));
            sandbox.write("mysite/both.py", &format!("import late\nTOLD = late.WORD + \"{number}\"\n"));
            assert_eq!(first_answer(&server).body, format!("late{number}"));
        }
        server.stop();
    });
}

#[test]
fn wait_waits_for_installed_packages_too() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    let packages = own_environment(&sandbox, "mysite");
    sandbox.write(packages.join("installed.py"), "VERSION = 1\n");
    sandbox.write(URLS, &telling("installed", "installed.VERSION"));
    let server = Server::start(&sandbox, "mysite", &[]);
    server.until_body("1");
    assert_eq!(settled_body(&sandbox, &server), "1");
    for version in 2..5 {
        sandbox.write(packages.join("installed.py"), &format!("VERSION = {version}{}\n", " ".repeat(version)));
        assert_eq!(settled_body(&sandbox, &server), version.to_string());
    }
    server.stop();
}
