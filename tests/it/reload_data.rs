//! The instant reload: files that are no modules.

use std::fs;

use crate::support::reload::{add_settings, first_answer, reloads, settle, settled_body, telling};
use crate::support::sandbox::urls;
use crate::support::{Flavor, Sandbox, Server, on_both};

const URLS: &str = "mysite/mysite/urls.py";

#[test]
fn files_that_the_settings_read_are_part_of_the_site() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        let read = "import json\nWORDS = json.loads((BASE_DIR / 'data/words.json').read_text())\n\
                    with open(BASE_DIR / 'word.yaml', 'rb') as file:\n    WORDS.append(file.read().decode().strip())\n\
                    WORDS += sorted(path.name for path in (BASE_DIR / 'data').iterdir())\n\
                    try:\n    from .local_settings import *\nexcept ImportError:\n    pass";
        sandbox.write("mysite/data/words.json", "[\"json\"]");
        sandbox.write("mysite/word.yaml", "yaml\n");
        sandbox.write("mysite/.gitignore", "local_settings.py\n.venv\n");
        add_settings(&sandbox, read);
        sandbox.write(URLS, &telling("django.conf", "\" \".join(django.conf.settings.WORDS)"));
        let server = Server::start(&sandbox, "mysite", &[]);
        server.until_body("json yaml words.json");
        sandbox.write("mysite/data/words.json", "[\"JSON\"]");
        assert_eq!(first_answer(&server).body, "JSON yaml words.json");
        fs::rename(sandbox.write("mysite/word.yaml.new", "YAML\n"), sandbox.join("mysite/word.yaml")).unwrap();
        assert_eq!(first_answer(&server).body, "JSON YAML words.json");
        sandbox.write("mysite/data/more.json", "[]");
        assert_eq!(settled_body(&sandbox, &server), "JSON YAML more.json words.json");
        sandbox.write("mysite/mysite/local_settings.py", "WORDS = [\"mine\"]\n");
        assert_eq!(first_answer(&server).body, "mine");
        sandbox.write("mysite/mysite/local_settings.py", "WORDS = [\"only\", \"mine\"]\n");
        assert_eq!(first_answer(&server).body, "only mine");
        server.stop();
    });
}

#[test]
fn a_file_of_variables_is_read_anew() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        sandbox.write("mysite/djwsgi.toml", "[env]\nfile = \".env\"\n");
        sandbox.write("mysite/.env", "WORD=one\nGONE=soon\n");
        sandbox.djwsgi("mysite", &["init"]).code(0);
        sandbox.write(URLS, &telling("os", "[os.environ.get(name) for name in (\"WORD\", \"GONE\")]"));
        let server = Server::start(&sandbox, "mysite", &[]);
        server.until_body("['one', 'soon']");
        sandbox.write("mysite/.env", "WORD=two\n");
        assert_eq!(first_answer(&server).body, "['two', None]");
        sandbox.write("mysite/.env", "GONE=back\n");
        assert_eq!(first_answer(&server).body, "[None, 'back']");
        server.stop();
    });
}

#[test]
fn what_is_read_later_is_reloaded_for_where_the_settings_say_so() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    sandbox.write("mysite/djwsgi.toml", "[dev]\nwatch = [\"data\", \"rates.csv\"]\nignore = [\"mysite/noise.py\"]\n");
    sandbox.write("mysite/data/deep/word.txt", "one");
    sandbox.write("mysite/rates.csv", "1");
    sandbox.write("mysite/mysite/noise.py", "NOISE = 1\n");
    sandbox.write(
        "mysite/lazy.py",
        "import functools\nimport mysite.noise\n\n\n@functools.cache\ndef read(name):\n    return open(name).read()\n",
    );
    let names = [sandbox.join("mysite/data/deep/word.txt"), sandbox.join("mysite/rates.csv")];
    let expression = format!("lazy.read({:?}) + lazy.read({:?})", names[0].display(), names[1].display());
    sandbox.write(URLS, &telling("lazy", &expression));
    let server = Server::start(&sandbox, "mysite", &[]);
    server.until_body("one1");
    sandbox.write("mysite/data/deep/word.txt", "two");
    assert_eq!(first_answer(&server).body, "two1");
    sandbox.write("mysite/rates.csv", "2");
    assert_eq!(first_answer(&server).body, "two2");
    let build = settle(&sandbox, "mysite");
    sandbox.write("mysite/mysite/noise.py", "NOISE = 2\n");
    assert_eq!(settle(&sandbox, "mysite"), build, "what is ignored");
    sandbox.write("mysite/data/new/word.txt", "new folder");
    settle(&sandbox, "mysite");
    sandbox.write("mysite/data/new/word.txt", "in a new folder");
    assert!(settle(&sandbox, "mysite") > build, "a new folder in a watched one");
    server.stop();
}

