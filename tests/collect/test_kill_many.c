/* A collect that is killed and run again leaves what an undisturbed one leaves: many rounds. */
#include "support/nilo_test.h"

#include "collect/kill_rounds.h"

static void a_killed_collect_run_again_leaves_the_same_record(void **state)
{
    (void)state;
    kill_rounds("collect", 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_killed_collect_run_again_leaves_the_same_record)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
