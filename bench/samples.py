"""What was saved and what was answered, and the numbers that follow from it."""
import math
import statistics
from collections import Counter
from typing import NamedTuple

# From then on after the end of a save an answer by older code counts as stale.
GRACE = 0.010
# A save that is not served by then is given up.
PATIENCE = 30


class Save(NamedTuple):
    number: int
    end: float
    path: str  # of the view that shows what was saved


def numbers_of(saves, answers):
    """The raw numbers of a series of saves and of the answers to all requests sent meanwhile."""
    latencies = [latency_of(save, answers) for save in saves]
    stale = stale_times(saves, answers)
    refused = [answer for answer in answers if answer.status != 200]
    return {
        "milliseconds": [None if latency is None else round(latency * 1000, 2) for latency in latencies],
        "requests": len(answers),
        "stale": len(stale),
        "stale_milliseconds": stale,
        "failed": len(refused),
        "failures": dict(Counter(f"{answer.status} {answer.text.strip()[:100]}".strip() for answer in refused)),
    }


def latency_of(save, answers):
    """Seconds from the end of a save to the first answer of its code, or of later code."""
    good = [answer.arrived for answer in answers if answer.path == save.path and knows(answer, save)]
    return max(0.0, min(good) - save.end) if good else None


def knows(answer, save):
    """Whether an answer is by the code of a save, or by later code."""
    return answer.number is not None and answer.number >= save.number


def stale_times(saves, answers):
    """Of each stale answer: milliseconds from the end of the save that it does not know to its request."""
    times = []
    for answer in answers:
        unknown = [save for save in saves
                   if save.path == answer.path and save.end + GRACE <= answer.sent and not knows(answer, save)]
        if answer.status == 200 and unknown:
            times.append(round((answer.sent - unknown[0].end) * 1000, 1))
    return times


def summary_of(runs):
    """The row of a table: of the same measurement's runs with one server."""
    # What was never served took for ever.
    latencies = sorted(math.inf if value is None else value for run in runs for value in run["milliseconds"])
    return {
        "saves": len(latencies),
        "median": statistics.median(latencies),
        "p90": percentile(latencies, 0.9),
        "max": latencies[-1],
        "lost": latencies.count(math.inf),
        "stale": sum(run["stale"] for run in runs),
        "failed": sum(run["failed"] for run in runs),
        "requests": sum(run["requests"] for run in runs),
    }


def percentile(ordered, share):
    """The smallest value that `share` of all do not exceed."""
    return ordered[math.ceil(len(ordered) * share) - 1]
