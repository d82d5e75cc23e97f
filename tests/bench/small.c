/* A library with next to nothing in it, for cost.c to open and close. */
int small(void)
{
	return 1;
}
