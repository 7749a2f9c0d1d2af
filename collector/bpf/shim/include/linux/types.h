/* Numbers of fixed width, and not one kernel structure: an offset cannot be wrong that is not here. */
#pragma once

typedef unsigned char __u8, u8;
typedef signed char __s8, s8;
typedef unsigned short __u16, u16, __be16, __sum16;
typedef signed short __s16, s16;
typedef unsigned int __u32, u32, __be32, __wsum;
typedef signed int __s32, s32, pid_t;
typedef unsigned long long __u64, u64, __be64, __aligned_u64 __attribute__((aligned(8)));
typedef signed long long __s64, s64;
typedef unsigned long size_t, uintptr_t;
typedef _Bool bool;

enum { false, true };

#define NULL ((void *)0)
#define inline inline __attribute__((always_inline))
#define __always_inline inline
