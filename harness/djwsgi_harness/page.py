"""The answer of a site that could not be loaded. For development only."""
import html

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 0; color: #1c1c1c; background: #fff }}
header {{ background: #fdecea; border-bottom: 3px solid #c62828; padding: 1.5rem 2rem }}
h1 {{ font-size: 1.4rem; margin: 0 0 .3rem; overflow-wrap: anywhere }}
p {{ margin: 0 }} main {{ padding: 1.5rem 2rem }}
pre {{ background: #f5f5f5; padding: 1rem; overflow: auto; font-size: .9rem; margin: 0 0 1rem }}
@media (prefers-color-scheme: dark) {{
body {{ color: #eee; background: #1b1b1b }} header {{ background: #3a1f1f }} pre {{ background: #262626 }} }}
</style></head><body><header><h1>{title}</h1><p>{place}</p></header><main><pre>{detail}</pre>
<p>The site could not be loaded. Mend it and save: this page reloads by itself.</p></main>
<script>
const build = {build};
setInterval(() => fetch(location.href, {{ method: "HEAD", cache: "no-store" }}).then(answer => {{
    const now = answer.headers.get("X-Djwsgi-Build");
    if (now && now !== build) location.reload();
}}, () => {{}}), 1000);
</script></body></html>
"""


def application(title, place, detail, build):
    """A WSGI application that answers every request with this failure."""
    def answer(environ, start_response):
        if "text/html" in environ.get("HTTP_ACCEPT", ""):
            kind = "text/html"
            text = _PAGE.format(title=html.escape(title), place=html.escape(place), detail=html.escape(detail),
                                build='"%s"' % build)
        else:
            kind, text = "text/plain", "%s\n\n%s" % (title, detail)
        body = text.encode("utf-8", "backslashreplace")
        start_response("500 Internal Server Error", [
            ("Content-Type", kind + "; charset=utf-8"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
        ])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    return answer
