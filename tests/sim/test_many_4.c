/* Simulated days, part 4 of the seeds: see many.c. */
#define SIM_PART 3
#include "many.c"
