#define SIM_PART 1
#include "many.c"
