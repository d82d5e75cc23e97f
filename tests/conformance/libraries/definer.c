// Defines __rseq_abi, and may be unloaded.
#define AREA definer_area
#include "definer.h"
