"""Rules about secrets: one event that each is for, one neighbour."""

from tests.unit.default_rules.made import ENTRY, Case, connects, event, failed, opens, runs

_CAT = {"proc__name": "cat", "proc__pname": "sh"}
_TOKEN = "/run/secrets/kubernetes.io/serviceaccount/token"

CASES = (
    Case(
        "Sensitive file read by path traversal",
        opens("/etc/passwd", fd__nameraw="/srv/www/../../etc/passwd"),
        opens("/srv/share/logo.png", fd__nameraw="/srv/www/../share/logo.png"),
        "one step up, to a file that is no secret",
    ),
    Case(
        "Password file read",
        opens("/etc/shadow", **_CAT),
        opens("/etc/shadow", proc__name="su", proc__pname="sh"),
        "su checks a password",
    ),
    Case(
        "Password file read",
        opens("/etc/shadow", **failed("EACCES")),
        opens("/etc/passwd"),
        "names of users are public",
    ),
    Case(
        "Link made to a sensitive file",
        event("symlinkat", evt__arg__target="/etc/shadow", evt__arg__linkpath="/srv/www/a"),
        event("symlinkat", evt__arg__target="/srv/data", evt__arg__linkpath="/srv/www/a"),
        "data of the service",
    ),
    Case(
        "Link made to a sensitive file",
        event("link", evt__arg__oldpath="/etc/shadow", evt__arg__newpath="/srv/www/a"),
        event("link", evt__arg__oldpath="/srv/new", evt__arg__newpath="/srv/current"),
        "a file of the service",
    ),
    Case(
        "Service account token read by a general tool",
        opens(_TOKEN, **_CAT),
        opens(_TOKEN, proc__name="controller"),
        "the pod's own program",
    ),
    Case(
        "Credentials of the node read in a container",
        opens("/var/lib/kubelet/pki/kubelet.key"),
        opens("/etc/kubelint.yaml"),
        "another product's file",
    ),
    Case(
        "Private key or cloud credentials read by a general tool",
        opens("/root/.ssh/id_ed25519", **_CAT),
        opens("/root/.ssh/id_ed25519", proc__name="ssh", proc__pname="git"),
        "ssh uses its key",
    ),
    Case(
        "Private key or cloud credentials read by a general tool",
        opens("/home/app/.aws/credentials", proc__name="grep", proc__pname="sh"),
        opens("/root/.ssh/id_rsa.pub", **_CAT),
        "a public key",
    ),
    Case(
        "Environment of a process read by a general tool",
        opens("/proc/1/environ", **_CAT),
        opens("/proc/1/cmdline", **_CAT),
        "a command line",
    ),
    Case(
        "Search for credentials",
        runs("grep -r BEGIN RSA PRIVATE KEY /srv", proc__pname="sh"),
        runs("grep -r TODO /srv", proc__pname="sh"),
        "another word",
    ),
    Case(
        "Search for credentials",
        runs("find / -name id_rsa", proc__pname="sh"),
        runs("find /srv/cache -mtime +7 -name *.tmp", proc__pname="sh"),
        "old temporary files",
    ),
    Case(
        "Search for credentials",
        runs("grep -ri password /srv", proc__pname="sh", proc__pexe="/bin/sh"),
        runs("grep -q password /srv/app.conf", **ENTRY),
        "the entry script looks into its configuration",
    ),
    Case(
        "Cloud metadata address contacted",
        connects("169.254.169.254", 80, **failed("ENETUNREACH")),
        connects("169.254.20.10", 53),
        "the node's name server",
    ),
    Case(
        "Search for credentials",
        runs("find / -name id_rsa", proc__name="exe", proc__exepath="/usr/bin/busybox"),
        runs("find /srv -name index.html", proc__name="exe", proc__exepath="/usr/bin/busybox"),
        "another file, looked for by a busybox that is its own shell",
    ),
)
