#define SIM_PART 3
#include "many.c"
