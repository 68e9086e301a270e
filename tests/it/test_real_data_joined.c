/* Six real files as one run: like test_real_data.c, only longer. */
#include "it/real_data.h"

/* Six countries as days only: the same video of the same day is in several lists with other numbers, and the highest views win. */
static void the_lists_of_six_countries_as_one(void **state)
{
    (void)state;
    real_begin();
    static const struct real_data joined = {
        .name = "youtube2026_all",
        .files = {"youtube2026/trending_US.csv.zst", "youtube2026/trending_JP.csv.zst", "youtube2026/trending_TR.csv.zst",
                  "youtube2026/trending_IN.csv.zst", "youtube2026/trending_ZW.csv.zst", "youtube2026/trending_QA.csv.zst"},
        .options = "--platform youtube --map 'external_id=video_id,day=fetched_at,views=views,likes=likes,comments=comments'",
        .metrics = "'views','likes','comments',NULL",
        .reading = "SELECT rowid, video_id, substr(fetched_at, 1, 10), substr(fetched_at, 1, 10), " REAL_NUMBER("views") ", " REAL_NUMBER("likes") ", "
                   REAL_NUMBER("comments") ", NULL, NULL FROM raw",
        .by_views = true,
        .rows = 76565,
    };
    real_check(&joined);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lists_of_six_countries_as_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
