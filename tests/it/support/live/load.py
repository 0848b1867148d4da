"""Visitors who ask all the time: on connections that they keep and on new ones, GET and POST.

load.py SECONDS FILE: ends when the file is there, at the latest after so many seconds, and prints as JSON what
failed, how many requests were answered, and every change of the answers: time, first word.
"""
import collections
import http.client
import json
import os
import socket
import ssl
import sys
import threading
import time

HOST = "www.example.org"
END = time.time() + float(sys.argv[1])
tls = ssl.create_default_context()
tls.check_hostname = False
tls.verify_mode = ssl.CERT_NONE


class Visitor(http.client.HTTPSConnection):
    def connect(self):
        self.sock = tls.wrap_socket(socket.create_connection(("127.0.0.1", 443), 30), server_hostname=HOST)


def over():
    return time.time() > END or os.path.exists(sys.argv[2])


def visit(keeps, method):
    body = b"x" * 20000 if method == "POST" else None
    connection = None
    while not over():
        kept = connection is not None
        if not kept:
            connection = Visitor(HOST, 443, timeout=60)
        began = time.time()
        try:
            connection.request(method, "/", body, {"Host": HOST})
            response = connection.getresponse()
            text = response.read().decode()
        except Exception as error:
            connection.close()
            connection = None
            # The server may end a connection that is idle, at any time; every client asks again then.
            ended = (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError, ssl.SSLEOFError)
            if not (kept and isinstance(error, ended)):
                failed.append("%s keeps=%s at %.2f: %r" % (method, keeps, began, error))
            continue
        answered[method] += 1
        if response.status != 200:
            failed.append("%s keeps=%s at %.2f: %s" % (method, keeps, began, response.status))
        seen.append((began, time.time(), text.split(" ")[0]))
        if not keeps or connection.sock is None:
            connection.close()
            connection = None
        time.sleep(0.03)


failed, seen, answered = [], [], collections.Counter()
visitors = [threading.Thread(target=visit, args=(keeps, method))
            for keeps in (True, False) for method in ("GET", "POST") for _ in range(2)]
for visitor in visitors:
    visitor.start()
for visitor in visitors:
    visitor.join()
print(json.dumps({"failed": failed, "answered": answered, "seen": seen}))
