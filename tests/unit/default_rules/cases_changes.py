"""Rules about persistence, hiding, sockets and changed files: one event that each is for, one neighbour."""

from tests.unit.default_rules.made import (
    BY_APT,
    ENTRY,
    RUNTIME,
    Case,
    connects,
    event,
    failed,
    opens,
    removes,
    renames,
    runs,
)

_ECHO = {"proc__name": "sh", "proc__pname": "orders"}
_NGINX = {"proc__name": "nginx", "proc__pname": "nginx"}

CASES = (
    Case(
        "Preloaded library set",
        opens("/etc/ld.so.preload", "w"),
        opens("/etc/ld.so.preload", "r", **failed("ENOENT")),
        "every program looks for it at its start",
    ),
    Case(
        "Scheduled job changed",
        opens("/etc/cron.d/job", "w", **_ECHO),
        opens("/etc/cron.d/package", "w", **BY_APT),
        "a package brings its job; its manager was reported",
    ),
    Case(
        "Scheduled job changed",
        runs("crontab /tmp/jobs", proc__pname="sh"),
        runs("crontab -l", proc__pname="sh"),
        "the table is shown",
    ),
    Case(
        "Start script or service unit changed",
        renames("/tmp/u", "/etc/systemd/system/u.service"),
        opens("/etc/systemd/system.conf", "r"),
        "it is only read",
    ),
    Case(
        "Shell profile changed",
        opens("/root/.bashrc", "w", **_ECHO),
        opens("/root/.bashrc", "r", proc__name="bash"),
        "a shell reads it at its start",
    ),
    Case(
        "Authorized keys changed",
        opens("/root/.ssh/authorized_keys", "w", **_ECHO),
        opens("/root/.ssh/known_hosts", "w", proc__name="ssh"),
        "ssh keeps a host's key",
    ),
    Case(
        "User account added or changed",
        opens("/etc/passwd", "w", **_ECHO),
        opens("/etc/passwd", "w", **ENTRY),
        "the entry script names the user that the pod runs as",
    ),
    Case(
        "User account added or changed",
        runs("useradd -o -u 0 helper", proc__pname="sh"),
        runs("id helper", proc__pname="sh"),
        "a user is asked for",
    ),
    Case(
        "Login or sudo configuration changed",
        opens("/etc/sudoers.d/all", "w", **_ECHO),
        opens("/etc/pam.d/su", "r", proc__name="su"),
        "su reads its configuration",
    ),
    Case(
        "Setuid bit or file capability set",
        event("fchmodat", evt__arg__mode="S_ISUID|S_IRUSR|S_IXUSR", evt__arg__filename="/srv/sh"),
        event("fchmodat", evt__arg__mode="S_IRUSR|S_IXUSR", evt__arg__filename="/srv/tool"),
        "executable, no more",
    ),
    Case(
        "Shell history cleared",
        removes("/root/.bash_history", proc__name="rm"),
        removes("/root/.cache/pip/x", proc__name="rm"),
        "a cache",
    ),
    Case(
        "Shell history cleared",
        opens("/root/.ash_history", "t", **_ECHO),
        opens("/root/.bash_history", "t", proc__name="bash"),
        "bash keeps its own history short",
    ),
    Case(
        "Log file truncated",
        opens("/var/log/orders/service.log", "t", **_ECHO),
        opens("/var/log/orders/service.log", "w", **_ECHO),
        "a line is appended",
    ),
    Case(
        "Log file truncated",
        runs("truncate -s 0 /var/log/orders/service.log", proc__pname="sh"),
        opens("/var/log/orders/start.log", "t", **ENTRY),
        "the entry script begins its log",
    ),
    Case(
        "Log file deleted",
        removes("/var/log/redis/redis.log", proc__name="rm"),
        removes("/var/log/redis/redis.log.7.gz", proc__name="logrotate"),
        "old logs go",
    ),
    Case(
        "Log file deleted",
        renames("/var/log/auth.log", "/tmp/x", proc__name="mv"),
        renames("/var/log/nginx/access.log", "/var/log/nginx/access.log.1", **_NGINX),
        "the service rotates its own log",
    ),
    Case(
        "Times of a file set by hand",
        runs("touch -r /etc/hostname /srv/x", proc__pname="sh"),
        runs("touch /srv/ready", proc__pname="sh"),
        "it says that the service is ready",
    ),
    Case(
        "Packet socket opened in a container",
        event("socket", evt__arg__domain="AF_PACKET", evt__arg__type="3", **failed("EPERM")),
        event("socket", evt__arg__domain="AF_UNIX", evt__arg__type="1"),
        "a local socket",
    ),
    Case(
        "Raw socket opened in a container",
        event("socket", evt__arg__domain="AF_INET", evt__arg__type="3"),
        event("socket", evt__arg__domain="AF_INET", evt__arg__type="524289"),
        "a TCP socket",
    ),
    Case(
        "Mining pool contacted",
        connects("203.0.113.7", 3333, **failed("EINPROGRESS")),
        connects("10.96.0.14", 3333),
        "a service of the cluster at the same port",
    ),
    Case(
        "Shared library written",
        opens("/usr/lib/x86_64-linux-gnu/libpam.so.0", "t"),
        opens("/usr/lib/python3.11/__pycache__/uuid.cpython-311.pyc", "t"),
        "Python keeps what it compiled",
    ),
    Case(
        "Program directory changed",
        renames("/tmp/ls", "/usr/bin/ls"),
        opens("/usr/bin/ls", "r"),
        "it is only read",
    ),
    Case(
        "Configuration below etc changed",
        opens("/etc/resolv.conf", "t", **_ECHO),
        opens("/etc/nginx/conf.d/site.conf", "t", **ENTRY),
        "the entry script writes the service's configuration",
    ),
    Case(
        "Configuration below etc changed",
        removes("/etc/ssl/certs/ca.pem", proc__name="rm"),
        opens("/etc/hosts", "w", **RUNTIME),
        "the runtime fills in the names of hosts",
    ),
    Case(
        "Configuration below etc changed",
        event("symlink", evt__arg__target="/tmp/x", evt__arg__linkpath="/etc/localtime"),
        event("symlink", evt__arg__target="/etc/localtime", evt__arg__linkpath="/srv/localtime"),
        "a link outside, to a file below /etc",
    ),
    Case(
        "Scheduled job changed",
        event("symlinkat", evt__arg__target="/tmp/x", evt__arg__linkpath="/etc/cron.d/x"),
        event("symlinkat", evt__arg__target="/etc/cron.d/x", evt__arg__linkpath="/srv/x"),
        "a link outside, to a job",
    ),
    Case(
        "Shell history cleared",
        event("symlinkat", evt__arg__target="/dev/null", evt__arg__linkpath="/root/.bash_history"),
        event("symlinkat", evt__arg__target="/dev/null", evt__arg__linkpath="/srv/service.log"),
        "a log that is not wanted",
    ),
)
