/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * The C interface of librseq_shim.so. Look the functions up with dlsym, or
 * declare them weak: a program must run without the shim as well.
 */
#ifndef RSEQ_SHIM_H
#define RSEQ_SHIM_H

#ifdef __cplusplus
extern "C" {
#endif

/* Who owns the registration of this process's threads. */
enum rseq_shim_owner {
	RSEQ_SHIM_OWNER_UNAVAILABLE = 0, /* nobody: sys_rseq is missing or denied */
	RSEQ_SHIM_OWNER_LIBC = 1,        /* the libc registers its own area */
	RSEQ_SHIM_OWNER_ADOPTER = 2,     /* the shim registers the program's __rseq_abi */
	RSEQ_SHIM_OWNER_CLIENT = 3,      /* some code registers an area of its own */
	RSEQ_SHIM_OWNER_SHIM = 4         /* the shim registers librseq_abi.so's area */
};

/*
 * Register the calling thread's __rseq_abi, or find it registered; give a
 * registration back. Both nest per thread: the kernel is called for the first
 * and the last, and never for a thread that the shim has registered at its
 * birth, while it lives. 0 or a negative errno:
 *   -EINVAL      another owner registers threads; or nothing to give back
 *   -ENOSYS, -EPERM  the kernel has no sys_rseq, or denies it
 *   -EOPNOTSUPP  RSEQ_SHIM_MODE=off
 * Async-signal-safe; errno is left alone.
 */
int rseq_shim_register_current_thread(void);
int rseq_shim_unregister_current_thread(void);

/* An enum rseq_shim_owner. Async-signal-safe. */
int rseq_shim_owner(void);

/* The shim's version, such as "0.1.0". Async-signal-safe. */
const char *rseq_shim_version(void);

#ifdef __cplusplus
}
#endif

#endif
