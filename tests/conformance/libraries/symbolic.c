// Defines __rseq_abi for itself: nobody can take its place.
//
//! cc: -Wl,-Bsymbolic
#define AREA symbolic_area
#include "definer.h"
