/* A collect or backfill that is killed and run again leaves what an undisturbed one leaves: a few rounds; many in the deep suite. */
#include "support/nilo_test.h"

#include "collect/kill_rounds.h"

static void a_killed_collect_run_again_leaves_the_same_record(void **state)
{
    (void)state;
    kill_rounds("collect", 8);
}

static void a_killed_backfill_run_again_leaves_the_same_record(void **state)
{
    (void)state;
    kill_rounds("backfill", 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_killed_collect_run_again_leaves_the_same_record),
                                       cmocka_unit_test(a_killed_backfill_run_again_leaves_the_same_record)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
