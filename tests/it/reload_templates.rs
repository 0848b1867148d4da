//! The instant reload: templates.

use std::fs;

use crate::support::reload::{
    add_settings, change_settings, first_answer, own_environment, settle, settled_body, telling,
};
use crate::support::sandbox::urls;
use crate::support::{Flavor, Sandbox, Server, on_both};

const URLS: &str = "mysite/mysite/urls.py";
const RENDER: &str = "__import__(\"django.shortcuts\").shortcuts.render(request, \"home.html\")";

#[test]
fn an_edited_template_is_served_at_once_without_a_new_build() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        change_settings(&sandbox, "'DIRS': []", "'DIRS': ['pages']");
        change_settings(&sandbox, "INSTALLED_APPS = [", "INSTALLED_APPS = [\n    'mysite',");
        sandbox.write(URLS, &urls(RENDER));
        sandbox.write("mysite/pages/home.html", "{% include \"part.html\" %} one");
        sandbox.write("mysite/mysite/templates/part.html", "app");
        for processes in ["1", "2"] {
            let server = Server::start(&sandbox, "mysite", &["--processes", processes]);
            server.until_body("app one");
            let build = server.ask("").build;
            for (home, part, expected) in
                [("two", "app", "app two"), ("two", "six", "six two"), ("ten", "ten", "ten ten")]
            {
                sandbox.write("mysite/pages/home.html", &format!("{{% include \"part.html\" %}} {home}"));
                sandbox.write("mysite/mysite/templates/part.html", part);
                assert_eq!(first_answer(&server).shown(), (200, expected.to_owned()));
            }
            // One in an earlier folder takes its place, and gives it back.
            sandbox.write("mysite/pages/part.html", "first");
            assert_eq!(first_answer(&server).body, "first ten");
            fs::remove_file(sandbox.join("mysite/pages/part.html")).unwrap();
            assert_eq!(settled_body(&sandbox, &server), "ten ten");
            assert_eq!(server.ask("").build, build);
            server.stop();
            sandbox.write("mysite/pages/home.html", "{% include \"part.html\" %} one");
            sandbox.write("mysite/mysite/templates/part.html", "app");
        }
    });
}

#[test]
fn a_site_that_keeps_its_templates_gets_the_edited_ones_too() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    let loaders =
        "'loaders': [('django.template.loaders.cached.Loader', ['django.template.loaders.filesystem.Loader'])], ";
    change_settings(&sandbox, "'DIRS': []", "'DIRS': ['pages']");
    change_settings(&sandbox, "'APP_DIRS': True", "'APP_DIRS': False");
    change_settings(&sandbox, "'OPTIONS': {", &format!("'OPTIONS': {{{loaders}"));
    sandbox.write(URLS, &urls(RENDER));
    sandbox.write("mysite/pages/home.html", "one");
    let server = Server::start(&sandbox, "mysite", &[]);
    server.until_body("one");
    let build = server.ask("").build;
    for word in ["two", "six"] {
        sandbox.write("mysite/pages/home.html", word);
        assert_eq!(settled_body(&sandbox, &server), word);
    }
    assert_eq!(server.ask("").build, build);
    server.stop();
}

#[test]
fn a_template_that_was_rendered_at_import_needs_a_new_build() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        change_settings(&sandbox, "'DIRS': []", "'DIRS': [BASE_DIR / 'pages']");
        sandbox.write("mysite/pages/home.html", "one");
        let rendered = "from django.template.loader import render_to_string\nTEXT = render_to_string(\"home.html\")\n";
        sandbox.write("mysite/rendered.py", rendered);
        sandbox.write(URLS, &telling("rendered", "rendered.TEXT"));
        let server = Server::start(&sandbox, "mysite", &[]);
        server.until_body("one");
        let mut build = server.ask("").build;
        for word in ["two", "six", "ten"] {
            sandbox.write("mysite/pages/home.html", word);
            assert_eq!(settled_body(&sandbox, &server), word);
            let now = settle(&sandbox, "mysite");
            assert!(now > build, "{now} after {build}");
            build = now;
        }
        server.stop();
    });
}

#[test]
fn templates_of_jinja_are_served_at_once_too() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    let packages = own_environment(&sandbox, "mysite");
    let pip = ["-m", "pip", "install", "--quiet", "--target", packages.to_str().unwrap(), "jinja2"];
    let shown = sandbox.run(sandbox.command(packages.join("../../../bin/python"), "").args(pip));
    assert_eq!(shown.code, 0, "{}", shown.err);
    add_settings(
        &sandbox,
        "TEMPLATES.insert(0, {'BACKEND': 'django.template.backends.jinja2.Jinja2', 'DIRS': [BASE_DIR / 'jinja']})",
    );
    sandbox.write(URLS, &urls(RENDER));
    sandbox.write("mysite/jinja/home.html", "{% include \"part.html\" %} {{ 1 }}");
    sandbox.write("mysite/jinja/part.html", "one");
    let server = Server::start(&sandbox, "mysite", &[]);
    server.until_body("one 1");
    let build = server.ask("").build;
    for word in ["two", "six"] {
        sandbox.write("mysite/jinja/part.html", word);
        assert_eq!(settled_body(&sandbox, &server), format!("{word} 1"));
    }
    sandbox.write("mysite/jinja/home.html", "{% include \"part.html\" %} {{ 2 }}");
    assert_eq!(settled_body(&sandbox, &server), "six 2");
    assert_eq!(server.ask("").build, build);
    server.stop();
}
