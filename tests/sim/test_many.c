/* Simulated days on many seeds, a day and a bit each. SIM_FIRST and SIM_SEEDS choose others (SIM_SEEDS=200), SIM_TELL=1 says all
 * that is broken and not only the first, SIM_TRACE=1 what happens, SIM_KEEP=FILE keeps the store as it was when something broke first. */
#include "sim/day.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEEDS 19
#define HOURS 30

static int64_t number(const char *name, int64_t otherwise)
{
    const char *text = getenv(name);
    return text ? strtoll(text, NULL, 10) : otherwise;
}

static void many_days_pass_and_nothing_breaks(void **state)
{
    (void)state;
    uint64_t from = (uint64_t)number("SIM_FIRST", 1), n = (uint64_t)number("SIM_SEEDS", SEEDS);
    struct sim_result sum = {0};
    int wrong = 0;
    for (uint64_t seed = from; seed < from + n; seed++) {
        struct sim_result r;
        sim_day(&(struct sim_options){seed, seed, HOURS, false}, &r, NULL);
        if (r.broken) {
            print_error("seed %" PRIu64 ": %d broken, first: %s\n", seed, r.broken, r.what);
            wrong++;
        }
        sum.kills += r.kills;
        sum.disk_faults += r.disk_faults;
        sum.taken_over += r.taken_over;
        sum.requests += r.requests;
        sum.asked += r.asked;
        sum.observations += r.observations;
    }
    print_message("# seeds %" PRIu64 " to %" PRIu64 ": %" PRId64 " requests, %" PRId64 " readings, %" PRId64 " kills, %" PRId64 " failures of the disk, %" PRId64
                  " take-overs, %" PRId64 " questions\n", from, from + n - 1, sum.requests, sum.observations, sum.kills, sum.disk_faults, sum.taken_over, sum.asked);
    assert_int_equal(wrong, 0);
    if (n >= SEEDS)
        assert_true(sum.kills >= 20 && sum.disk_faults >= 10 && sum.taken_over >= 3); /* it was no quiet time */
}

int main(void)
{
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 1); /* a commit need not wait for a disk: what the disk does wrong is simulated */
    const struct CMUnitTest tests[] = {cmocka_unit_test(many_days_pass_and_nothing_breaks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
