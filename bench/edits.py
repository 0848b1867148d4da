"""Measurements A to D: how long after a save its code answers."""
import random
import time

from client import PAUSE, Poller
from samples import PATIENCE, Save, numbers_of
from servers import MARKED, Server

SETTLE = 3  # seconds from the first answer to the first save: nobody saves at once


def views(kind, site, counts, part):
    """A: saves of the file of the view that is asked for."""
    edits = [(site.views, MARKED)] * counts.saves
    return edit_one_by_one(kind, site, edits)


def models(kind, site, counts, part):
    """B: saves of the models of the first app, a constant of which a view shows."""
    edits = [(site.models, MARKED + "models/")] * counts.saves
    return edit_one_by_one(kind, site, edits)


def first_edits(kind, site, counts, part):
    """C: each save is the first one of its file."""
    numbers = range(part * counts.modules, (part + 1) * counts.modules)
    edits = [(site.view_module(number), f"{MARKED}view/{number}/") for number in numbers]
    return edit_one_by_one(kind, site, edits)


def edit_one_by_one(kind, site, edits):
    site.fresh()
    with Server(kind, site) as server:
        time.sleep(SETTLE)
        return save_and_ask(server, edits)


def save_and_ask(server, edits, pause=(1, 2)):
    """Save after a random pause and ask at once, then every 10 ms until the new code answers."""
    saves, answers = [], []
    for number, (file, path) in enumerate(edits, start=1):
        time.sleep(random.uniform(*pause))
        saves.append(Save(number, server.site.save(file, number), path))
        answers += ask_until(server, path, number)
    return numbers_of(saves, answers)


def ask_until(server, path, number, patience=PATIENCE):
    """Ask every 10 ms until the code of save `number` answers, or patience ends."""
    answers = []
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        answers.append(server.ask(path))
        if served(answers[-1:], number):
            break
        time.sleep(PAUSE)
    return answers


def bursts(kind, site, counts, part):
    """D: saves in quick succession while somebody asks every 10 ms."""
    site.fresh()
    with Server(kind, site) as server:
        time.sleep(SETTLE)
        poller = Poller(server.port, MARKED, PAUSE)
        saves = []
        for number in range(1, counts.burst + 1):
            time.sleep(random.uniform(0, 1))
            saves.append(Save(number, site.save(site.views, number), MARKED))
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and not served(poller.answers[-1:], saves[-1].number):
            time.sleep(PAUSE)
        numbers = numbers_of(saves, poller.end())
        # What it answers when all is over: not only once, for good.
        time.sleep(1)
        numbers["last_served"] = served([server.ask()], saves[-1].number)
        return numbers


def served(answers, number):
    return any(answer.number is not None and answer.number >= number for answer in answers)
