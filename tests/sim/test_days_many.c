/* Many seeds, a day and a bit each; SIM_FIRST and SIM_SEEDS choose others, SIM_TELL=1 says all that is broken and not only the first. */
#include "sim/day.h"

#include <stdlib.h>

static void many_days_pass_and_nothing_breaks(void **state)
{
    (void)state;
    const char *first = getenv("SIM_FIRST"), *seeds = getenv("SIM_SEEDS");
    uint64_t from = first ? strtoull(first, NULL, 10) : 100, n = seeds ? strtoull(seeds, NULL, 10) : 20;
    int wrong = 0;
    for (uint64_t seed = from; seed < from + n; seed++) {
        struct sim_result r;
        sim_day(seed, seed, 30, &r, NULL);
        if (r.broken) {
            print_error("seed %llu: %d broken, first: %s\n", (unsigned long long)seed, r.broken, r.what);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(many_days_pass_and_nothing_breaks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
