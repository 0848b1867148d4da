"""Measurements E1 to E3 and E7: saves under load, a slow request, a switch of branches, single requests."""
import random
import threading
import time

from client import PAUSE, Poller
from edits import SETTLE, ask_until, served
from places import run
from samples import PATIENCE, Save, numbers_of
from servers import MARKED, Server
from sites import NAP

THREADS = 4
NEXT_SAVE = 5  # seconds after which one saves again in E1, served or not
SWITCHED = MARKED + "branches/"


def under_load(kind, site, counts, part):
    """E1: saves while several clients ask all the time."""
    site.fresh()
    with Server(kind, site) as server:
        time.sleep(SETTLE)
        pollers = [Poller(server.port, MARKED, 2 * PAUSE) for _ in range(THREADS)]
        saves = []
        count = counts.load if kind.is_djwsgi else max(1, counts.load // 4)
        for number in range(1, count + 1):
            time.sleep(random.uniform(0.1, 0.5))
            saves.append(Save(number, site.save(site.views, number), MARKED))
            wait_for(pollers, number, PATIENCE if number == count else NEXT_SAVE)
        return numbers_of(saves, [answer for poller in pollers for answer in poller.end()])


def wait_for(pollers, number, patience):
    """Until one of them has an answer by the code of save `number`."""
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        if served([poller.answers[-1] for poller in pollers if poller.answers], number):
            return
        time.sleep(0.005)


def slow_request(kind, site, counts, part):
    """E2: a request that takes longer than a reload, sent before a save."""
    site.fresh()
    with Server(kind, site) as server:
        time.sleep(SETTLE)
        slow = []
        client = threading.Thread(target=lambda: slow.append(server.ask(MARKED + "nap/", timeout=60)), daemon=True)
        client.start()
        time.sleep(0.5)
        save = Save(1, site.save(site.views, 1), MARKED)
        answers = ask_until(server, MARKED, 1, patience=60)
        client.join()
        numbers = numbers_of([save], answers)
        completed = slow[0].status == 200 and slow[0].text.startswith("slept")
        numbers["slow_completed"] = completed
        numbers["slow_seconds"] = round(slow[0].arrived - slow[0].sent, 2)
        numbers["slow_answer"] = f"{slow[0].status} {slow[0].text[:100]}"
        assert not completed or numbers["slow_seconds"] >= NAP
        return numbers


def switch(kind, site, counts, part):
    """E3: git switch between two branches."""
    site.fresh()
    with Server(kind, site, SWITCHED) as server:
        time.sleep(SETTLE)
        runs = []
        for branch in [1, 0] * (counts.switches // 2):
            time.sleep(random.uniform(2, 3))
            lines = reload_lines(server)
            run(site.folder, "git", "switch", "--quiet", "ab"[branch])
            end = time.monotonic()
            answers = ask_until_branch(server, branch)
            time.sleep(2)
            runs.append({
                "answers": answers, "end": end, "lines": reload_lines(server) - lines,
                "served": server.ask(SWITCHED).number == branch,
            })
        return numbers_of_switches(runs)


def reload_lines(server):
    """How often djwsgi has told of a reload."""
    return sum(line.startswith("↻") for line in server.said().splitlines())


def ask_until_branch(server, branch):
    """Answers, with number 1 for those of the branch and 0 for all others."""
    answers = []
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        answer = server.ask(SWITCHED)
        answers.append(answer._replace(number=int(answer.number == branch)))
        if answers[-1].number:
            break
        time.sleep(PAUSE)
    return answers


def numbers_of_switches(runs):
    each = [numbers_of([Save(1, run["end"], SWITCHED)], run["answers"]) for run in runs]
    return {
        "milliseconds": [value for numbers in each for value in numbers["milliseconds"]],
        "requests": sum(numbers["requests"] for numbers in each),
        "stale": sum(numbers["stale"] for numbers in each),
        "failed": sum(numbers["failed"] for numbers in each),
        "failures": [numbers["failures"] for numbers in each if numbers["failures"]],
        "lines": [run["lines"] for run in runs],
        "last_served": all(run["served"] for run in runs),
    }


def single_requests(kind, site, counts, part):
    """E7: one request some milliseconds after a save. How often is it answered by the old code?"""
    site.fresh()
    with Server(kind, site) as server:
        time.sleep(SETTLE)
        number = 0
        delays = {}
        for delay in [0, 5, 20] * counts.singles:
            number += 1
            time.sleep(random.uniform(0.7, 1.2))
            end = site.save(site.views, number)
            time.sleep(delay / 1000)
            answer = server.ask()
            delays.setdefault(delay, []).append({
                "stale": answer.status == 200 and answer.number != number,
                "failed": answer.status != 200,
                "sent": round((answer.sent - end) * 1000, 2),
                "took": round((answer.arrived - answer.sent) * 1000, 2),
            })
            ask_until(server, MARKED, number)
        return {"delays": delays}