#[test]
fn a_static_file_is_served_as_it_is_without_a_reload() {
    let sandbox = Sandbox::new();
    sandbox.site(Flavor::Distribution);
    add_settings(&sandbox, "STATICFILES_DIRS = [BASE_DIR / 'assets']");
    sandbox.write("mysite/assets/site.css", "one");
    let server = Server::start(&sandbox, "mysite", &[]);
    let before = server.ask("static/site.css");
    assert_eq!(before.body, "one");
    sandbox.write("mysite/assets/site.css", "two");
    let after = server.ask("static/site.css");
    assert_eq!((after.body.as_str(), after.build), ("two", before.build));
    sandbox.write("mysite/assets/more.css", "more");
    assert_eq!(server.get("static/more.css"), (200, "more".to_owned()));
    settle(&sandbox, "mysite");
    assert_eq!(reloads(&server), 0, "{}", server.err());
    server.stop();
}

#[test]
fn a_changed_settings_file_of_djwsgi_is_applied_and_reloads_go_on() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        let threads = |word: &str| telling("mod_wsgi", &format!("\"{word} %s\" % mod_wsgi.threads_per_process"));
        sandbox.write(URLS, &threads("one"));
        let server = Server::start(&sandbox, "mysite", &[]);
        server.until_body("one 5");
        sandbox.write(URLS, &threads("two"));
        assert_eq!(first_answer(&server).body, "two 5");
        let build = settle(&sandbox, "mysite");
        sandbox.write("mysite/djwsgi.toml", "[dev]\nthreads = 3\n");
        server.until_says("Serving again");
        assert_eq!(server.get(""), (200, "two 3".to_owned()));
        assert!(server.ask("").build > build, "numbers grow on");
        for word in ["three", "four"] {
            sandbox.write(URLS, &threads(word));
            assert_eq!(first_answer(&server).shown(), (200, format!("{word} 3")));
        }
        server.stop();
    });
}

/// A compiled catalogue that translates `word`.
fn catalogue(word: &str, translation: &str) -> Vec<u8> {
    let header = "Content-Type: text/plain; charset=UTF-8\n";
    let (originals, translations) = (["", word], [header, translation]);
    let mut bytes: Vec<u8> = Vec::new();
    let mut texts: Vec<u8> = Vec::new();
    for number in [0x9504_12de_u32, 0, 2, 28, 44, 0, 60] {
        bytes.extend(number.to_le_bytes());
    }
    for text in originals.into_iter().chain(translations) {
        bytes.extend(u32::try_from(text.len()).unwrap().to_le_bytes());
        bytes.extend((60 + u32::try_from(texts.len()).unwrap()).to_le_bytes());
        texts.extend(text.as_bytes());
        texts.push(0);
    }
    bytes.extend(texts);
    bytes
}

#[test]
fn a_compiled_translation_is_taken_up_without_a_reload() {
    on_both(|flavor| {
        let sandbox = Sandbox::new();
        sandbox.site(flavor);
        add_settings(&sandbox, "LANGUAGE_CODE = 'de'\nLOCALE_PATHS = [BASE_DIR / 'locale']");
        let compiled = sandbox.write("mysite/locale/de/LC_MESSAGES/django.mo", "");
        fs::write(&compiled, catalogue("word", "eins")).unwrap();
        sandbox.write(
            URLS,
            &format!(
                "import django.utils.translation\n{}",
                urls("HttpResponse(django.utils.translation.gettext(\"word\"))")
            ),
        );
        let server = Server::start(&sandbox, "mysite", &[]);
        server.until_body("eins");
        let build = server.ask("").build;
        for word in ["zwei", "drei"] {
            fs::write(&compiled, catalogue("word", word)).unwrap();
            assert_eq!(settled_body(&sandbox, &server), word);
        }
        // As msgfmt and editors may do it.
        fs::write(compiled.with_extension("new"), catalogue("word", "vier")).unwrap();
        fs::rename(compiled.with_extension("new"), &compiled).unwrap();
        assert_eq!(settled_body(&sandbox, &server), "vier");
        assert_eq!(server.ask("").build, build);
        server.stop();
    });
}
