/* Does nothing, but brings an area of its own as a statically linked TCMalloc does: hidden,
 * and with critical sections. */
__attribute__((visibility("hidden"), aligned(32))) __thread unsigned __rseq_abi[8];
__asm__(".pushsection __rseq_cs, \"aw\"\n.balign 32\n.fill 4, 8, 0\n.popsection");

int main(void)
{
	return __rseq_abi[0] == 1;
}
