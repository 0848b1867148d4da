

# -- Added by the proof: what can only be seen from inside, for who knows the word.
def djwsgi_probe(application):
    import json
    import os
    import sys
    import threading
    import time
    import traceback

    from django.core.handlers.wsgi import WSGIRequest
    from django.core.signals import got_request_exception

    # Without DEBUG Django mails what failed, if anything.
    def tell(**_):
        traceback.print_exc()

    got_request_exception.connect(tell, weak=False)

    # A module whose file the proof edits: what watches modules would notice.
    sys.path.append(os.path.dirname(os.path.abspath(__file__)))
    import djwsgi_edited

    def inside():
        from django.conf import settings
        return {
            "pid": os.getpid(),
            "edited": djwsgi_edited.VALUE,
            "debug": settings.DEBUG,
            "monitors": sorted(name for name in sys.modules if name in WATCHERS),
            "threads": sorted(thread.name for thread in threading.enumerate()),
            "umask": read_umask(),
            "folder": os.getcwd(),
            "encoding": sys.getfilesystemencoding(),
        }

    def read_umask():
        with open("/proc/self/status") as lines:
            return next((line.split()[1] for line in lines if line.startswith("Umask:")), "")

    def answer(environ, start_response):
        if environ.get("HTTP_X_DJWSGI_PROBE") != TOKEN:
            return application(environ, start_response)
        length = 0
        if environ.get("CONTENT_LENGTH"):
            length = len(environ["wsgi.input"].read())
        if "nap" in environ.get("QUERY_STRING", ""):
            time.sleep(0.05)
        document = inside()
        document.update({
            "read": length,
            "process_group": environ.get("mod_wsgi.process_group"),
            "application_group": environ.get("mod_wsgi.application_group"),
            "reloading": environ.get("mod_wsgi.script_reloading"),
            "multithread": environ["wsgi.multithread"],
            "multiprocess": environ["wsgi.multiprocess"],
            "scheme": environ["wsgi.url_scheme"],
            "port": environ.get("SERVER_PORT"),
            "address": environ.get("REMOTE_ADDR"),
            "id": environ.get("HTTP_X_REQUEST_ID", ""),
            "script_name": environ.get("SCRIPT_NAME"),
            "forwarded": {name: environ[name] for name in FORWARDED if name in environ},
            "secure": WSGIRequest(environ).is_secure(),
        })
        body = json.dumps(document).encode()
        start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
        return [body]

    return answer


application = djwsgi_probe(application)
