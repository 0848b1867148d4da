#!/usr/bin/python3
"""Requests per second: djwsgi's production configuration and other servers.

Started by `make bench-serve`, as root after bench/prepare, which makes the user that all runs as; needs wrk. Ends with the
section on stdout, in /var/tmp/djwsgi-bench/serving.md (when all was measured) and as raw numbers in
serving-results.json there.
"""
import argparse
import json
import os
import shlex
import shutil
import signal
import sys
import time

import machine
from places import BASE
from processes import outside_of
from servers import NotServing
from serving import rows, site, tables, user
from serving.contestants import CONTESTANTS
from serving.running import Running

RESULTS = BASE / "serving-results.json"
DOCUMENT = BASE / "serving.md"
RUNS = BASE / "serving"
DEFAULTS = {"rounds": 4, "seconds": 8}
QUICK = {"rounds": 1, "seconds": 2}
WARM_UP = 1  # second a row


def main():
    options = parse()
    user.become()
    # Ended from outside, it ends its servers as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    stray = outside_of({os.getsid(0)})
    if stray:
        sys.exit(f"error: an earlier run has left processes behind, or another one is under way: {stray}")
    counts = QUICK if options.quick else {name: getattr(options, name) or DEFAULTS[name] for name in DEFAULTS}
    chosen = [one for one in CONTESTANTS if not options.servers or one.name in options.servers]
    if not chosen:
        sys.exit("error: no server of these names")
    DOCUMENT.unlink(missing_ok=True)
    shutil.rmtree(RUNS, ignore_errors=True)
    say("making the site")
    site.make()
    results = {"command": shlex.join(["make", "bench-serve", *sys.argv[1:]]), "machine": machine.describe(),
               "counts": counts, "contestants": {one.name: one.title for one in chosen}, "runs": []}
    for number in range(counts["rounds"]):
        for contestant in chosen if number % 2 == 0 else reversed(chosen):
            results["runs"] += take_turn(contestant, number, counts["seconds"])
            RESULTS.write_text(json.dumps(results, indent=1))
    text = tables.section(results)
    if not (options.quick or options.servers):
        DOCUMENT.write_text(text)
    print(text)
    if any("error" in run for run in results["runs"]):
        sys.exit("error: not everything could be measured")


def parse():
    parser = argparse.ArgumentParser(prog="bench/serve.py", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round of 2 s, to try it out")
    parser.add_argument("--rounds", type=int, metavar="N", help="(default: 4)")
    parser.add_argument("--seconds", type=int, metavar="N", help="of a row in a round (default: 8)")
    parser.add_argument("--servers", type=lambda text: text.split(","), metavar="NAMES", help="some of them")
    return parser.parse_args()


def take_turn(contestant, number, seconds):
    """All rows of one server. A server that fails is a result too, and no reason to stop."""
    common = {"contestant": contestant.name, "round": number, "load_average": os.getloadavg()[0]}
    runs = []
    try:
        with Running(contestant, RUNS / f"{contestant.name}-{number}") as running:
            for row in rows.ROWS:
                rows.load(row, running.port, WARM_UP)
                run = {**common, "row": row.name, **rows.load(row, running.port, seconds)}
                say(f"{number} {contestant.name} {row.name}: {run['per_second']:.0f}/s, p50 {run['p50']:.2f} ms, "
                    f"p99 {run['p99']:.2f} ms, {run['failed']} failed")
                runs.append(run)
    except NotServing as error:
        say(f"FAILED {contestant.name}\n{error}")
        runs.append({**common, "row": None, "error": str(error)})
    return runs


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr)


if __name__ == "__main__":
    main()
