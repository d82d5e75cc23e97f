// With how many bytes the area is registered, by the kernel's own word: it
// answers EBUSY to the same registration, and to no other.
//
// length<TAB>NUMBER, or "-" where nobody has registered the area that clients
// are told of.
#define _GNU_SOURCE
#include "../conformance/conformance.h"

#ifdef WIDE
// An area that asks for more than the 32 bytes of old.
__thread union {
	struct area area;
	char bytes[64];
} __rseq_abi __attribute__((aligned(64), tls_model("initial-exec"))) = { { .cpu_id = -1U } };
#endif

int main(void)
{
	struct area *area = known_area();

	begin();
	if (area == NULL || holder_of(&nobodys_area) != FOREIGN) {
		puts("length\t-");
		return 0;
	}
	for (uint32_t length = 32; length <= 256; length++)
		if (ask(area, length, 0) == EBUSY) {
			printf("length\t%u\n", length);
			return 0;
		}
	puts("length\tanother area");
	return 0;
}
