#define SIM_PART 2
#include "many.c"
