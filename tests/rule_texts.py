"""Small rule files for tests."""

SHELL = """\
- list: shells
  items: [sh, bash]
- macro: spawned
  condition: evt.type in (execve, execveat)
- rule: Shell spawned
  desc: A shell.
  condition: spawned and proc.name in (shells)
  output: A shell (user=%user.name command=%proc.cmdline result=%evt.rawres)
  priority: WARNING
  tags: [shell, mitre_execution, T1059, attack_v18]
"""
FILES = """\
- rule: Shadow read
  desc: Reads passwords.
  condition: evt.type = openat and fd.name = /etc/shadow
  output: Read %fd.name
  priority: CRITICAL
  tags: [filesystem, T1003.008]
- rule: Quiet
  desc: Off at first.
  condition: evt.type = openat and fd.name startswith /tmp
  output: Opened %fd.name
  priority: INFO
  enabled: false
  tags: [filesystem]
"""
BROKEN = """\
- rule: Broken
  desc: Names a macro that does not exist.
  condition: nowhere and evt.type = openat
  output: x
  priority: INFO
"""
UNKNOWN_FIELD = BROKEN.replace("nowhere and", "no.such.field = 1 and")
NO_YAML = "- rule: [\n"
EXEC = {
    "evt.type": "execve",
    "proc.name": "sh",
    "proc.cmdline": "sh -i",
    "user.name": "root",
    "evt.rawres": 0,
}
OPEN = {"evt.type": "openat", "fd.name": "/etc/shadow"}
