/* Simulated days, part 2 of the seeds: see many.c. */
#define SIM_PART 1
#include "many.c"
