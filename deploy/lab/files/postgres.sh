#!/bin/sh
# Makes a cluster and runs it. The periodic jobs come in seconds, not minutes: a lab lives for minutes only.
set -eu
[ -s "$PGDATA/PG_VERSION" ] || initdb -A trust -N >/var/log/postgresql/initdb.log
echo 'host all all 0.0.0.0/0 trust' >>"$PGDATA/pg_hba.conf"
exec postgres -c listen_addresses='*' -c unix_socket_directories=/tmp -c max_connections=60 \
    -c jit=off -c shared_buffers=512MB -c checkpoint_timeout=30s -c autovacuum_naptime=2s \
    -c autovacuum_vacuum_scale_factor=0 -c autovacuum_vacuum_threshold=1000 \
    -c autovacuum_analyze_scale_factor=0 -c autovacuum_analyze_threshold=1000 \
    -c logging_collector=on -c log_directory=/var/log/postgresql -c log_filename=postgresql.log
