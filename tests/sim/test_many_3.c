/* Simulated days, part 3 of the seeds: see many.c. */
#define SIM_PART 2
#include "many.c"
