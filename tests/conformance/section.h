// Critical sections in assembly: one counts on the CPU that the thread runs on,
// one waits.
#ifndef SECTION_H
#define SECTION_H

#include <stdint.h>

#include "../fixtures/ask.h"

#ifdef __x86_64__
enum { HAS_SECTIONS = 1 };

#define SECTION_DESCRIPTOR                        \
	".pushsection __rseq_cs, \"aw\"\n\t"      \
	".balign 32\n"                            \
	"3:\n\t"                                  \
	".long 0, 0\n\t"                          \
	".quad 1f, 2f - 1f, 4f\n\t"               \
	".popsection\n\t"                         \
	"leaq 3b(%%rip), %%rax\n\t"               \
	"movq %%rax, 8(%[area])\n"                \
	"1:\n\t"

// ud1, with the signature as its operand, before the abort handler
#define SECTION_ABORT                             \
	".pushsection __rseq_failure, \"ax\"\n\t" \
	".byte 0x0f, 0xb9, 0x3d\n\t"              \
	".long 0x53053053\n"                      \
	"4:\n\t"                                  \
	"jmp %l[aborted]\n\t"                     \
	".popsection"

// Adds 1 at *base + offset, unless the thread is interrupted or not on `cpu`.
// It waits between load and store, so that it is often interrupted.
static inline int section_add(struct area *area, uint32_t cpu, char **base, long offset,
			      long dawdle)
{
	__asm__ goto(SECTION_DESCRIPTOR
		     "cmpl %[cpu], 4(%[area])\n\t"
		     "jnz 4f\n\t"
		     "movq (%[base]), %%rcx\n\t"
		     "addq %[offset], %%rcx\n\t"
		     "movq (%%rcx), %%rax\n\t"
		     "movq %[dawdle], %%rdx\n"
		     "5:\n\t"
		     "subq $1, %%rdx\n\t"
		     "jg 5b\n\t"
		     "addq $1, %%rax\n\t"
		     "movq %%rax, (%%rcx)\n"
		     "2:\n\t" SECTION_ABORT
		     :
		     : [area] "r"(area), [cpu] "r"(cpu), [base] "r"(base), [offset] "r"(offset),
		       [dawdle] "r"(dawdle)
		     : "rax", "rcx", "rdx", "memory", "cc"
		     : aborted);
	return 1;
aborted:
	return 0;
}

// Sets *inside and loops `turns` times. Returns 1 if nothing interrupted it.
static inline int section_wait(struct area *area, volatile int *inside, long turns)
{
	__asm__ goto(SECTION_DESCRIPTOR
		     "movl $1, (%[inside])\n\t"
		     "movq %[turns], %%rdx\n"
		     "5:\n\t"
		     "pause\n\t"
		     "subq $1, %%rdx\n\t"
		     "jg 5b\n"
		     "2:\n\t" SECTION_ABORT
		     :
		     : [area] "r"(area), [inside] "r"(inside), [turns] "r"(turns)
		     : "rax", "rdx", "memory", "cc"
		     : aborted);
	return 1;
aborted:
	return 0;
}
#elif defined(__aarch64__)
enum { HAS_SECTIONS = 1 };

#define SECTION_DESCRIPTOR                        \
	".pushsection __rseq_cs, \"aw\"\n\t"      \
	".balign 32\n"                            \
	"3:\n\t"                                  \
	".long 0, 0\n\t"                          \
	".quad 1f, 2f - 1f, 4f\n\t"               \
	".popsection\n\t"                         \
	"adrp x9, 3b\n\t"                         \
	"add x9, x9, :lo12:3b\n\t"                \
	"str x9, [%[area], #8]\n"                 \
	"1:\n\t"

// The signature is an instruction that nothing runs into: brk #0x45e0.
#define SECTION_ABORT                             \
	".pushsection __rseq_failure, \"ax\"\n\t" \
	".inst 0xd428bc00\n"                      \
	"4:\n\t"                                  \
	"b %l[aborted]\n\t"                       \
	".popsection"

// Adds 1 at *base + offset, unless the thread is interrupted or not on `cpu`.
// It waits between load and store, so that it is often interrupted.
static inline int section_add(struct area *area, uint32_t cpu, char **base, long offset,
			      long dawdle)
{
	__asm__ goto(SECTION_DESCRIPTOR
		     "ldr w10, [%[area], #4]\n\t"
		     "cmp w10, %w[cpu]\n\t"
		     "b.ne %l[aborted]\n\t"
		     "ldr x10, [%[base]]\n\t"
		     "add x10, x10, %[offset]\n\t"
		     "ldr x9, [x10]\n\t"
		     "mov x11, %[dawdle]\n"
		     "5:\n\t"
		     "subs x11, x11, #1\n\t"
		     "b.gt 5b\n\t"
		     "add x9, x9, #1\n\t"
		     "str x9, [x10]\n"
		     "2:\n\t" SECTION_ABORT
		     :
		     : [area] "r"(area), [cpu] "r"(cpu), [base] "r"(base), [offset] "r"(offset),
		       [dawdle] "r"(dawdle)
		     : "x9", "x10", "x11", "memory", "cc"
		     : aborted);
	return 1;
aborted:
	return 0;
}

