/* SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * One restartable-sequences area per thread, shared by everybody under the name
 * __rseq_abi: its layout, its declaration, a right definition of it, and what any
 * code may ask of it, also where nobody defines or registers it.
 *
 * For C89 and C++98 and later, by gcc and clang. Functions are there where
 * RSEQ_ABI_HAS_ACCESS is defined (x86-64 and AArch64); the rest is everywhere.
 *
 * No name of it is one of librseq's (rseq/rseq.h) or of <sys/rseq.h>: a source may include
 * them together.
 *
 * None of it needs a library. docs/authors.md shows how to build with it.
 */
#ifndef RSEQ_ABI_H
#define RSEQ_ABI_H

#include <errno.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef unsigned int rseq_abi_u32;
__extension__ typedef __UINT64_TYPE__ rseq_abi_u64;

/* What the kernel reads and writes (struct rseq, 32 bytes of Linux 4.18). */
struct rseq_abi_area {
	rseq_abi_u32 cpu_id_start; /*  0: the CPU; always a valid index */
	rseq_abi_u32 cpu_id;       /*  4: the CPU, or one of the two below */
	rseq_abi_u64 rseq_cs;      /*  8: address of a struct rseq_abi_section, or 0 */
	rseq_abi_u32 flags;        /* 16 */
	rseq_abi_u32 node_id;      /* 20: NUMA node (Linux 6.3) */
	rseq_abi_u32 mm_cid;       /* 24: concurrency id (Linux 6.3) */
	rseq_abi_u32 slice_ctrl;   /* 28: time slice extension (Linux 7.0) */
} __attribute__((aligned(32)));

/* The same with room for what kernels may add. */
struct rseq_abi_extensible_area {
	struct rseq_abi_area area;
	rseq_abi_u32 room[24];
} __attribute__((aligned(64)));

/* One critical section (struct rseq_cs). RSEQ_ABI_SIGNATURE lies in the four
 * bytes before abort_ip. */
struct rseq_abi_section {
	rseq_abi_u32 version;
	rseq_abi_u32 flags;
	rseq_abi_u64 start_ip;
	rseq_abi_u64 post_commit_offset;
	rseq_abi_u64 abort_ip;
} __attribute__((aligned(32)));

typedef char rseq_abi_area_has_32_bytes[sizeof(struct rseq_abi_area) == 32 ? 1 : -1];
typedef char rseq_abi_area_may_have_128[sizeof(struct rseq_abi_extensible_area) == 128 ? 1 : -1];
typedef char rseq_abi_section_has_32_bytes[sizeof(struct rseq_abi_section) == 32 ? 1 : -1];

/* cpu_id before anybody has registered the area, and after the kernel has refused. */
#define RSEQ_ABI_CPU_UNREGISTERED 0xffffffffU
#define RSEQ_ABI_CPU_REFUSED 0xfffffffeU

/* The length in bytes that every kernel takes. */
#define RSEQ_ABI_ORIGINAL_LENGTH 32U
/* Flag of the system call: unregister. */
#define RSEQ_ABI_UNREGISTER 1U

/*
 * The signature that all users of rseq on one architecture agree on, as a 32-bit
 * number in the byte order of data (Linux, tools/testing/selftests/rseq; glibc,
 * bits/rseq.h).
 */
#if defined(__x86_64__) || defined(__i386__)
#define RSEQ_ABI_SIGNATURE 0x53053053U
#elif defined(__aarch64__)
#ifdef __AARCH64EB__
#define RSEQ_ABI_SIGNATURE 0x00bc28d4U
#else
#define RSEQ_ABI_SIGNATURE 0xd428bc00U
#endif
#elif defined(__arm__)
#ifdef __ARMEB__
#define RSEQ_ABI_SIGNATURE 0xf3def5e7U
#else
#define RSEQ_ABI_SIGNATURE 0xe7f5def3U
#endif
#elif defined(__powerpc__) || defined(__powerpc64__)
#define RSEQ_ABI_SIGNATURE 0x0fe5000bU
#elif defined(__s390__)
#define RSEQ_ABI_SIGNATURE 0xb2ff0fffU
#elif defined(__riscv)
#define RSEQ_ABI_SIGNATURE 0xf1401073U
#elif defined(__mips__) && !defined(__nanomips__) && !defined(__mips_micromips)
#define RSEQ_ABI_SIGNATURE 0x0350000dU
#endif

/* The number of the system call (Linux, syscall tables). */
#if defined(__x86_64__) && !defined(__ILP32__)
#define RSEQ_ABI_SYSCALL 334L
#elif defined(__i386__)
#define RSEQ_ABI_SYSCALL 386L
#elif defined(__aarch64__)
#define RSEQ_ABI_SYSCALL 293L
#endif

