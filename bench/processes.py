"""What /proc says of a session: its processes, their memory and their time."""
import os
import re

TICKS = os.sysconf("SC_CLK_TCK")


def of_session(session):
    """The processes of a session that still run."""
    return [process for process, its in _running() if its == session]


def _running():
    """The processes that run, each with its session."""
    for name in os.listdir("/proc"):
        fields = status_of(name) if name.isdigit() else None
        if fields and fields[0] not in "ZX":
            yield int(name), int(fields[3])


def status_of(process):
    """The fields of /proc/PID/stat from the state on; None when the process has gone."""
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return None


def seconds_of(processes):
    """The CPU time of processes, and of those that they have waited for."""
    fields = filter(None, map(status_of, processes))
    return sum(int(ticks) for stat in fields for ticks in stat[11:15]) / TICKS


def megabytes_of(processes):
    """Resident memory; what is shared counts in parts (PSS)."""
    return sum(map(_kilobytes_of, processes)) / 1024


def _kilobytes_of(process):
    try:
        with open(f"/proc/{process}/smaps_rollup") as file:
            return int(re.search(r"^Pss:\s+(\d+) kB", file.read(), re.MULTILINE).group(1))
    except OSError:
        return 0


def outside_of(sessions):
    """Processes of this user that belong to none of these sessions."""
    return [process for process, its in _running() if its not in sessions and _owner(process) == os.getuid()]


def _owner(process):
    try:
        return os.stat(f"/proc/{process}").st_uid
    except OSError:
        return None