// Sets *inside and loops `turns` times. Returns 1 if nothing interrupted it.
static inline int section_wait(struct area *area, volatile int *inside, long turns)
{
	__asm__ goto(SECTION_DESCRIPTOR
		     "mov w9, #1\n\t"
		     "str w9, [%[inside]]\n\t"
		     "mov x11, %[turns]\n"
		     "5:\n\t"
		     "subs x11, x11, #1\n\t"
		     "b.gt 5b\n"
		     "2:\n\t" SECTION_ABORT
		     :
		     : [area] "r"(area), [inside] "r"(inside), [turns] "r"(turns)
		     : "x9", "x11", "memory", "cc"
		     : aborted);
	return 1;
aborted:
	return 0;
}
#elif defined(__s390x__)
enum { HAS_SECTIONS = 1 };

#define SECTION_DESCRIPTOR                        \
	".pushsection __rseq_cs, \"aw\"\n\t"      \
	".balign 32\n"                            \
	"3:\n\t"                                  \
	".long 0, 0\n\t"                          \
	".quad 1f, 2f - 1f, 4f\n\t"               \
	".popsection\n\t"                         \
	"larl %%r1, 3b\n\t"                       \
	"stg %%r1, 8(%[area])\n"                  \
	"1:\n\t"

// The signature traps where it is run into.
#define SECTION_ABORT                             \
	".pushsection __rseq_failure, \"ax\"\n\t" \
	".long 0xb2ff0fff\n"                      \
	"4:\n\t"                                  \
	"jg %l[aborted]\n\t"                      \
	".popsection"

// Adds 1 at *base + offset, unless the thread is interrupted or not on `cpu`.
// It waits between load and store, so that it is often interrupted.
static inline int section_add(struct area *area, uint32_t cpu, char **base, long offset,
			      long dawdle)
{
	__asm__ goto(SECTION_DESCRIPTOR
		     "l %%r1, 4(%[area])\n\t"
		     "cr %%r1, %[cpu]\n\t"
		     "jgne %l[aborted]\n\t"
		     "lg %%r1, 0(%[base])\n\t"
		     "agr %%r1, %[offset]\n\t"
		     "lg %%r2, 0(%%r1)\n\t"
		     "lgr %%r3, %[dawdle]\n"
		     "5:\n\t"
		     "aghi %%r3, -1\n\t"
		     "jh 5b\n\t"
		     "aghi %%r2, 1\n\t"
		     "stg %%r2, 0(%%r1)\n"
		     "2:\n\t" SECTION_ABORT
		     :
		     : [area] "a"(area), [cpu] "d"(cpu), [base] "a"(base), [offset] "d"(offset),
		       [dawdle] "d"(dawdle)
		     : "r1", "r2", "r3", "memory", "cc"
		     : aborted);
	return 1;
aborted:
	return 0;
}

// Sets *inside and loops `turns` times. Returns 1 if nothing interrupted it.
static inline int section_wait(struct area *area, volatile int *inside, long turns)
{
	__asm__ goto(SECTION_DESCRIPTOR
		     "lhi %%r1, 1\n\t"
		     "st %%r1, 0(%[inside])\n\t"
		     "lgr %%r3, %[turns]\n"
		     "5:\n\t"
		     "aghi %%r3, -1\n\t"
		     "jh 5b\n"
		     "2:\n\t" SECTION_ABORT
		     :
		     : [area] "a"(area), [inside] "a"(inside), [turns] "d"(turns)
		     : "r1", "r3", "memory", "cc"
		     : aborted);
	return 1;
aborted:
	return 0;
}
#else
// No assembly for this architecture yet: the questions are skipped.
enum { HAS_SECTIONS = 0 };

static inline int section_add(struct area *area, uint32_t cpu, char **base, long offset,
			      long dawdle)
{
	(void)area, (void)cpu, (void)base, (void)offset, (void)dawdle;
	return 0;
}

static inline int section_wait(struct area *area, volatile int *inside, long turns)
{
	(void)area, (void)inside, (void)turns;
	return 0;
}
#endif

#endif
