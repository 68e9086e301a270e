/* generate V D FILE: makes the data set of workload W. */
#include <stdio.h>
#include <stdlib.h>

#include "w.h"

const struct client client = {.name = "generate"};

int main(int argc, char **argv)
{
    long videos = argc == 4 ? strtol(argv[1], NULL, 10) : 0, days = argc == 4 ? strtol(argv[2], NULL, 10) : 0;
    if (videos < W_PER_OWNER || videos > 1000000 || days < W_WINDOW || days > 3650) {
        fprintf(stderr, "usage: %s V D FILE, V from %d to 1000000 videos, D from %d to 3650 days\n", argv[0], W_PER_OWNER, W_WINDOW);
        return 2;
    }
    if (!w_generate(argv[3], (uint32_t)videos, (uint32_t)days)) {
        perror(argv[3]);
        return 1;
    }
    return 0;
}
