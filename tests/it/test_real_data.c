/* Real files, with all their dirt, imported by the program and counted by SQLite: every value of every day is the same. */
#include "it/real_data.h"

static const struct real_data youtube2026[] = {
    REAL_YOUTUBE("US", 9866, 1, 5, 6, 12716, .again = true),    REAL_YOUTUBE("JP", 10190, 0, 2, 5, 12797, .again = false),     REAL_YOUTUBE("TR", 5677, 13, 18, 26, 12756, .again = false),
    REAL_YOUTUBE("IN", 7092, 4, 54, 28, 12703, .again = false),  REAL_YOUTUBE("ZW", 1497, 33, 387, 183, 12799, .again = false), REAL_YOUTUBE("QA", 1995, 45, 297, 217, 12794, .again = false),
};

static void trending_lists_of_six_countries(void **state)
{
    (void)state;
    real_begin();
    for (size_t i = 0; i < sizeof youtube2026 / sizeof youtube2026[0]; i++)
        real_check(&youtube2026[i]);
}

static void one_country_out_of_two(void **state)
{
    (void)state;
    real_begin();
    static const char *const files[] = {"youtube2026/trending_ZW.csv.zst", "youtube2026/trending_QA.csv.zst", NULL};
    real_where(&youtube2026[4], "--where country=ZW", files);
}

#define MAP_2017 "--define dislikes:count:level --map 'external_id=video_id,title=title,views=views,likes=likes,dislikes=dislikes,"
#define READING_2017(day, comments)                                                                                    \
    "SELECT rowid, video_id, " day ", " day ", " REAL_NUMBER("views") ", " REAL_NUMBER("likes") ", " REAL_NUMBER("dislikes") ", "      \
    REAL_NUMBER(comments) ", title FROM raw"
#define METRICS_2017 "'views','likes','dislikes','comments'"

/* Three files, three spellings of a day, one without its year. */
static void trending_lists_of_2017(void **state)
{
    (void)state;
    real_begin();
#define SEPTEMBER "'2017-' || substr(\"date\", 4, 2) || '-' || substr(\"date\", 1, 2)"
#define NOVEMBER "'20' || substr(trending_date, 1, 2) || '-' || substr(trending_date, 7, 2) || '-' || substr(trending_date, 4, 2)"
    static const struct real_data files[] = {
        {.name = "youtube2017_09", .files = {"youtube2017/USvideos_2017-09.csv.zst"}, .options = MAP_2017 "comments=comment_total,day=date:%d.%m.2017'",
         .metrics = METRICS_2017, .reading = READING_2017(SEPTEMBER, "comment_total"), .by_views = true, .rows = 8000, .items = 2365, .again = true},
        {.name = "youtube2017_11", .files = {"youtube2017/USvideos_2017-11.csv.zst"}, .options = MAP_2017 "comments=comment_count,day=trending_date:%y.%d.%m'",
         .metrics = METRICS_2017, .reading = READING_2017(NOVEMBER, "comment_count"), .by_views = true, .rows = 4998, .items = 1260,
         .falls = {{"comments", 417}, {"dislikes", 4}, {"likes", 3}}},
        {.name = "youtube2017_ca", .files = {"youtube2017/CAvideos_2017-11_head.csv.zst"},
         .options = MAP_2017 "comments=comment_count,day=trending_date:%y.%d.%m,posted_at=publish_time'", .metrics = METRICS_2017,
         .reading = READING_2017(NOVEMBER, "comment_count"), .by_views = true, .rows = 786},
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        real_check(&files[i]);
}

/* Several readings a day, days of Bangkok, and a video that was hidden for weeks: no value then, and not 0. */
static void a_year_of_few_videos(void **state)
{
    (void)state;
    real_begin();
    static const struct real_data ripple = {
        .name = "ripple", .files = {"ripple/daily_stats.csv.zst"}, .zone = "Asia/Bangkok",
        .options = "--map 'external_id=video_id,captured_at=run_datetime_utc,posted_at=published_at,title=title,views=view_count,likes=like_count,"
                   "comments=comment_count,tag.label=label'",
        .metrics = "'views','likes','comments',NULL",
        .reading = "SELECT rowid, video_id, " REAL_INSTANT("run_datetime_utc") ", run_date_bkk, " REAL_NUMBER("view_count") ", " REAL_NUMBER("like_count") ", "
                   REAL_NUMBER("comment_count") ", NULL, title FROM raw",
        .by_views = true, .rows = 1151, .items = 5, .again = true,
    };
    real_check(&ripple);
}

/* Same-day duplicates that only differ in counters nobody ranks by: the first stands. */
static void some_years_of_repositories(void **state)
{
    (void)state;
    real_begin();
    static const struct real_data github = {
        .name = "github", .files = {"github_ranking/github_C.csv.zst"}, .rows_used = 15000, .options = REAL_GITHUB_OPTIONS,
        .metrics = "'stars','forks','issues',NULL", .reading = REAL_GITHUB_READING, .rows = 15000, .again = true,
    };
    real_check(&github);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trending_lists_of_six_countries),
        cmocka_unit_test(one_country_out_of_two),
        cmocka_unit_test(trending_lists_of_2017),
        cmocka_unit_test(a_year_of_few_videos),
        cmocka_unit_test(some_years_of_repositories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
