/*
 * Reads fields of typed kernel pointers, for every program here. No maps, as in events_read.h.
 */
#pragma once

#define TS_COMPAT 0x2 /* arch/x86/include/asm/thread_info.h */

/*
 * Reads a field of a typed kernel pointer. In assembly, because bcc rewrites a
 * dereference in C to a call of bpf_probe_read, and its headers' structures are not this kernel's.
 */
#define LOAD(width, base, offset)                                                                                    \
    ({                                                                                                               \
        u64 value_;                                                                                                  \
        asm volatile("%0 = *(" width " *)(%1 + %2)" : "=r"(value_) : "r"(base), "i"(offset));                        \
        value_;                                                                                                      \
    })
#define LOAD64(base, offset) LOAD("u64", base, offset)
#define LOAD32(base, offset) LOAD("u32", base, offset)
