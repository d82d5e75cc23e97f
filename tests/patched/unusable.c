/* Defines an __rseq_abi that nobody can register (-DTOO_SMALL, -DMISALIGNED,
 * -DNO_TLS, -DAT_THE_END of the TLS block), and says whether glibc registers an area of its own instead, in the
 * main thread and in a new one, and leaves the definition alone.
 */
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>

#include "../fixtures/ask.h"

#if defined TOO_SMALL
#define TYPE "@tls_object"
#define SECTION ".section .tdata,\"awT\",@progbits"
#define BEFORE "0"
#define SIZE "16"
#elif defined MISALIGNED
#define TYPE "@tls_object"
#define SECTION ".section .tdata,\"awT\",@progbits"
#define BEFORE "8"
#define SIZE "32"
#elif defined NO_TLS
#define TYPE "@object"
#define SECTION ".section .data,\"aw\",@progbits"
#define BEFORE "0"
#define SIZE "32"
#endif

#ifdef AT_THE_END
/* A common variable is laid out last: what is written behind it is not the
 * program's. */
#define INITIAL 0
__asm__(".tls_common __rseq_abi, 16, 32\n");
#else
#define INITIAL -1
__asm__(SECTION "\n"
	".balign 32\n"
	".zero " BEFORE "\n"
	".globl __rseq_abi\n"
	".type __rseq_abi, " TYPE "\n"
	".size __rseq_abi, " SIZE "\n"
	"__rseq_abi: .long 0, -1, 0, 0, 0, 0, 0, 0\n"
	".previous\n");
#endif

#ifdef NO_TLS
extern int __rseq_abi[8];
#else
extern __thread int __rseq_abi[8] __attribute__((tls_model("local-exec")));
#endif
extern const ptrdiff_t __rseq_offset;
extern const unsigned __rseq_size;

static void *look(void *name)
{
	char *pointer;

	__asm__("mov %%fs:0, %0" : "=r"(pointer));

	struct area *area = (struct area *)(pointer + __rseq_offset);
	int is_another = (char *)area != (char *)__rseq_abi;
	int registered = __rseq_size != 0 && (int)*(volatile uint32_t *)&area->cpu_id >= 0;

	printf("%s: %s, %s\n", (char *)name,
	       is_another && registered ? "registered elsewhere" : "not registered",
	       __rseq_abi[1] == INITIAL ? "left alone" : "written to");
	return NULL;
}

int main(void)
{
	pthread_t thread;

	look("main");
	if (pthread_create(&thread, NULL, look, "thread"))
		return 3;
	return pthread_join(thread, NULL);
}
