/* Many seeds of test_weather.c. */
#include "weather_hours.h"

#include <stdlib.h>

static void many_hours_of_weather(struct stores *s)
{
    const char *first = getenv("WEATHER_FIRST"), *seeds = getenv("WEATHER_SEEDS");
    int from = first != NULL ? (int)strtol(first, NULL, 10) : 20, n = seeds != NULL ? (int)strtol(seeds, NULL, 10) : 25; /* more by hand: they take six seconds each */
    for (int seed = from; seed < from + n; seed++) {
        weather_seed(s, seed);
        assert_int_equal(stores_fresh(s), 0);
    }
}

static void many_ways_in_which_nothing_works(struct stores *s)
{
    static const char *const ways[] = {"status_502", "stall", "reset", "html_200"};
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        weather_outage(s, ways[i]);
        assert_int_equal(stores_fresh(s), 0);
    }
}

int main(void)
{
    static const struct stores_test tests[] = {STORES_TEST(many_hours_of_weather), STORES_TEST(many_ways_in_which_nothing_works)};
    setenv("NILO_ENGINE", "sqlite", 0);
    return stores_run("collect/weather_many", tests, sizeof tests / sizeof tests[0]);
}