/*
 * A definition, for one source file of a program or library:
 *
 *     RSEQ_ABI_DEFINE;
 *
 * Initial-exec (which linkers make local-exec of in programs), visible, weak (a
 * second one that is linked in is the same), and marked as registered by nobody. It
 * has 32 bytes: every kernel takes them, and everybody who shares them may write to
 * cpu_id_start. A program exports it with -Wl,--export-dynamic-symbol=__rseq_abi, a
 * library is linked with -Wl,-z,nodelete.
 *
 * RSEQ_ABI_DEFINE_EXTENSIBLE has 128 bytes, aligned to 64: an owner registers all of
 * them where the kernel takes more than 32. From Linux 7.0.10 on nobody may then
 * write to cpu_id_start, as TCMalloc does.
 */
#define RSEQ_ABI_ATTRIBUTES \
	__attribute__((visibility("default"), tls_model("initial-exec"), weak, used))
#define RSEQ_ABI_INITIAL { 0U, RSEQ_ABI_CPU_UNREGISTERED, 0U, 0U, 0U, 0U, 0U }
#ifdef __cplusplus
#define RSEQ_ABI_DEFINE                                                        \
	extern "C" {                                                           \
	__thread struct rseq_abi_area __rseq_abi RSEQ_ABI_ATTRIBUTES =         \
		RSEQ_ABI_INITIAL;                                         \
	}                                                                      \
	typedef char rseq_abi_defined_here[1]
#define RSEQ_ABI_DEFINE_EXTENSIBLE                                             \
	extern "C" {                                                           \
	__thread struct rseq_abi_extensible_area __rseq_abi                    \
		RSEQ_ABI_ATTRIBUTES = { RSEQ_ABI_INITIAL, { 0U } };       \
	}                                                                      \
	typedef char rseq_abi_defined_here[1]
#else
#define RSEQ_ABI_DEFINE                                                        \
	__thread struct rseq_abi_area __rseq_abi RSEQ_ABI_ATTRIBUTES =         \
		RSEQ_ABI_INITIAL
#define RSEQ_ABI_DEFINE_EXTENSIBLE                                             \
	__thread struct rseq_abi_extensible_area __rseq_abi                    \
		RSEQ_ABI_ATTRIBUTES = { RSEQ_ABI_INITIAL, { 0U } }
#endif

/*
 * A declaration, for code that is linked with a definition:
 *
 *     RSEQ_ABI_DECLARE;
 *
 * Do not make it weak: the address of a thread-local variable that nobody defines
 * is not null but some place in or before the thread's storage, and reads garbage.
 * Where there may be no definition, call rseq_abi_symbol().
 */
#define RSEQ_ABI_DECLARE                                                       \
	extern __thread struct rseq_abi_area __rseq_abi                        \
		__attribute__((tls_model("initial-exec")))

#if (defined(__x86_64__) && !defined(__ILP32__)) || defined(__aarch64__)
#define RSEQ_ABI_HAS_ACCESS 1
#endif

#ifdef RSEQ_ABI_HAS_ACCESS

#define RSEQ_ABI_INLINE static __inline__ __attribute__((unused))

/* What TLS offsets count from. */
RSEQ_ABI_INLINE unsigned long rseq_abi_thread_pointer(void)
{
	unsigned long pointer;
#ifdef __x86_64__
	__asm__("movq %%fs:0, %0" : "=r"(pointer));
#else
	__asm__("mrs %0, tpidr_el0" : "=r"(pointer));
#endif
	return pointer;
}

/*
 * The calling thread's __rseq_abi, or null where nobody defines it.
 *
 * A weak reference to a thread-local variable has no null. What linkers make of it
 * where it is not defined differs (0, or the distance to address 0), but each makes
 * the same of every such name: so the offset is compared with that of a name that
 * nobody ever defines.
 */
RSEQ_ABI_INLINE struct rseq_abi_area *rseq_abi_symbol(void)
{
	unsigned long offset, nobody;
#ifdef __x86_64__
	__asm__(".weakref .Lrseq_abi_maybe%=, __rseq_abi\n\t"
		".weak __rseq_abi_nobody\n\t"
		"movq .Lrseq_abi_maybe%=@GOTTPOFF(%%rip), %0\n\t"
		"movq __rseq_abi_nobody@GOTTPOFF(%%rip), %1"
		: "=r"(offset), "=r"(nobody));
#else
	__asm__(".weakref .Lrseq_abi_maybe%=, __rseq_abi\n\t"
		".weak __rseq_abi_nobody\n\t"
		"adrp %0, :gottprel:.Lrseq_abi_maybe%=\n\t"
		"ldr %0, [%0, :gottprel_lo12:.Lrseq_abi_maybe%=]\n\t"
		"adrp %1, :gottprel:__rseq_abi_nobody\n\t"
		"ldr %1, [%1, :gottprel_lo12:__rseq_abi_nobody]"
		: "=&r"(offset), "=&r"(nobody));
#endif
	if (offset == nobody)
		return 0;
	return (struct rseq_abi_area *)(rseq_abi_thread_pointer() + offset);
}

