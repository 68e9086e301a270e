/* Kill -9 at random moments, a few times; test_import_kill_long.c does it often. */
#include "it/import_kill.h"

static void a_killed_import_is_completed_by_the_next(void **state)
{
    (void)state;
    kill_imports(1, 2, 2, false);
}

static void also_when_its_days_were_closed_before(void **state)
{
    (void)state;
    kill_imports(2, 2, 2, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_killed_import_is_completed_by_the_next, kill_begin),
        cmocka_unit_test_setup(also_when_its_days_were_closed_before, kill_begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
