// How many bytes of stack a call of dlopen and one of dlclose need, by the place
// that was written to furthest down: the largest number of several measurements.
//
//     depth FOLDER
#include <pthread.h>
#include <stdint.h>

#include "plugins.h"

enum { SIZE = 512 * 1024, BELOW = 256 * 1024 };

static const char *folder;

static __attribute__((noinline)) uintptr_t here(void)
{
	return (uintptr_t)__builtin_frame_address(0);
}

static unsigned char stack[SIZE] __attribute__((aligned(4096)));

static void *measure(void *most)
{
	for (int round = 0; round < 10; round++) {
		unsigned char *top = (unsigned char *)here() - 256;
		unsigned char *bottom = top - BELOW;

		// not memset: its own frame would be in the way
		for (volatile unsigned char *place = bottom; place < top; place++)
			*place = 0xa7;
		dlclose(opened(folder, round / 2));
		while (*bottom == 0xa7)
			bottom++;
		if (top + 256 - bottom > *(long *)most)
			*(long *)most = top + 256 - bottom;
	}
	return NULL;
}

int main(int count, char **arguments)
{
	pthread_attr_t attributes;
	pthread_t thread;
	long most = 0;

	(void)count;
	folder = arguments[1];
	pthread_attr_init(&attributes);
	pthread_attr_setstack(&attributes, stack, sizeof stack);
	if (pthread_create(&thread, &attributes, measure, &most))
		return 3;
	pthread_join(thread, NULL);
	printf("%ld\n", most);
	return most == 0;
}
