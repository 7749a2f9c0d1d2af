/*
 * What the sensor and collector/sensor/layout.py agree on, byte for byte.
 *
 * Plain C: a test compiles it with the host's compiler and compares every offset.
 */
#pragma once

/* The packing of an n-gram: wire/ngram.py. */
#define TOKEN_BITS 10
#define GRAM_MASK ((1ULL << 60) - 1)
#define INJECTED (1ULL << 60)

/* Stands in the table for all calls of a container beyond its quota of slots. */
#define OVER_QUOTA (1ULL << 61)

/* Tokens of a call: wire/syscalls.py. */
#define NATIVE_OTHER 511
#define COMPAT_BASE 512
#define COMPAT_OTHER 1023

#define WAYS 4
#define PATH_BYTES 512

/*
 * One cache line of the counting table. Ways fill from the first to the last
 * and are freed only all together, so the first free way ends a search.
 */
struct line {
    u64 gram[WAYS]; /* 0: free; no n-gram is 0 because its newest token is not */
    u32 owner[WAYS]; /* lower half of the cgroup id */
    u32 count[WAYS];
};

/* Written by user space alone; read once per run. */
struct control {
    u32 epoch; /* its lowest bit selects the table that is being filled */
    u32 generation; /* changes when a container's record was changed from user space */
};

struct container {
    u64 adopted_before; /* its tasks that started before this time (ns, CLOCK_MONOTONIC) are its own */
    u32 ignored;
    u32 unused;
};

/* Of one container on one CPU. Sums only grow; [2] is by the lowest bit of the epoch the call belongs to. */
struct losses {
    u32 epoch; /* that `claimed` belongs to */
    u32 claimed; /* slots taken */
    u64 table_full[2];
    u64 quota[2]; /* for which not even OVER_QUOTA had a way */
    u64 untracked[2];
};

enum event_kind { EVENT_BORN, EVENT_DIED, EVENT_WATCHED };

struct event {
    u64 cgroup_id;
    u32 kind;
    u32 pid;
    char path[PATH_BYTES]; /* absent from EVENT_WATCHED */
};

/* Losses that belong to no container: indices of the map `stats`. */
enum stat { STAT_DROPPED_EVENTS, STAT_UNWATCHED, STATS };
