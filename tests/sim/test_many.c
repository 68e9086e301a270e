/* Simulated days, the first part of the seeds: see many.c. */
#include "many.c"
