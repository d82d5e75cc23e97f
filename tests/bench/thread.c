/* As small.c, with a thread-local variable. */
__thread int count;

int next(void)
{
	return ++count;
}
