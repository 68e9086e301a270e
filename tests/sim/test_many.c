#include "many.c"
