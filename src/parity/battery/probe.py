

# -- Added by djwsgi parity: answers of what reached the application, for who knows the word.
def djwsgi_parity(application):
    import hashlib
    import json
    import locale
    import logging
    import os
    import sys
    import time
    import traceback
    import types

    from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
    from django.core.signals import got_request_exception
    from django.http import FileResponse, HttpResponse, JsonResponse, StreamingHttpResponse
    from django.middleware.security import SecurityMiddleware
    from django.urls import path, reverse
    from django.views.decorators.cache import never_cache
    from django.views.decorators.csrf import csrf_exempt
    from django.views.decorators.http import condition

    CHUNK, CHUNKS = b"x" * 65536, 1024
    PATIENCE = 10.0  # seconds until an answer that nobody seems to get is ended

    def is_ours(environ):
        return environ.get("HTTP_X_DJWSGI_PARITY") == TOKEN

    # Without DEBUG Django mails what failed, if anything.
    def tell(request=None, **_):
        if request is not None and is_ours(request.META) and not request.path.endswith("/broken/"):
            traceback.print_exc()

    got_request_exception.connect(tell, weak=False)

    # -- What the server has made of a request.

    def environ_facts(environ):
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read() if environ.get("wsgi.input_terminated") else environ["wsgi.input"].read(length)
        get = environ.get
        forwarded = sorted(name[5:].replace("_", "-").title() for name in environ if name in FORWARDED)
        return {
            "method": get("REQUEST_METHOD"),
            "path": text_of(get("PATH_INFO", "")),
            "mount": text_of(get("SCRIPT_NAME", "")),
            "query": get("QUERY_STRING", ""),
            "URI": get("REQUEST_URI"),
            "protocol": get("SERVER_PROTOCOL"),
            "scheme": get("wsgi.url_scheme"),
            "HTTPS": get("HTTPS", "-"),
            "Host": get("HTTP_HOST", "-"),
            "server name": get("SERVER_NAME"),
            "client": get("REMOTE_ADDR"),
            "Authorization": get("HTTP_AUTHORIZATION", "-"),
            "Cookie": get("HTTP_COOKIE", "-"),
            "Content-Type": get("CONTENT_TYPE", "") or "-",
            "X-Twice": get("HTTP_X_TWICE", "-").replace(", ", ","),
            "X_Underscore": get("HTTP_X_UNDERSCORE", "-"),
            "X-Large": len(get("HTTP_X_LARGE", "")),
            "Proxy": get("HTTP_PROXY", "-"),
            "X-Request-ID": "there" if get("HTTP_X_REQUEST_ID") else "-",
            "forwarded": ", ".join(forwarded) or "-",
            "body": "%d bytes %s" % (len(body), hashlib.sha256(body).hexdigest()[:8]),
            "multithread": environ["wsgi.multithread"],
            "multiprocess": environ["wsgi.multiprocess"],
            "run once": environ["wsgi.run_once"],
            "file wrapper": "wsgi.file_wrapper" in environ,
            "interpreter": interpreter(environ),
        }

    def interpreter(environ):
        group = environ.get("mod_wsgi.application_group", "")
        return "sub-interpreter %s" % group if group else "main"

    def text_of(value):
        return value.encode("latin-1").decode("utf-8", "backslashreplace")

    # -- Where the application runs.

    def process_facts():
        from django.conf import settings
        return {
            "python": ".".join(map(str, sys.version_info[:3])),
            "environment": sys.prefix,
            "sys.path": [os.path.realpath(folder) for folder in sys.path if folder and not is_temporary(folder)],
            "working directory": os.path.realpath(os.getcwd()),
            "umask": read_umask(),
            "user": os.getuid() if hasattr(os, "getuid") else "-",
            "settings": settings.SETTINGS_MODULE,
            "DEBUG": settings.DEBUG,
            "variables": "all there" if all(name in os.environ for name in VARIABLES) else "missing: " + ", ".join(
                name for name in VARIABLES if name not in os.environ),
            "optimize": sys.flags.optimize,
            "time zone": time.tzname[0],
        }

    def is_temporary(folder):
        return os.path.realpath(folder).startswith(os.path.realpath(FOLDER))

    def read_umask():
        try:
            with open("/proc/self/status") as lines:
                return next((line.split()[1] for line in lines if line.startswith("Umask:")), "-")
        except OSError:
            return "-"

    def text_facts():
        names = os.path.join(FOLDER, "names")
        return {
            "locale": locale.setlocale(locale.LC_CTYPE),
            "file names": "%s, %s" % (sys.getfilesystemencoding(), sys.getfilesystemencodeerrors()),
            "files": codec(locale.getpreferredencoding(False)),
            "listing": ", ".join(sorted(ascii(name) for name in os.listdir(names))),
            "opening": attempt(lambda: open(os.path.join(names, "\u00fc.txt")).read()),
        }

    def codec(name):
        return name.lower().replace("utf8", "utf-8")

    def attempt(act):
        try:
            value = act()
        except Exception as error:
            return type(error).__name__
        return "works" if value is None else ascii(value)

    # -- What the application says.

    def output_facts(word):
        logger = logging.getLogger("djwsgi.parity")
        if not logger.handlers:
            logger.propagate = False
            logger.addHandler(logging.StreamHandler())
            logger.setLevel(logging.INFO)
        logger.info("%s-logging", word)
        print("%s-print" % word, flush=True)
        sys.stderr.write("%s-stderr\n" % word)
        sys.stderr.flush()
        return {"print of \u00fc": attempt(lambda: print("\u00fc", flush=True))}

    # -- Pages below Django and the site's own middleware.

    def page(request):
        return HttpResponse("<p>page</p>" * 100)

    def seen(request):
        from django.conf import settings
        return JsonResponse({
            "path": request.path,
            "mount": request.META.get("SCRIPT_NAME", ""),
            "absolute URL": request.build_absolute_uri(),
            "reversed URL": reverse(seen_view, urlconf=URLS),
            "STATIC_URL": settings.STATIC_URL,
            "secure": request.is_secure(),
            "host": request.get_host(),
            "method": request.method,
            "body": "%d bytes %s" % (len(request.body), hashlib.sha256(request.body).hexdigest()[:8]),
            "query": request.GET.urlencode(),
        })

    def dated(request):
        return HttpResponse("dated\n" * 100, content_type="text/plain")

    def last_modified(request):
        import datetime
        return datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)

    def file(request):
        return FileResponse(open(os.path.join(FOLDER, "large.bin"), "rb"))

    def uploaded(request):
        upload = request.FILES["file"]
        body = upload.read()
        return JsonResponse({"body": "%d bytes %s" % (len(body), hashlib.sha256(body).hexdigest()[:8]),
                             "name": ascii(upload.name)})

    def broken(request):
        raise RuntimeError("djwsgi parity: a view that breaks")

    def empty(request):
        return HttpResponse(status=204)

    def cookies(request):
        response = HttpResponse("cookies", headers={"X-Frame-Options": "SAMEORIGIN"})
        response.set_cookie("one", "1")
        response.set_cookie("two", "2")
        return response

    def stream(request):
        word = os.path.basename(request.GET["word"])

        def parts():
            yield b"first\n"
            # The rest is made when the first part has arrived.
            end = time.monotonic() + PATIENCE
            while time.monotonic() < end:
                if os.path.exists(os.path.join(FOLDER, "arrived-" + word)):
                    yield b"arrived\n"
                    return
                time.sleep(0.005)
            yield b"held back\n"

        return StreamingHttpResponse(parts(), content_type="text/plain")

    def endless(request):
        word = os.path.basename(request.GET["word"])

        class Parts:
            count = 0

            def __iter__(self):
                return self

            def __next__(self):
                if self.count == CHUNKS:
                    raise StopIteration
                self.count += 1
                return CHUNK

            def close(self):
                with open(os.path.join(FOLDER, "closed-" + word), "w") as file:
                    file.write("stops" if self.count < CHUNKS else "made to the end")

        return StreamingHttpResponse(Parts(), content_type="application/octet-stream")

    def of(view):
        # Nothing of this for the site's cache.
        view = csrf_exempt(never_cache(view))
        view.login_required = False  # no login is needed
        return view

    seen_view = of(seen)
    URLS = types.ModuleType("djwsgi_parity_urls")
    URLS.urlpatterns = [
        path("djwsgi-parity/" + name + "/", view) for name, view in {
            "seen": seen_view,
            "page": of(page),
            "dated": of(condition(etag_func=lambda request: '"parity"', last_modified_func=last_modified)(dated)),
            "file": of(file),
            "uploaded": of(uploaded),
            "broken": of(broken),
            "empty": of(empty),
            "cookies": of(cookies),
            "stream": of(stream),
            "endless": of(endless),
        }.items()
    ]
    sys.modules[URLS.__name__] = URLS

    class Request(WSGIRequest):
        def __init__(self, environ):
            super().__init__(environ)
            if is_ours(environ) and environ.get("HTTP_X_DJWSGI_WANTED") == "page":
                self.urlconf = URLS.__name__

    WSGIHandler.request_class = Request

    # The redirect to https is looked at once, with the site's own front page.
    to_https = SecurityMiddleware.process_request

    def process_request(self, request):
        return None if is_ours(request.META) else to_https(self, request)

    SecurityMiddleware.process_request = process_request

    # -- Which static file the site has.

    def static_file():
        try:
            from django.contrib.staticfiles import finders
        except Exception:
            return None
        best = None
        for finder in finders.get_finders():
            for name, storage in finder.list([]):
                if name == "admin/css/base.css":
                    return {"name": name, "file": storage.path(name)}
                plain = all(part.isidentifier() for part in name.replace("/", ".").replace("-", "_").split("."))
                if best is None and plain and name.endswith((".css", ".js", ".svg", ".txt")):
                    best = {"name": name, "file": storage.path(name)}
        return best

    def introduced():
        try:
            return {"static": static_file()}
        except Exception as error:
            return {"static": None, "why": "%s: %s" % (type(error).__name__, error)}

    # -- The answers.

    def document(environ):
        wanted = environ.get("HTTP_X_DJWSGI_WANTED", "")
        facts = environ_facts(environ)
        if wanted == "process":
            facts.update(process_facts())
            facts.update(text_facts())
        elif wanted == "output":
            word = environ["HTTP_X_DJWSGI_WORD"]
            environ["wsgi.errors"].write("%s-errors\n" % word)
            environ["wsgi.errors"].flush()
            facts.update(output_facts(word))
        elif wanted == "introduction":
            facts.update(introduced())
        elif wanted == "raise":
            raise RuntimeError("djwsgi parity: an application that breaks")
        return facts

    def answer(environ, start_response):
        if not is_ours(environ):
            return application(environ, start_response)

        def start(status, headers, *exc_info):
            return start_response(status, [*headers, ("X-Djwsgi-Parity", "seen")], *exc_info)

        if environ.get("HTTP_X_DJWSGI_WANTED") in ("page", "site"):
            return application(environ, start)
        body = json.dumps(document(environ)).encode()
        start("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
        return [body]

    return answer


