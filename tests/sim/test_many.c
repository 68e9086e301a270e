/* Simulated days on many seeds, a day and a bit each: test_sim_many [FIRST N]. Each tenth is lived once more and has to be the same in every row and request.
 * SIM_FIRST and SIM_SEEDS choose others, SIM_TELL=1 says all that is broken and not only the first, SIM_TRACE=1 what happens, SIM_KEEP=FILE keeps
 * the store as it was when something broke first. */
#include "sim/day.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEEDS  50
#define HOURS  30
#define REPLAY 10

static uint64_t first = 1, seeds = SEEDS;

static int64_t number(const char *name, int64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoll(text, NULL, 10) : otherwise;
}

static bool replays(uint64_t seed, const struct sim_result *was)
{
    struct sim_result now;
    sim_day(&(struct sim_options){seed, seed, HOURS, false}, &now, NULL);
    return strcmp(now.record, was->record) == 0 && strcmp(now.trace, was->trace) == 0;
}

static void many_days_pass_and_nothing_breaks(void **state)
{
    (void)state;
    struct sim_result sum = {0};
    int wrong = 0, replayed = 0;
    for (uint64_t seed = first; seed < first + seeds; seed++) {
        struct sim_result r;
        sim_day(&(struct sim_options){seed, seed, HOURS, false}, &r, NULL);
        if (r.broken) {
            print_error("seed %" PRIu64 ": %d broken, first: %s\n", seed, r.broken, r.what);
            wrong++;
        }
        if (seed % REPLAY == 0 && !replays(seed, &r)) {
            print_error("seed %" PRIu64 ": another day when it was lived again\n", seed);
            wrong++;
        }
        replayed += seed % REPLAY == 0;
        sum.kills += r.kills;
        sum.disk_faults += r.disk_faults;
        sum.taken_over += r.taken_over;
        sum.requests += r.requests;
        sum.asked += r.asked;
        sum.observations += r.observations;
    }
    print_message("# seeds %" PRIu64 " to %" PRIu64 ": %" PRId64 " requests, %" PRId64 " readings, %" PRId64 " kills, %" PRId64 " failures of the disk, %" PRId64
                  " take-overs, %" PRId64 " questions, %d days lived again\n",
                  first, first + seeds - 1, sum.requests, sum.observations, sum.kills, sum.disk_faults, sum.taken_over, sum.asked, replayed);
    assert_int_equal(wrong, 0);
    if (seeds >= SEEDS) /* it was no quiet time */
        assert_true(sum.kills >= 100 && sum.disk_faults >= 100 && sum.taken_over >= 10 && replayed > 0);
}

int main(int argc, char **argv)
{
    first = (uint64_t)number("SIM_FIRST", argc == 3 ? strtoll(argv[1], NULL, 10) : 1);
    seeds = (uint64_t)number("SIM_SEEDS", argc == 3 ? strtoll(argv[2], NULL, 10) : SEEDS);
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 1); /* a commit need not wait for a disk: what the disk does wrong is simulated */
    const struct CMUnitTest tests[] = {cmocka_unit_test(many_days_pass_and_nothing_breaks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
