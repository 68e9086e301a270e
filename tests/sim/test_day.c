/* Simulated days on a few seeds: nothing breaks, a seed replays bit for bit, and planted bugs are noticed. */
#include "sim/day.h"

#include <string.h>

#define HOURS 96 /* platforms close a day 48 hours after its end */

static void days_pass_and_nothing_breaks(void **state)
{
    (void)state;
    int64_t kills = 0, closed = 0, retried = 0;
    for (uint64_t seed = 1; seed <= 2; seed++) {
        struct sim_result r;
        sim_day(seed, seed, HOURS, &r, NULL);
        if (r.broken)
            fail_msg("seed %d: %d broken, first: %s", (int)seed, r.broken, r.what);
        assert_true(r.observations > 1000);
        kills += r.kills;
        closed += r.days_closed;
        retried += r.failed_requests;
    }
    assert_true(kills > 0 && closed > 0 && retried > 0); /* it was no quiet time */
}

static void a_seed_replays_bit_for_bit(void **state)
{
    (void)state;
    struct sim_result a, b, c;
    sim_day(5, 5, 30, &a, NULL);
    sim_day(5, 5, 30, &b, NULL);
    sim_day(6, 6, 30, &c, NULL);
    assert_string_equal(a.record, b.record);
    assert_int_equal(a.requests, b.requests);
    assert_string_not_equal(a.record, c.record);
    sim_day(5, 6, 30, &b, NULL); /* chance that does not come from the seed is noticed */
    assert_string_not_equal(a.record, b.record);
}

static void planted_bugs_are_noticed(void **state)
{
    (void)state;
    struct sim_result r;
    bool noticed[SIM_CHEATS];
    int missed = 0;
    sim_day(7, 7, HOURS, &r, noticed);
    if (r.broken)
        fail_msg("%d broken, first: %s", r.broken, r.what);
    assert_false(noticed[SIM_HONEST]);
    for (enum sim_cheat cheat = SIM_HONEST + 1; cheat < SIM_CHEATS; cheat++)
        if (!noticed[cheat]) {
            print_error("cheat %d was not noticed\n", (int)cheat);
            missed++;
        }
    assert_int_equal(missed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_pass_and_nothing_breaks),
        cmocka_unit_test(a_seed_replays_bit_for_bit),
        cmocka_unit_test(planted_bugs_are_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
