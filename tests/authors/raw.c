/* A task that clone(2) has made with thread-local storage of its own, as the libc lays it
 * out, but that the libc has not started: what the header says of it, and what the kernel
 * does. The libc's area of it is zero, which reads like CPU 0. */
#define _GNU_SOURCE
#include <rseq_abi.h>

#include <dlfcn.h>
#include <linux/futex.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef DEFINE
RSEQ_ABI_DEFINE;
#endif

#ifdef LIBRARY
/* The crate: 1 where the thread was registered while it counted. */
int adopts_count(void);
#define register_current_thread adopts_count
#elif defined(OWNED)
#include <rseq_shim.h>
#define register_current_thread rseq_shim_register_current_thread
#else
#define register_current_thread rseq_abi_register_current_thread
#endif

static int before, answer, after, kept, again;
static pid_t running;

/* Whether the kernel has this area and length: the wrong signature is refused with
 * EPERM where all else is right. */
static int is_kept(struct rseq_abi_area *area)
{
	unsigned long length = rseq_abi_libc_size > 32 ? rseq_abi_libc_size : 32;

	return area && (rseq_abi_call(RSEQ_ABI_SYSCALL, (unsigned long)area, 32,
				      RSEQ_ABI_UNREGISTER, 1) == -1 ||
			rseq_abi_call(RSEQ_ABI_SYSCALL, (unsigned long)area, length,
				      RSEQ_ABI_UNREGISTER, 1) == -1);
}

static int in_task(void *unused)
{
	(void)unused;
	before = rseq_abi_is_registered();
	answer = register_current_thread();
	after = rseq_abi_is_registered();
	kept = is_kept(rseq_abi_registered());
	again = register_current_thread();
	return 0;
}

int main(void)
{
	enum { STACK = 1 << 18 };
	const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
			  CLONE_SYSVSEM | CLONE_SETTLS | CLONE_PARENT_SETTID |
			  CLONE_CHILD_CLEARTID;
	void *(*allocate)(void *);
	char *stack;
	void **tls;

	*(void **)&allocate = dlsym(RTLD_DEFAULT, "_dl_allocate_tls");
	stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!allocate || stack == MAP_FAILED)
		return 2;
	tls = allocate(NULL);
	if (!tls)
		return 3;
#ifdef __x86_64__
	/* the thread pointer twice, and the guards of stack and pointers (tcbhead_t) */
	tls[0] = tls[2] = tls;
	memcpy(tls + 5, (void **)rseq_abi_thread_pointer() + 5, 2 * sizeof *tls);
#endif
	printf("main register %d, ", register_current_thread());
	printf("the kernel %d\n", is_kept(rseq_abi_registered()));
	running = 1;
	if (clone(in_task, stack + STACK, flags, NULL, &running, tls, &running) < 0)
		return 4;
	while (*(volatile pid_t *)&running) {
		pid_t seen = *(volatile pid_t *)&running;

		if (seen)
			syscall(SYS_futex, &running, FUTEX_WAIT, seen, NULL, NULL, 0);
	}
	printf("task %d, register %d, after %d, the kernel %d, again %d\n", before, answer, after,
	       kept, again);
	return 0;
}
