"""Measurements E4 to E6: start, memory, idle processor time; many files; many reloads."""
import time

from edits import ask_until, save_and_ask
from making import Assets
from places import DJWSGI, run
from processes import megabytes_of, seconds_of
from servers import MARKED, Server

REST = 5  # seconds until a server has done what it does on its own after a start or a reload


def start_and_idle(kind, site, counts, part):
    """E4: from the start to the first answer; in the first round also memory, and processor time when nobody
    asks."""
    site.fresh()
    if kind.is_djwsgi:
        # As for every site that it serves.
        run(site.folder, str(DJWSGI), "init", "--no-input", environment=kind.environment)
    seconds = []
    for _ in range(counts.starts):
        with Server(kind, site) as server:
            seconds.append(round(server.start_time, 3))
            time.sleep(1)
    if part > 0:
        return {"start": seconds}
    with Server(kind, site) as server:
        time.sleep(REST)
        memory = megabytes_of(server.processes())
        before, begun = seconds_of(server.processes()), time.monotonic()
        time.sleep(counts.idle if kind.is_djwsgi else counts.idle // 3)
        used, lasted = seconds_of(server.processes()) - before, time.monotonic() - begun
        return {"start": seconds, "megabytes": round(memory, 1), "processes": len(server.processes()),
                "idle_seconds_per_minute": round(used / lasted * 60, 3), "idle_lasted": round(lasted)}


def many_files(kind, site, counts, part):
    """E5: the same with and without 50,000 files beside the site."""
    assets = Assets()
    result = {"without": start_and_save(kind, site, counts)}
    site.fresh()
    assets.make()
    assets.move_into(site)
    try:
        result["with"] = start_and_save(kind, site, counts, fresh=False)
    finally:
        assets.move_out_of(site)
    return result


def start_and_save(kind, site, counts, fresh=True):
    if fresh:
        site.fresh()
    seconds = []
    for _ in range(max(1, counts.starts - 1)):
        with Server(kind, site) as server:
            seconds.append(round(server.start_time, 3))
    with Server(kind, site) as server:
        seconds.append(round(server.start_time, 3))
        time.sleep(REST)
        numbers = save_and_ask(server, [(site.views, MARKED)] * max(2, counts.saves // 2))
        numbers["start"] = seconds
        return numbers


def many_reloads(kind, site, counts, part):
    """E6: the memory of all processes after few and after many reloads."""
    site.fresh()
    memory = {}
    answers = []
    with Server(kind, site) as server:
        time.sleep(REST)
        for number in range(1, counts.reloads + 1):
            site.save(site.views, number)
            answers += ask_until(server, MARKED, number)
            time.sleep(0.1)
            if number in (counts.reloads_few, counts.reloads):
                time.sleep(REST)
                memory[number] = {"megabytes": round(megabytes_of(server.processes()), 1),
                                  "processes": len(server.processes())}
        return {"memory": memory, "failed": sum(answer.status != 200 for answer in answers)}
