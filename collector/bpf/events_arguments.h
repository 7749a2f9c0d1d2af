/*
 * Reads what a call's arguments are and point to, from the caller's registers and memory.
 * Included by events.c alone. No maps here, as in events_record.h.
 */
#pragma once

#include "events_record.h"

static inline bool is_compat(void *task)
{
    return LOAD32(task, OFF_TASK_THREAD_INFO_STATUS) & TS_COMPAT;
}

/* One argument of a call, from the registers as they were when it began. */
static inline u64 argument(u64 regs, bool compat, u32 index)
{
    if (compat) {
        u64 value = index == 0   ? LOAD64(regs, OFF_PT_REGS_BX)
                    : index == 1 ? LOAD64(regs, OFF_PT_REGS_CX)
                    : index == 2 ? LOAD64(regs, OFF_PT_REGS_DX)
                    : index == 3 ? LOAD64(regs, OFF_PT_REGS_SI)
                    : index == 4 ? LOAD64(regs, OFF_PT_REGS_DI)
                                 : LOAD64(regs, OFF_PT_REGS_BP);
        return (u32)value;
    }
    return index == 0   ? LOAD64(regs, OFF_PT_REGS_DI)
           : index == 1 ? LOAD64(regs, OFF_PT_REGS_SI)
           : index == 2 ? LOAD64(regs, OFF_PT_REGS_DX)
           : index == 3 ? LOAD64(regs, OFF_PT_REGS_R10)
           : index == 4 ? LOAD64(regs, OFF_PT_REGS_R8)
                        : LOAD64(regs, OFF_PT_REGS_R9);
}

static inline u64 pick(u64 *args, u32 one_based)
{
    return one_based && one_based <= 6 ? args[one_based - 1] : 0;
}

/* Keeps a string of the caller's, as it is now, with its tag. */
static inline u32 keep_text(struct pending *now, u16 tag, u64 address)
{
    u32 at = now->used;
    if (!address || at > PENDING_BYTES - TEXT_BYTES - sizeof(struct section))
        return 0;
    long length = bpf_probe_read_user_str(&now->data[at + sizeof(struct section)], TEXT_BYTES, (void *)address);
    if (length <= 0) {
        now->marks |= MARK_UNREADABLE;
        return 0;
    }
    if (length == TEXT_BYTES)
        now->marks |= MARK_TRUNCATED;
    put_section(&now->data[at], tag, length - 1);
    now->used = at + sizeof(struct section) + length;
    return length;
}

static inline void keep_address(struct pending *now, u64 address, u64 bytes)
{
    u32 at = now->used;
    if (!address || at > PENDING_BYTES - ADDRESS_BYTES - sizeof(struct section))
        return;
    u64 length = bytes;
    if (length > ADDRESS_BYTES)
        length = ADDRESS_BYTES;
    BOUND(length, ADDRESS_BYTES);
    if (bpf_probe_read_user(&now->data[at + sizeof(struct section)], length, (void *)address)) {
        now->marks |= MARK_UNREADABLE;
        return;
    }
    put_section(&now->data[at], TAG_ADDRESS, length);
    now->used = at + sizeof(struct section) + length;
}

/* What openat2 is given by a pointer stands in place of arguments that it has not. */
static inline void keep_open_how(struct pending *now, u64 address)
{
    u64 how[3] = {};
    bpf_probe_read_user(how, sizeof(how), (void *)address);
    now->args[2] = how[0];
    now->args[3] = how[1];
    now->args[4] = how[2];
}

/* struct msghdr begins with its name and the name's length, in the caller's word size. */
static inline void keep_message_address(struct pending *now, u64 message, bool compat)
{
    u64 words[2] = {};
    bpf_probe_read_user(words, compat ? 8 : 16, (void *)message);
    keep_address(now, compat ? (u32)words[0] : words[0], compat ? words[0] >> 32 : (u32)words[1]);
}

/*
 * A path that is absolute and holds neither an empty component nor one that begins with a dot has the
 * same meaning for the rules as for a comparison byte by byte. All others are reported.
 */
static inline bool is_plain(char *text, u32 length)
{
    if (text[0] != '/')
        return false;
    char before = 'x';
    for (u32 i = 0; i < KEY_BYTES; i++) {
        if (i + 1 >= length)
            return true;
        char now = text[i];
        if (before == '/' && (now == '/' || now == '.'))
            return false;
        before = now;
    }
    return true;
}

/* Whether a kept path (the first or the second) is relative; `section` is where it begins. */
static inline bool begins_relative(struct pending *now, u32 which)
{
    u32 at = 0;
    if (which) {
        u16 bytes;
        __builtin_memcpy(&bytes, &now->data[2], 2);
        at = sizeof(struct section) + bytes + 1;
    }
    if (at > PENDING_BYTES - 8)
        return false;
    u16 tag;
    __builtin_memcpy(&tag, &now->data[at], 2);
    return tag == TAG_PATH + which && now->data[at + sizeof(struct section)] != '/';
}
