/* The source cut off after each of its messages: see cut_rounds.c. */
#include "collect/cut_rounds.h"

int main(void)
{
    return cut_rounds(1);
}
