// Many plug-ins, FOLDER/0.so and so on: each is a new file for whoever looks.
#ifndef PLUGINS_H
#define PLUGINS_H

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

enum { PLUGINS = 100 };

// Opens the one of this number and calls it; anything else ends the program.
static inline void *opened(const char *folder, int number)
{
	char path[4096];
	void *handle;
	int (*function)(void);

	snprintf(path, sizeof path, "%s/%d.so", folder, number % PLUGINS);
	handle = dlopen(path, RTLD_NOW);
	function = handle ? dlsym(handle, "plugin") : NULL;
	if (!function || function() != 3) {
		fputs(handle ? "not what was loaded\n" : dlerror(), stderr);
		_Exit(3);
	}
	return handle;
}

#endif
