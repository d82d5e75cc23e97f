/* Executes itself once more, and does nothing then: what one exec on top takes. */
#include <unistd.h>

int main(int count, char **words, char **variables)
{
	char *more[] = { words[0], "again", 0 };

	if (count > 1)
		return 0;
	execve("/proc/self/exe", more, variables);
	return 1;
}
