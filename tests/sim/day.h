/* A simulated stretch of collecting, on one seed: emulated platforms, the real scheduler, collector, tokens, record and read path, a virtual clock. Weather,
 * hostile answers, items that vanish and come back, counts that fall, tokens that expire, a wall clock that steps and one that is changed in summer; a
 * disk that is full, broken or writes half; a machine that sleeps; the process killed between a request and its answer, before what it says is recorded, and at
 * any write; and one that stands still while another takes over. The same seed gives the same requests at the same times and the same record. */
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

struct sim_options {
    uint64_t seed;
    uint64_t ids;  /* seed of the program's own chance; the same as `seed`, but to see that it matters */
    int hours;
    bool postgres; /* else SQLite. Without schedules: leases run by the server's clock, which is the real one */
};

struct sim_result {
    char record[65]; /* SHA-256 of the whole record */
    char trace[65];  /* of all that happened, in its order: requests with their times, answers, faults, kills */
    int64_t observations, days_closed, kills, disk_faults, taken_over, runs, requests, retries, slots, renewed, asked, faults[16];
    int broken;      /* invariants */
    char what[512];  /* the first of them */
};

/** sim_day - fails the running test only where the harness itself cannot go on; skips it without PostgreSQL
 *  noticed  NULL, or (SQLite): afterwards each cheat is tried on a copy of the record; did the checks find it? */
void sim_day(const struct sim_options *options, struct sim_result *ret, bool noticed[SIM_CHEATS]);

#endif
