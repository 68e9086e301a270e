/* Simulated days over PostgreSQL: the same weather and kills, at each of which the server cuts the connection off. */
#include "sim/day.h"

#include <stdlib.h>
#include <string.h>

#define SEEDS 6
#define HOURS 30

static void days_pass_on_postgresql_and_nothing_breaks(void **state)
{
    (void)state;
    int64_t kills = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct sim_result r;
        sim_day(&(struct sim_options){seed, seed, HOURS, true}, &r, NULL);
        if (r.broken)
            fail_msg("seed %d: %d broken, first: %s", (int)seed, r.broken, r.what);
        kills += r.kills;
    }
    assert_true(kills > SEEDS);
}

static void a_seed_replays_on_postgresql(void **state)
{
    (void)state;
    struct sim_result a, b;
    sim_day(&(struct sim_options){5, 5, 12, true}, &a, NULL);
    sim_day(&(struct sim_options){5, 5, 12, true}, &b, NULL);
    assert_string_equal(a.record, b.record);
    assert_string_equal(a.trace, b.trace);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_pass_on_postgresql_and_nothing_breaks),
        cmocka_unit_test(a_seed_replays_on_postgresql),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
