"""What is asked for, by wrk."""
import json
import subprocess
from dataclasses import dataclass

from places import BASE
from serving.site import HOST

CONNECTIONS = 16
POST_BYTES = 100_000

# `status` counts answers from 400 on; the others are sockets that failed.
REPORT = '''
function done(summary, latency)
    local errors = summary.errors
    io.write(string.format(
        '{"requests": %d, "seconds": %.6f, "p50": %.3f, "p99": %.3f, "connect": %d, "read": %d, "write": %d, ' ..
        '"timeout": %d, "status": %d}\\n',
        summary.requests, summary.duration / 1e6, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
        errors.connect, errors.read, errors.write, errors.timeout, errors.status))
end
'''

POST = f'''
wrk.method = "POST"
wrk.body = string.rep("x", {POST_BYTES})
wrk.headers["Content-Type"] = "application/octet-stream"
'''


@dataclass(frozen=True)
class Row:
    name: str
    title: str
    path: str
    script: str = ""


ROWS = [
    Row("hello", "A view that says hello", "/"),
    Row("static", "A style sheet of 6 kB, served by Apache", "/static/site.css"),
    Row("post", "A POST of 100 kB, read by a view", "/upload", POST),
]


def load(row, port, seconds):
    """The numbers of one row: times in milliseconds, `failed` of all that can go wrong."""
    script = BASE / f"{row.name}.lua"
    script.write_text(row.script + REPORT)
    done = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(script), "-H", f"Host: {HOST}",
         f"http://127.0.0.1:{port}{row.path}"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"wrk: status {done.returncode}\n{done.stdout}{done.stderr}")
    found = json.loads(done.stdout.strip().splitlines()[-1])
    found["failed"] = sum(found[name] for name in ("connect", "read", "write", "timeout", "status"))
    found["per_second"] = (found["requests"] - found["status"]) / found["seconds"]
    return found
