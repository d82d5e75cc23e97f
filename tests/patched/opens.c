/* Opens a library that defines __rseq_abi, and says what comes of it. Linked
 * statically, with the glibc that it loads for the library beside it.
 */
#include <dlfcn.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	void *library = argc > 1 ? dlopen(argv[1], RTLD_NOW | RTLD_GLOBAL) : NULL;

	if (library) {
		puts("opened");
		return 0;
	}
	puts(dlerror());
	return 1;
}
