"""Whether newer code than that of this process is to answer a request, asked before each.

This process has a queue of the kernel's notices of saves. A notice is there before the call that
completes a save returns, so no request that is sent after a save gets past it, however busy djwsgi
is. What a save means, djwsgi says. A request for newer code goes back to Apache, which connects
again: mod_wsgi's own way, when its script has changed.
"""
import os
import select
import socket
import struct
import threading
import traceback

from . import reads

_HEAD = struct.Struct("iIII")   # inotify_event: watch, mask, cookie, length of the name
_CLOSED = 0x8                   # IN_CLOSE_WRITE
_IGNORED = 0x8000               # IN_IGNORED: the folder is not watched any more
_SIZE = struct.Struct("N")      # what a request begins with in mod_wsgi: how much follows; then, how many strings
_MOST_SENT_BACK = 2             # mod_wsgi gives up a request that comes back once more
_PART = 4096
_PATIENCE = 10.0                # seconds for an answer of djwsgi
_MANNERS = 2.0                  # seconds for Apache to hang up
_MOST_PASSED_OVER = 1000

_line = None
_listener = -1
_queue = None
_folders = {}
_asked = 0       # the number of the last question
_checked = 0     # the number of the last one answered
_unsure = False
_left = False
_news = threading.Condition()
_passed_over = set()
_passed_over_at = 0
place = ""       # where Apache connects to


def begin(line, listener, message):
    """From now on; `message`: djwsgi's leave to serve."""
    global _line, _listener, _queue, _folders, _checked
    _line, _listener = line, listener
    if message.get("saves"):
        _queue = message["saves"]
        _folders = {int(number): folders for number, folders in message["folders"].items()}
        # What was saved after it was read and before there was the queue, djwsgi tells of.
        _checked = -1


def is_outdated(_path):
    """Whether a request is for newer code. mod_wsgi asks, one request at a time; the others wait."""
    if not _left and _queue is not None:
        try:
            _find_out()
        except OSError:
            pass  # djwsgi has gone, and this process is about to
        except Exception:
            traceback.print_exc()
    return _left


def look_again():
    """More was read, perhaps where nobody watched till now: what was saved there before, djwsgi tells of."""
    global _unsure
    _unsure = True


def _find_out():
    global _asked, _unsure
    if _is_news() or _unsure:
        _unsure = False
        _asked += 1
        _line.send(said="check", number=_asked)
    if _checked < _asked:
        _wait()


def checked(number):
    """djwsgi knows of everything that was saved before the question of this number."""
    global _checked
    with _news:
        _checked = max(_checked, number)
        _news.notify_all()


def leave():
    """Take no more requests: send back to Apache those that wait here."""
    global _left
    with _news:
        if _left:
            return
        _left = True
        _news.notify_all()
    threading.Thread(target=_send_back, name="djwsgi-back", daemon=True).start()


def _wait():
    global _checked
    with _news:
        if not _news.wait_for(lambda: _left or _checked >= _asked, _PATIENCE):
            # The next request is not to wait as long for the same.
            _checked = _asked


def _is_news():
    """Whether anything was saved that may matter. Takes all notices from the queue."""
    news = False
    while True:
        try:
            data = os.read(_queue, _PART)
        except OSError:
            return news  # most often: there are none
        start = 0
        while start < len(data):
            watch, mask, _, length = _HEAD.unpack_from(data, start)
            start += _HEAD.size + length
            name = data[start - length:start].rstrip(b"\0")
            news = news or _matters(watch, mask, os.fsdecode(name))


def _matters(watch, mask, name):
    folders = _folders.get(watch)
    if folders is None or mask & _IGNORED:
        return True  # what is read again and again is there, or notices were lost
    return any(_concerns(os.path.join(folder, name) if name else folder, mask) for folder in folders)


def _concerns(path, mask):
    """Whether what happened at `path` may concern what this process has read."""
    global _passed_over_at
    count = reads.count()
    if _passed_over_at != count or len(_passed_over) > _MOST_PASSED_OVER:
        _passed_over_at = count
        _passed_over.clear()
    # A database in the folder of the project is closed in each request.
    if (path, mask) in _passed_over:
        return False
    if reads.concerns(path, content_only=mask & _CLOSED):
        return True
    _passed_over.add((path, mask))
    return False


def _send_back():
    """mod_wsgi's threads may have ended before they took every connection."""
    with socket.socket(fileno=os.dup(_listener)) as listener:
        listener.settimeout(None)  # whatever the site has for a default
        while True:
            connection, _ = listener.accept()
            try:
                _send_one_back(connection)
            except OSError:
                connection.close()  # it has hung up


def _send_one_back(connection):
    connection.settimeout(_MANNERS)
    size = _receive(connection, _SIZE.size)
    request = _receive(connection, _SIZE.unpack(size)[0])
    if _times_sent_back(request) < _MOST_SENT_BACK:
        connection.sendall(b"Status: 200 Rejected\r\n\r\n")
        while connection.recv(_PART):
            pass
        connection.close()
    else:
        threading.Thread(target=_relay, args=[connection, size + request], daemon=True).start()


def _receive(connection, count):
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise ConnectionResetError
        data += part
    return data


def _times_sent_back(request):
    strings = request[_SIZE.size:].split(b"\0")
    variables = dict(zip(strings[::2], strings[1::2]))
    return int(variables.get(b"mod_wsgi.daemon_restarts") or variables.get(b"mod_wsgi.x-daemon_restarts") or 0)


def _relay(connection, request):
    """Hand a request on to where Apache would connect to."""
    with connection, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        connection.settimeout(None)
        other.settimeout(None)
        try:
            other.connect(place)
            other.sendall(request)
            opposite = {connection: other, other: connection}
            while opposite:
                for one in select.select(list(opposite), [], [])[0]:
                    data = one.recv(_PART)
                    if data:
                        opposite[one].sendall(data)
                    elif one is other:
                        return  # all is answered
                    else:
                        opposite.pop(one).shutdown(socket.SHUT_WR)
        except OSError:
            pass  # one of them has hung up
