"""How long it takes until a saved file answers: djwsgi and the other servers with a reload.

Started by bench/run as the user of bench/prepare. Ends with the tables on stdout, in
/var/tmp/djwsgi-bench/benchmarks.md (when all was measured) and as raw numbers in results.json there.
"""
import argparse
import json
import os
import shutil
import signal
import sys
import time
import traceback

import machine
import making
import measurements
import report
from places import BASE, LOGS
from processes import outside_of
from servers import KINDS, NotServing

RESULTS = BASE / "results.json"
DOCUMENT = BASE / "benchmarks.md"


def main():
    options = parse()
    # Ended from outside, it ends its server as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    stray = outside_of({os.getsid(0)})
    if stray:
        sys.exit(f"error: an earlier run has left processes behind, or another one is under way: {stray}")
    counts = measurements.QUICK if options.quick else measurements.Counts()
    if options.saves:
        counts = measurements.with_saves(counts, options.saves)
    chosen = [one for one in measurements.MEASUREMENTS if is_chosen(one.name, options.only)]
    kinds = [kind for kind in KINDS if not options.servers or kind.name in options.servers]
    # A document that is there afterwards is one of this run, and a whole one.
    DOCUMENT.unlink(missing_ok=True)
    shutil.rmtree(LOGS, ignore_errors=True)
    say("making the sites")
    making.make_all()
    results = {"command": "make bench-reload", "machine": machine.describe(), "counts": vars(counts), "runs": []}
    for measurement in chosen:
        for kind, site, part in measurements.turns(measurement, counts, kinds):
            results["runs"].append(take_turn(measurement, kind, site, part, counts))
            RESULTS.write_text(json.dumps(results, indent=1))
    text = report.document(results)
    if not (options.quick or options.only or options.servers):
        DOCUMENT.write_text(text)
    print(text)
    for run in results["runs"]:
        if run.get("error"):
            say(f"could not be measured: {run['measurement']} {run['site']} {run['server']}")


def parse():
    parser = argparse.ArgumentParser(prog="bench/run", description=__doc__)
    names = ", ".join(one.name for one in measurements.MEASUREMENTS)
    parser.add_argument("--quick", action="store_true", help="few saves, to try it out")
    parser.add_argument("--saves", type=int, metavar="N", help="saves of each server in A to D (default: 20)")
    parser.add_argument("--only", type=split, metavar="A,B", help=f"some of {names}; E for all that begin with it")
    parser.add_argument("--servers", type=split, metavar="NAMES", help="some of " + ", ".join(measurements.ALL))
    options = parser.parse_args()
    for name in options.servers or []:
        if name not in measurements.ALL:
            parser.error(f"no server {name}")
    for name in options.only or []:
        if not any(is_chosen(one.name, [name]) for one in measurements.MEASUREMENTS):
            parser.error(f"no measurement {name}")
    return options


def split(text):
    return text.split(",")


def is_chosen(name, only):
    return not only or any(name.startswith(prefix) for prefix in only)


def take_turn(measurement, kind, site, part, counts):
    """One server's turn. A server that fails is a result too, and no reason to stop."""
    run = {"measurement": measurement.name, "server": kind.name, "site": site.name, "round": part,
           "load_average": os.getloadavg()[0]}
    begun = time.monotonic()
    try:
        run.update(measurement.measure(kind, site, counts, part))
    except NotServing as error:
        run["error"] = str(error)
    except Exception:
        run["error"] = traceback.format_exc()
    stray = outside_of({os.getsid(0)})
    if stray:
        run["left_behind"] = stray
    say(f"{measurement.name} {site.name} {kind.name} ({time.monotonic() - begun:.0f} s): {in_short(run)}")
    return run


def in_short(run):
    if run.get("error"):
        return "FAILED\n" + run["error"]
    shown = {key: value for key, value in run.items()
             if key not in ("measurement", "server", "site", "round", "load_average", "stale_milliseconds", "failures")}
    return json.dumps(shown)[:300]


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr)


if __name__ == "__main__":
    main()
