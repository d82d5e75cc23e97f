// Under SECCOMP_MODE_STRICT every call but read, write, _exit and sigreturn kills.
// The dynamic linker makes none for what is open already.
//
//     strict PLUGIN null|noload|again|symbol
#include <dlfcn.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int count, char **arguments)
{
	void *plugin = dlopen(arguments[1], RTLD_NOW), *found = NULL;
	const char *way = arguments[count - 1];

	if (!plugin || !dlopen(NULL, RTLD_NOW))
		return 3;
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
	if (!strcmp(way, "null"))
		found = dlopen(NULL, RTLD_NOW);
	else if (!strcmp(way, "noload"))
		found = dlopen(arguments[1], RTLD_NOW | RTLD_NOLOAD);
	else if (!strcmp(way, "again"))
		found = dlopen(arguments[1], RTLD_NOW);
	else
		found = dlsym(plugin, "plugin");
	if (found && !strcmp(way, "again"))
		dlclose(found);
	syscall(SYS_exit, found ? 0 : 1);
}
