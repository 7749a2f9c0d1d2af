"""The far end of an intrusion, on loopback: takes one connection and plays its part in it.

`listener.py shell PORT` gives commands to whoever connects and prints the answers;
`listener.py pool PORT` answers each line as a mining pool does.
"""

import socket
import sys

COMMANDS = b"id\nuname -a\ncat /etc/passwd\nexit\n"
JOB = b'{"id":1,"result":[[["mining.notify","1"]],"08000002",4],"error":null}\n'


def main(part: str, port: int) -> None:
    """Serve one connection on loopback, then end."""
    with socket.create_server(("127.0.0.1", port)) as server:
        print("listening", flush=True)
        connection, _ = server.accept()
        with connection, connection.makefile("rwb") as stream:
            if part == "shell":
                stream.write(COMMANDS)
                stream.flush()
            for line in stream:
                print(line.decode(errors="replace").rstrip(), flush=True)
                if part == "pool":
                    stream.write(JOB)
                    stream.flush()


main(sys.argv[1], int(sys.argv[2]))