/* glibc 2.35 and later: where the area is that the libc, or the shim, has
 * registered. Ordinary variables: their addresses are null where nobody defines
 * them. */
extern const long rseq_abi_libc_offset __asm__("__rseq_offset") __attribute__((weak));
extern const unsigned int rseq_abi_libc_size __asm__("__rseq_size") __attribute__((weak));

RSEQ_ABI_INLINE int rseq_abi_is_kept(const struct rseq_abi_area *area)
{
	return (int)*(const volatile rseq_abi_u32 *)&area->cpu_id >= 0;
}

/* The calling thread's area of the libc, or null where the libc registers nothing. */
RSEQ_ABI_INLINE struct rseq_abi_area *rseq_abi_of_libc(void)
{
	if (!&rseq_abi_libc_size || !&rseq_abi_libc_offset || rseq_abi_libc_size == 0)
		return 0;
	return (struct rseq_abi_area *)(rseq_abi_thread_pointer() +
					(unsigned long)rseq_abi_libc_offset);
}

/*
 * The area that the kernel keeps up to date for the calling thread: __rseq_abi, else
 * the one that the libc has registered, else null.
 *
 * It is what the areas say. In a task that clone(2) has made, the libc's area may be zero,
 * which says CPU 0, although nobody has registered it (sched_getcpu(3) and librseq
 * are mistaken likewise): such a task calls rseq_abi_register_current_thread() first.
 */
RSEQ_ABI_INLINE struct rseq_abi_area *rseq_abi_registered(void)
{
	struct rseq_abi_area *area = rseq_abi_symbol();

	if (area && rseq_abi_is_kept(area))
		return area;
	area = rseq_abi_of_libc();
	return area && rseq_abi_is_kept(area) ? area : 0;
}

/* Whether the kernel keeps an area of the calling thread up to date. */
RSEQ_ABI_INLINE int rseq_abi_is_registered(void)
{
	return rseq_abi_registered() != 0;
}

/* A system call without libc: errno is left alone. A result, or -errno. */
RSEQ_ABI_INLINE long rseq_abi_call(long number, unsigned long first, unsigned long second,
				   unsigned long third, unsigned long fourth)
{
#ifdef __x86_64__
	long result;
	register unsigned long r10 __asm__("r10") = fourth;

	__asm__ __volatile__("syscall"
			     : "=a"(result)
			     : "0"(number), "D"(first), "S"(second), "d"(third), "r"(r10)
			     : "rcx", "r11", "memory");
	return result;
#else
	register long x8 __asm__("x8") = number;
	register unsigned long x0 __asm__("x0") = first;
	register unsigned long x1 __asm__("x1") = second;
	register unsigned long x2 __asm__("x2") = third;
	register unsigned long x3 __asm__("x3") = fourth;

	__asm__ __volatile__("svc #0"
			     : "+r"(x0)
			     : "r"(x8), "r"(x1), "r"(x2), "r"(x3)
			     : "memory");
	return (long)x0;
#endif
}

/* getcpu(2) */
#ifdef __x86_64__
#define RSEQ_ABI_SYSCALL_GETCPU 309L
#else
#define RSEQ_ABI_SYSCALL_GETCPU 168L
#endif

/* Bytes of an area that this kernel fills, from the auxiliary vector
 * (AT_RSEQ_FEATURE_SIZE, Linux 6.3); 20 where it does not say. */
unsigned long getauxval(unsigned long)
#if defined(__cplusplus) && defined(__THROW)
	__THROW
#endif
	;

RSEQ_ABI_INLINE unsigned int rseq_abi_feature_size(void)
{
	static unsigned int known;
	unsigned int size = __atomic_load_n(&known, __ATOMIC_RELAXED);

	if (size == 0) {
		int kept = errno; /* ENOENT where the vector has no such entry */

		size = (unsigned int)getauxval(27UL);
		errno = kept;
		if (size < 20U)
			size = 20U;
		__atomic_store_n(&known, size, __ATOMIC_RELAXED);
	}
	return size;
}

/* The CPU that the calling thread runs on: from its area, else from getcpu(2).
 * Negative: -errno. */
