"""The far end of the intrusions, in the pod's network but outside of its container.

`far_end.py TOOL` serves on loopback until it is ended, and prints what arrives: 4444 gives commands to a
shell that connects, 3333 is a mining pool, 8081 serves the file TOOL over HTTP and takes what is posted,
4446 takes everything, 5353 takes datagrams.
"""

import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

COMMANDS = b"id\nuname -a\ncat /etc/passwd\nexit\n"
JOB = b'{"id":1,"result":[[["mining.notify","1"]],"08000002",4],"error":null}\n'
TOOL = Path(sys.argv[1]).read_bytes()


def shell(connection: socket.socket) -> None:
    connection.sendall(COMMANDS)
    swallow(connection, "shell")


def pool(connection: socket.socket) -> None:
    while line := connection.recv(4096):
        say("pool", line)
        connection.sendall(JOB)


def web(connection: socket.socket) -> None:
    request = connection.recv(65536)
    say("web", request[:60])
    body = TOOL if request.startswith(b"GET /tool") else b"sleep\n"
    head = f"HTTP/1.0 200 OK\r\nContent-Length: {len(body)}\r\n\r\n"
    connection.sendall(head.encode() + body)


def sink(connection: socket.socket) -> None:
    swallow(connection, "sink")


def swallow(connection: socket.socket, name: str) -> None:
    while data := connection.recv(65536):
        say(name, data)


def say(name: str, data: bytes) -> None:
    print(name, len(data), data[:200], flush=True)


def serve(port: int, act: Callable[[socket.socket], None]) -> None:
    server = socket.create_server(("127.0.0.1", port), backlog=64)
    while True:
        connection, _ = server.accept()
        threading.Thread(target=play, args=(connection, act), daemon=True).start()


def play(connection: socket.socket, act: Callable[[socket.socket], None]) -> None:
    connection.settimeout(20)
    try:
        with connection:
            act(connection)
    except OSError as error:
        say("error", str(error).encode())


for port, act in ((4444, shell), (3333, pool), (8081, web), (4446, sink)):
    threading.Thread(target=serve, args=(port, act), daemon=True).start()
names = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
names.bind(("127.0.0.1", 5353))
print("listening", flush=True)
while True:
    say("names", names.recv(4096))
