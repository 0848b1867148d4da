"""What is measured, in its order, and how much of it."""
from dataclasses import dataclass, replace
from typing import Callable

import edits
import load
import resources
from servers import KINDS
from sites import BRANCH_FILES, BRANCH_IMPORTED, BRANCHES, STARTPROJECT, VIEW_MODULES, WAGTAIL

ALL = [kind.name for kind in KINDS]
OURS = [kind.name for kind in KINDS if kind.is_djwsgi]


@dataclass(frozen=True)
class Counts:
    rounds: int = 2         # every server has its turn in each of them
    saves: int = 10         # in a round
    modules: int = VIEW_MODULES // 2
    burst: int = 20
    load: int = 200
    switches: int = 6
    singles: int = 25
    starts: int = 4         # in a round
    idle: int = 60          # seconds
    reloads: int = 500
    reloads_few: int = 20


QUICK = Counts(rounds=1, saves=3, modules=3, burst=5, load=10, switches=2, singles=3, starts=2, idle=5, reloads=10,
               reloads_few=5)


@dataclass(frozen=True)
class Measurement:
    name: str
    title: str
    text: str
    measure: Callable  # of a kind of server, a site, the counts and the number of the round
    sites: tuple
    table: str         # of report.py
    servers: tuple = tuple(ALL)
    in_rounds: bool = False


MEASUREMENTS = [
    Measurement(
        "A", "A view is edited", "The file of the view that is asked for is saved, again and again.",
        edits.views, (STARTPROJECT, WAGTAIL), "latencies", in_rounds=True),
    Measurement(
        "B", "Models are edited", "`models.py` of the first installed app is saved; a view shows a constant of it.",
        edits.models, (WAGTAIL,), "latencies", in_rounds=True),
    Measurement(
        "C", "The first edit of a file",
        f"Each save is the first one of its file: a view module among {VIEW_MODULES} that nobody has touched since "
        "the server started.",
        edits.first_edits, (STARTPROJECT, WAGTAIL), "latencies", in_rounds=True),
    Measurement(
        "D", "Bursts of saves",
        "Pauses of 0 to 1 s between saves, while a client asks every 10 ms. A save counts as served when its code or "
        "later code answers. *Last served*: the last state answers in the end.",
        edits.bursts, (STARTPROJECT, WAGTAIL), "bursts"),
    Measurement(
        "E1", "Saves under load",
        f"{load.THREADS} clients ask all the time, each 20 ms after its last answer. The next save comes 0.1 to 0.5 s "
        f"after the last one was served, or after {load.NEXT_SAVE} s.",
        load.under_load, (STARTPROJECT,), "load", servers=("express", *OURS)),
    Measurement(
        "E2", "A slow request",
        f"A request that sleeps {load.NAP} s is sent half a second before a save. Is it answered, and after what time "
        "is a new request answered by the new code?",
        load.slow_request, (STARTPROJECT,), "slow"),
    Measurement(
        "E3", "A switch of branches",
        f"`git switch` between two branches that differ in {BRANCH_FILES} files, of which the site imports "
        f"{BRANCH_IMPORTED}. An answer that mixes both branches counts as stale. *Reloads*: what djwsgi told of, the "
        "most for one switch.",
        load.switch, (BRANCHES,), "switch"),
    Measurement(
        "E4", "Start, memory, idle time",
        "*Start*: from the start of the command to the first answer; *first*: in a site that this server has never "
        "served (djwsgi: only set up, by `djwsgi init`), once in each round; *later*: the median of the other starts. "
        "*Memory*: of all processes of the server, what is shared counted in parts (PSS). *Idle*: processor time "
        "while nobody asks or saves.",
        resources.start_and_idle, (STARTPROJECT, WAGTAIL), "idle", in_rounds=True),
    Measurement(
        "E5", "50,000 files beside the site",
        "500 folders with 100 files each, 10 of them Python, that the site does not use.",
        resources.many_files, (STARTPROJECT,), "files", servers=("gunicorn", "granian", *OURS)),
    Measurement(
        "E6", "Memory after many reloads", "PSS of all processes of the server.",
        resources.many_reloads, (STARTPROJECT, WAGTAIL), "reloads", servers=tuple(OURS)),
    Measurement(
        "E7", "A single request after a save",
        "One request, sent 0, 5 or 20 ms after the end of a save. How many are answered by the old code?",
        load.single_requests, (STARTPROJECT,), "singles", servers=tuple(OURS)),
]


def turns(measurement, counts, kinds):
    """The turns of a measurement in their order, which the second round reverses."""
    kinds = [kind for kind in kinds if kind.name in measurement.servers]
    for site in measurement.sites:
        for part in range(counts.rounds if measurement.in_rounds else 1):
            for kind in kinds if part % 2 == 0 else reversed(kinds):
                yield kind, site, part


def with_saves(counts, saves):
    """Other numbers of saves for A to D."""
    each = max(1, saves // counts.rounds)
    return replace(counts, saves=each, burst=saves, modules=min(each, VIEW_MODULES // counts.rounds))
