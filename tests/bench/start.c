/* A trivial program, to be started. */
int main(void)
{
	return 0;
}
