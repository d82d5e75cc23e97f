/* Creates a thread, and refers to nothing else of the libc's that brings threads along. */
#include <rseq_abi.h>

#include <pthread.h>
#include <stdio.h>

static int registered;

static void *thread(void *unused)
{
	registered = rseq_abi_is_registered();
	return unused;
}

int main(void)
{
	pthread_t id;

	if (pthread_create(&id, NULL, thread, NULL) || pthread_join(id, NULL))
		return 1;
	printf("main %d, thread %d\n", rseq_abi_is_registered(), registered);
	return 0;
}
