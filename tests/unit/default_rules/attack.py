"""The techniques of MITRE ATT&CK (Enterprise, v17) that default rules may name, with their tactics."""

from collections.abc import Mapping

TECHNIQUES: Mapping[str, frozenset[str]] = {
    name: frozenset(tactics.split())
    for name, tactics in {
        "T1003.008": "credential_access",  # /etc/passwd and /etc/shadow
        "T1006": "defense_evasion",  # direct volume access
        "T1014": "defense_evasion",  # rootkit
        "T1036.005": "defense_evasion",  # match legitimate resource name or location
        "T1037.004": "persistence privilege_escalation",  # RC scripts
        "T1040": "credential_access discovery",  # network sniffing
        "T1046": "discovery",  # network service discovery
        "T1053.003": "execution persistence privilege_escalation",  # cron
        "T1055.008": "defense_evasion privilege_escalation",  # ptrace system calls
        "T1055.009": "defense_evasion privilege_escalation",  # proc memory
        "T1059": "execution",  # command and scripting interpreter
        "T1059.004": "execution",  # Unix shell
        "T1070.002": "defense_evasion",  # clear Linux or Mac system logs
        "T1070.003": "defense_evasion",  # clear command history
        "T1070.006": "defense_evasion",  # timestomp
        "T1083": "discovery",  # file and directory discovery
        "T1090": "command_and_control",  # proxy
        "T1095": "command_and_control",  # non-application layer protocol
        "T1098.004": "persistence privilege_escalation",  # SSH authorized keys
        "T1105": "command_and_control",  # ingress tool transfer
        "T1136.001": "persistence",  # local account
        "T1140": "defense_evasion",  # deobfuscate/decode files or information
        "T1190": "initial_access",  # exploit public-facing application
        "T1485": "impact",  # data destruction
        "T1496.001": "impact",  # compute hijacking
        "T1528": "credential_access",  # steal application access token
        "T1543.002": "persistence privilege_escalation",  # systemd service
        "T1546.004": "persistence privilege_escalation",  # Unix shell configuration modification
        "T1547.006": "persistence privilege_escalation",  # kernel modules and extensions
        "T1548.001": "defense_evasion privilege_escalation",  # setuid and setgid
        "T1548.003": "defense_evasion privilege_escalation",  # sudo and sudo caching
        "T1552": "credential_access",  # unsecured credentials
        "T1552.001": "credential_access",  # credentials in files
        "T1552.004": "credential_access",  # private keys
        "T1552.005": "credential_access",  # cloud instance metadata API
        "T1552.007": "credential_access",  # container API
        "T1554": "persistence",  # compromise host software binary
        "T1556.003": "credential_access defense_evasion persistence",  # pluggable authentication modules
        "T1561": "impact",  # disk wipe
        "T1564": "defense_evasion",  # hide artifacts
        "T1564.001": "defense_evasion",  # hidden files and directories
        "T1562": "defense_evasion",  # impair defenses
        "T1565.001": "impact",  # stored data manipulation
        "T1572": "command_and_control",  # protocol tunneling
        "T1574.006": "defense_evasion persistence privilege_escalation",  # dynamic linker hijacking
        "T1609": "execution",  # container administration command
        "T1610": "defense_evasion execution",  # deploy container
        "T1611": "privilege_escalation",  # escape to host
        "T1613": "discovery",  # container and resource discovery
        "T1620": "defense_evasion",  # reflective code loading
    }.items()
}
VERSION_TAG = "attack_v17"
