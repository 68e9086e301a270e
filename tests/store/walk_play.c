/* Walks of many operations: comparing on the way, and finding the first operation after which something is other. */
#include "store/walk_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Every so many operations all is compared; often at first, when comparing is cheap. */
static int stride(int op)
{
    return op <= 40 ? 4 : op <= 400 ? 20 : 100;
}

/* Plays ops operations, comparing at the given stride (0: as above). Returns the last good operation, ops when all are. */
static int play(struct stores *s, uint64_t seed, int ops, int world, int from, int every, char difference[1400])
{
    struct walk *w = walk_new(s, seed, world);
    int good = from;
    if (!w) {
        printf("# skipped: there is no such engine here\n");
        skip();
        return ops;
    }
    bool fine = true;
    for (int op = 1; op <= ops && fine; op++) {
        bool look = op > from && (op == ops || op % (every ? every : stride(op)) == 0);
        fine = walk_step(w) && (!look || (walk_compare(w) && (op % 7 || walk_rebuild(w))));
        fine = fine && (op < ops || walk_verify(w));
        if (fine && look)
            good = op;
        if (!fine)
            snprintf(difference, 1400, "seed %" PRIu64 ", operation %d (%s): %s", seed, op, w->what, w->difference);
    }
    walk_free(w);
    return fine ? ops : good;
}

void walk_all(struct stores *s, uint64_t seed, int ops)
{
    const char *one = getenv("NILO_WALK");
    if (one && sscanf(one, "%" SCNu64 " %d", &seed, &ops) != 2)
        fail_msg("NILO_WALK is not \"seed operations\"");
    char difference[1400] = "";
    int good = play(s, seed, ops, ops, 0, 0, difference);
    if (good == ops)
        return;
    /* again from the last good one, looking after every operation: the first bad one is told */
    print_error("%s\n", difference);
    if (play(s, seed, good + 101 < ops ? good + 101 : ops, ops, good, 1, difference) < good + 101)
        print_error("first seen at %s\n", difference);
    fail();
}

