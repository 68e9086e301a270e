/* A simulated stretch of collecting, on one seed: emulated platforms, the real collector, the real record, a store on SQLite, a virtual clock. Weather, hostile
 * answers, items that vanish and come back, counts that fall, tokens that expire, a wall clock that steps, and the process killed in the middle: its
 * file is taken as it lies there, and a new life begins with it. The same seed gives the same record. */
#ifndef NILO_TESTS_SIM_DAY_H
#define NILO_TESTS_SIM_DAY_H

#include "support/nilo_test.h"

#include "emulator/emulator.h"

/* Ways to cheat, to see that the checks notice: each stands for a bug of the program. */
enum sim_cheat {
    SIM_HONEST,
    SIM_VALUE_OFF_BY_ONE,   /* a count is recorded wrongly */
    SIM_OTHER_ITEM,         /* two items' counts are swapped */
    SIM_BASE_REWRITTEN,     /* a closed day's base is changed */
    SIM_TOTAL_WRONG,        /* a derived row is wrong */
    SIM_ABSENT_IS_ZERO,     /* hidden likes become 0 */
    SIM_GONE_WRONGLY,       /* an item that is there is marked as deleted */
    SIM_LOST_CHUNK,         /* readings of a committed run are lost */
    SIM_TOO_FAST,           /* a Retry-After is not waited for */
    SIM_RUN_LEFT_OPEN,      /* a run never ends */
    SIM_CHEATS
};

struct sim_result {
    char record[65];  /* SHA-256 of all observations and day values */
    int64_t observations, days_closed, kills, runs, requests, failed_requests;
    int broken;       /* invariants */
    char what[512];   /* the first of them */
};

/** sim_day - `hours` of it; fails the running test only where the harness itself cannot go on
 *  ids      seed of the program's own chance; the same as `seed`, but to see that it matters
 *  noticed  NULL, or: afterwards each cheat is tried on a copy of the record; did the checks find it? */
void sim_day(uint64_t seed, uint64_t ids, int hours, struct sim_result *ret, bool noticed[SIM_CHEATS]);

#endif
