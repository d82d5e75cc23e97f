/* A second one, as a library that is linked in may bring it. */
#include <rseq_abi.h>

RSEQ_ABI_DEFINE;