RSEQ_ABI_INLINE int rseq_abi_current_cpu(void)
{
	const struct rseq_abi_area *area = rseq_abi_registered();
	unsigned int cpu = 0;
	long result;

	if (area)
		return (int)*(const volatile rseq_abi_u32 *)&area->cpu_id;
	result = rseq_abi_call(RSEQ_ABI_SYSCALL_GETCPU, (unsigned long)&cpu, 0UL, 0UL, 0UL);
	return result < 0 ? (int)result : (int)cpu;
}

/* The NUMA node that the calling thread runs on: from its area, where the kernel
 * writes that, else from getcpu(2). Negative: -errno. */
RSEQ_ABI_INLINE int rseq_abi_current_node(void)
{
	const struct rseq_abi_area *area = rseq_abi_registered();
	unsigned int node = 0;
	long result;

	if (area && rseq_abi_feature_size() >= 24U)
		return (int)*(const volatile rseq_abi_u32 *)&area->node_id;
	result = rseq_abi_call(RSEQ_ABI_SYSCALL_GETCPU, 0UL, (unsigned long)&node, 0UL, 0UL);
	return result < 0 ? (int)result : (int)node;
}

/* The calling thread's concurrency id: below the number of threads, and of CPUs. -1
 * where the thread is not registered, or the kernel has none (before Linux 6.3). */
RSEQ_ABI_INLINE int rseq_abi_mm_cid(void)
{
	const struct rseq_abi_area *area = rseq_abi_registered();

	if (!area || rseq_abi_feature_size() < 28U)
		return -1;
	return (int)*(const volatile rseq_abi_u32 *)&area->mm_cid;
}

/* Registers the libc's area of a task that the libc has not started, as the libc would
 * have: nonzero where that was so. Only an area that nobody has ever written to can be
 * such a one; the kernel refuses one that it keeps already. */
RSEQ_ABI_INLINE int rseq_abi_register_for_libc(void)
{
	struct rseq_abi_area *area = rseq_abi_of_libc();
	unsigned long length = RSEQ_ABI_ORIGINAL_LENGTH;

	if (!area || *(const volatile rseq_abi_u32 *)&area->cpu_id_start != 0 ||
	    *(const volatile rseq_abi_u32 *)&area->cpu_id != 0 ||
	    *(const volatile rseq_abi_u64 *)&area->rseq_cs != 0)
		return 0;
	if (rseq_abi_libc_size > length)
		length = rseq_abi_libc_size;
	return rseq_abi_call(RSEQ_ABI_SYSCALL, (unsigned long)area, length, 0UL,
			     RSEQ_ABI_SIGNATURE) == 0;
}

/*
 * For programs and libraries that register their own definition: the calling
 * thread's __rseq_abi with 32 bytes. In a task of clone(2), where the libc registers
 * threads, it is the libc's area instead, until the task ends; who asks again is told what
 * threads of the libc are. 0 where it is registered (now, or by an owner before), else
 * -errno:
 *   -22 (EINVAL)  another area is registered for this thread, as by the libc
 *   -38 (ENOSYS), -1 (EPERM)  the kernel has no sys_rseq, or denies it
 *   -2 (ENOENT)   nobody defines __rseq_abi
 * A refusal is written to cpu_id, for all who share it. Async-signal-safe; errno is
 * left alone. It does not count: who shares threads with others calls
 * rseq_shim_register_current_thread() instead, where that is there.
 */
RSEQ_ABI_INLINE int rseq_abi_register_current_thread(void)
{
	struct rseq_abi_area *area = rseq_abi_symbol();
	long result;

	if (area && rseq_abi_is_kept(area))
		return 0;
	if (rseq_abi_register_for_libc())
		return 0;
	if (!area)
		return -2;
	result = rseq_abi_call(RSEQ_ABI_SYSCALL, (unsigned long)area,
			       RSEQ_ABI_ORIGINAL_LENGTH, 0UL, RSEQ_ABI_SIGNATURE);
	if (result == 0 || result == -16) /* EBUSY: a signal handler came first */
		return 0;
	*(volatile rseq_abi_u32 *)&area->cpu_id = RSEQ_ABI_CPU_REFUSED;
	return (int)result;
}

/* Gives the registration of rseq_abi_register_current_thread back: 0 or -errno. */
RSEQ_ABI_INLINE int rseq_abi_unregister_current_thread(void)
{
	struct rseq_abi_area *area = rseq_abi_symbol();

	if (!area)
		return -2;
	return (int)rseq_abi_call(RSEQ_ABI_SYSCALL, (unsigned long)area,
				  RSEQ_ABI_ORIGINAL_LENGTH, RSEQ_ABI_UNREGISTER,
				  RSEQ_ABI_SIGNATURE);
}

#endif /* RSEQ_ABI_HAS_ACCESS */

#ifdef __cplusplus
}
#endif

#endif
