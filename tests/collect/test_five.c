/* A day of weather over all platforms, small; the whole day: test_five_many.c, over HTTP: test_five_http. */
#include "support/nilo_test.h"

#include <stdlib.h>

#include "five.h"

static void a_day_of_weather_is_told_as_the_platforms_saw_it(void **state)
{
    const char *seed = getenv("FIVE_SEED");
    const struct five f = {.seed = seed != NULL ? (int)strtol(seed, NULL, 10) : 3, .accounts = 10, .posts = 30, .refreshes = 6};
    (void)state;
    assert_true(five_day(&f) > 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_day_of_weather_is_told_as_the_platforms_saw_it)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
