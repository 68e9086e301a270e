/* Eight hours of bad weather on a platform: a few seeds of each kind of place, and hours in which nothing works. Many seeds: test_weather_many.c. */
#include "weather_hours.h"

#include <stdlib.h>

static void eight_hours_of_weather(struct stores *s)
{
    for (int seed = 4; seed < 8; seed++) {
        weather_seed(s, seed);
        assert_int_equal(stores_fresh(s), 0);
    }
}

static void eight_hours_in_which_nothing_works(struct stores *s)
{
    static const char *const ways[] = {"status_503", "status_429", "status_500"};
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        weather_outage(s, ways[i]);
        assert_int_equal(stores_fresh(s), 0);
    }
}

int main(void)
{
    static const struct stores_test tests[] = {STORES_TEST(eight_hours_of_weather), STORES_TEST(eight_hours_in_which_nothing_works)};
    setenv("NILO_ENGINE", "sqlite", 0); /* what the store does is tested on both elsewhere; here it is time that is simulated */
    return stores_run("collect/weather", tests, sizeof tests / sizeof tests[0]);
}
