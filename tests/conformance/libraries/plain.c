// Has nothing to do with rseq.
int plain_answer(void)
{
	return 42;
}
