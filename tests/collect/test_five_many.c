/* The whole day of five.h: thirty accounts, three thousand posts, a few seeds. FIVE_FIRST and FIVE_SEEDS choose others. */
#include "support/nilo_test.h"

#include <stdlib.h>

#include "five.h"

static int from(const char *variable, int otherwise)
{
    const char *text = getenv(variable);
    return text != NULL ? (int)strtol(text, NULL, 10) : otherwise;
}

static void days_of_weather_are_told_as_the_platforms_saw_them(void **state)
{
    int first = from("FIVE_FIRST", 100), n = from("FIVE_SEEDS", 3);
    (void)state;
    for (int seed = first; seed < first + n; seed++) {
        const struct five f = {.seed = seed, .accounts = 30, .posts = 108, .refreshes = 5};
        assert_true(five_day(&f) >= 3000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(days_of_weather_are_told_as_the_platforms_saw_them)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
