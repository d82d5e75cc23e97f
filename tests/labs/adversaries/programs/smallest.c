// Threads on the smallest stack there is.
#include <limits.h>
#include <pthread.h>
#include <stdio.h>

static void *work(void *number)
{
	char text[32];

	snprintf(text, sizeof text, "%ld", (long)number);
	return number;
}

int main(void)
{
	pthread_attr_t attributes;
	long sum = 0;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, PTHREAD_STACK_MIN);
	for (long i = 0; i < 100; i++) {
		pthread_t thread;
		void *answer;

		if (pthread_create(&thread, &attributes, work, (void *)i)) {
			puts("no thread");
			return 1;
		}
		pthread_join(thread, &answer);
		sum += (long)answer;
	}
	printf("%ld\n", sum);
	return 0;
}
