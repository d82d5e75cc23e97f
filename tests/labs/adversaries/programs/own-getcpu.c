// A program's own function that happens to be called getcpu.
#include <stdio.h>

__attribute__((noinline)) int getcpu(const char *name, int *many)
{
	*many += 1;
	return name[0];
}

int main(void)
{
	int counts[3] = { 7, 7, 7 };
	int (*volatile call)(const char *, int *) = getcpu;
	int answer = call("abc", &counts[1]);

	printf("%d: %d %d %d\n", answer, counts[0], counts[1], counts[2]);
	return 0;
}
