// Copies of one library, each in a file of its own: to the dynamic linker each is
// another library.
#ifndef COPIES_H
#define COPIES_H

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "conformance.h"

static char copies_folder[PATH_MAX];

static inline const char *library_path(const char *name)
{
	static char text[PATH_MAX];
	const char *home = getenv("CONFORMANCE_HOME");

	snprintf(text, sizeof text, "%s/%s.so", home ? home : ".", name);
	return text;
}

// Makes a folder for copies. Returns 0, or -1 where none can be made.
static inline int copies_begin(void)
{
	const char *places[] = { getenv("TMPDIR"), "/tmp", "/" };

	for (int i = 0; i < 3; i++) {
		if (places[i] == NULL)
			continue;
		snprintf(copies_folder, sizeof copies_folder, "%s/conformance-XXXXXX", places[i]);
		if (mkdtemp(copies_folder))
			return 0;
	}
	return -1;
}

static inline const char *copy_path(int number)
{
	static char text[PATH_MAX + 32];

	snprintf(text, sizeof text, "%s/copy%d.so", copies_folder, number);
	return text;
}

static inline int copy_library(const char *name, int number)
{
	static char block[1 << 16];
	int from = open(library_path(name), O_RDONLY | O_CLOEXEC), failed = -1;
	int to = open(copy_path(number), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);

	if (from >= 0 && to >= 0) {
		ssize_t got;

		failed = 0;
		while ((got = read(from, block, sizeof block)) > 0)
			failed |= write(to, block, (size_t)got) != got;
	}
	close(from);
	close(to);
	return failed;
}

static inline void copies_end(int many)
{
	for (int i = 0; i < many; i++)
		unlink(copy_path(i));
	rmdir(copies_folder);
}

#endif
