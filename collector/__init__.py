"""The node agent: sensor, identity, windows, spool and uplink. Imports `wire`; nothing imports it."""
