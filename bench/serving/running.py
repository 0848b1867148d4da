"""One contestant's processes: starting them, waiting for them, ending them for sure."""
import http.client
import os
import signal
import subprocess
import time

import processes
from places import LOGS, variables
from servers import NotServing, signal_all
from serving.rows import ROWS
from serving.site import FOLDER, HOST

START_TIMEOUT = 60
STOP_TIMEOUT = 8


class Running:
    """The programs of a contestant, each in a session of its own. Used with `with`."""

    def __init__(self, contestant, folder):
        self.contestant, self.folder = contestant, folder
        self.started = []
        folder.mkdir(parents=True)
        LOGS.mkdir(exist_ok=True)
        self.log = LOGS / f"serving-{contestant.name}.log"
        try:
            self.port, commands = contestant.prepare(folder)
            for command in commands:
                self._start(command)
            for row in ROWS:
                self._until_ready(row.path)
        except BaseException:
            self.stop()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        # SIGTERM: SIGINT ends Apache's parent alone.
        signal_all([process.pid for process in self.started], signal.SIGTERM, os.killpg)
        deadline = time.monotonic() + STOP_TIMEOUT
        while self._left() and time.monotonic() < deadline:
            time.sleep(0.05)
        while self._left():
            signal_all(self._left(), signal.SIGKILL, os.kill)
            time.sleep(0.05)
        for process in self.started:
            process.wait()

    def _start(self, command):
        with open(self.log, "ab") as out:
            self.started.append(subprocess.Popen(command, cwd=FOLDER, env=variables("all"), stdin=subprocess.DEVNULL,
                                                 stdout=out, stderr=out, start_new_session=True))

    def _left(self):
        for process in self.started:
            process.poll()
        return [each for process in self.started for each in processes.of_session(process.pid)]

    def _until_ready(self, path):
        deadline = time.monotonic() + START_TIMEOUT
        while (status := status_of(self.port, path)) != 200:
            ended = [process.args for process in self.started if process.poll() is not None]
            if ended or time.monotonic() > deadline:
                raise NotServing(f"{self.contestant.name}: {path} answers {status}, ended: {ended}\n"
                                 f"{self.log.read_text(errors='replace')[-3000:]}\n{self._errors()}")
            time.sleep(0.05)

    def _errors(self):
        """The end of every error log that is there."""
        return "\n".join(file.read_text(errors="replace")[-2000:] for file in self.folder.rglob("error*log"))


def status_of(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path, headers={"Host": HOST, "Connection": "close"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return repr(error)
    finally:
        connection.close()
