/* nilometer plot over a store: what is asked, in which characters, and what is said around the picture. The pictures themselves are test_chart's. */
#include "cmd_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "support/tmp.h"

static const char *path;

static void import(const char *csv, const char *workspace)
{
    const char *file = nilo_test_path("plot.csv");
    nilo_test_write(file, csv, strlen(csv));
    const struct cmd_result *r = cmd_run("import", file, "--store", path, "--workspace", workspace, "--quiet", NULL);
    if (r->status != 0)
        fail_msg("%s", r->err);
}

/* One store for all: two items in one workspace, one in another, noon of 2026-03-10. */
static int fill(void **state)
{
    (void)state;
    path = nilo_test_path("plot.db");
    cmd_clock_at("2026-03-10T12:00:00Z");
    cmd_run("init", "--store", path, NULL);
    import("external_id,owner,captured_at,views,likes\n"
           "v1,mia,2026-03-02T09:00:00Z,100,10\nv1,mia,2026-03-03T09:00:00Z,240,30\nv1,mia,2026-03-06T09:00:00Z,400,20\n"
           "v1,mia,2026-03-10T09:00:00Z,700,60\nv2,noah,2026-03-05T09:00:00Z,50,5\n",
           "studio");
    import("external_id,captured_at,views\nx,2026-03-09T09:00:00Z,9000\n", "other");
    unsetenv("COLUMNS");
    unsetenv("LC_ALL");
    unsetenv("LC_CTYPE");
    setenv("LANG", "C", 1);
    return 0;
}

static const struct cmd_result *plot(const char *words)
{
    char line[512];
    snprintf(line, sizeof line, "plot %s --store %s", words, path);
    return cmd_line(line);
}

/* One value of the year 1 beside those of this month: a slip of whoever wrote the file, and no reason to draw nothing. */
static void a_value_of_the_year_1_does_not_hide_the_others(void **state)
{
    (void)state;
    static const struct {
        const char *command, *words, *says;
    } rows[] = {
        {"plot", "views", "views, 2026-03-08 to 2026-03-10"},
        {"plot", "views external_id=a", "views external_id=a, 2026-03-08 to 2026-03-10"},
        {"plot", "views connection=import platform=import", "2026-03-08 to 2026-03-10"},
        {"plot", "views step=week", "2026-03-02 to 2026-03-09 by week"},
        {"call", "growth metric=views --format ndjson", "\"period\":\"2026-03-09\",\"value\":27,\"previous\":22,\"change\":5"},
        {"call", "growth metric=views external_id=a --format ndjson", "\"period\":\"2026-03-09\",\"value\":25,\"previous\":20,\"change\":5"},
        {"call", "timeseries metric=views --format csv", "\n2026-03-08,22,"}, /* 20 and the 2 of the year 1 */
    };
    char line[512];
    import("external_id,captured_at,views\nb,0001-01-01T09:00:00Z,2\na,0001-01-01T09:00:00Z,1\na,2026-03-08T09:00:00Z,20\na,2026-03-09T09:00:00Z,25\n", "old");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        snprintf(line, sizeof line, "%s %s --workspace old --store %s", rows[i].command, rows[i].words, path);
        const struct cmd_result *r = cmd_line(line);
        if (r->status != 0 || strstr(r->out, rows[i].says) == NULL)
            fail_msg("%s: status %d, no \"%s\": %s%s", line, r->status, rows[i].says, r->out, r->err);
        cmd_assert_contains(r->err, "views begins on 2026-03-08 here: there are values more than 40000 days before the last day");
    }
    /* asked for by its days it is there */
    snprintf(line, sizeof line, "call timeseries metric=views from=0001-01-01 to=0001-01-02 --format csv --workspace old --store %s", path);
    const struct cmd_result *r = cmd_line(line);
    cmd_assert_contains(r->out, "0001-01-01,3,");
    assert_string_equal(r->err, "");
}

static void an_item_is_drawn_with_its_gaps(void **state)
{
    (void)state;
    const struct cmd_result *r = plot("views external_id=v1 from=2026-03-01 --workspace studio --width 50 --height 6");
    assert_string_equal(r->err, "");
    assert_int_equal(r->status, 0);
    assert_string_equal(r->out, "views external_id=v1, 2026-03-01 to 2026-03-10\n"
                                "1.0k +\n"
                                "     |                                           o\n"
                                "0.5k +\n"
                                "     |                        *\n"
                                "     |     ******\n"
                                "   0 +\n"
                                "     ++---------+--------+---------+--------+-----\n"
                                "      03-01     03-03    03-05     03-07    03-09\n"
                                "views: 700 on 2026-03-10 (o), not over yet; 6 of 10 periods without a value: not_collected\n");
}

static void totals_changes_steps_and_owners_are_those_of_timeseries(void **state)
{
    static const struct {
        const char *words, *title, *says;
    } rows[] = {
        {"views --workspace studio", "views, 2026-03-02 to 2026-03-10\n", "views: 750 on 2026-03-10 (o), not over yet\n"},
        {"views", "views, 2026-03-02 to 2026-03-10\n", "views: 9.75k on 2026-03-10 (o)"},
        {"views owner=mia", "views owner=mia, ", "views: 700 on 2026-03-10 (o)"},
        {"metric=views owner=mia", "views owner=mia, ", "views: 700 on 2026-03-10 (o)"},
        {"views owner=mia step=week", "views owner=mia, 2026-03-02 to 2026-03-09 by week\n", "views: 700 on 2026-03-09 (o)"},
        {"views owner=mia --change", "views (change) owner=mia, ", "views: 300 on 2026-03-10 (o), not over yet\n"},
        {"likes owner=mia to=2026-03-06 --change", "likes (change) owner=mia, ", "likes: -10 on 2026-03-06\n"},
        {"views owner=mia to=2026-03-03", "views owner=mia, 2026-03-02 to 2026-03-03\n", "views: 240 on 2026-03-03\n"},
        {"views owner=mia from=2026-03-10", "views owner=mia, 2026-03-10\n", "views: 700 on 2026-03-10 (o)"},
        {"views likes owner=mia", "views, likes owner=mia, ", "likes: 60 on 2026-03-10 (o)"},
        {"views shares owner=mia", "views, shares owner=mia, ", "shares: no value\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct cmd_result *r = plot(rows[i].words);
        if (r->status != 0 || strncmp(r->out, rows[i].title, strlen(rows[i].title)) != 0 || strstr(r->out, rows[i].says) == NULL)
            fail_msg("%s gave %d: %s%s", rows[i].words, r->status, r->out, r->err);
    }
}

static void block_draws_a_chart_for_each_metric(void **state)
{
    (void)state;
    const struct cmd_result *r = plot("views likes owner=mia --style block");
    assert_int_equal(r->status, 0);
    cmd_assert_contains(r->out, "views owner=mia, ");
    cmd_assert_contains(r->out, "\n\nlikes owner=mia, ");
    cmd_assert_contains(r->out, "\xe2\x96\x91"); /* the day that is not over */
}

/* Braille where the locale is UTF-8, ASCII elsewhere; --style decides. No escapes where nobody looks at a terminal. */
static void characters_follow_the_locale(void **state)
{
    static const struct {
        const char *lc_all, *lc_ctype, *lang, *style;
        bool ascii;
    } rows[] = {
        {NULL, NULL, "C", "", true},          {NULL, NULL, "en_GB.UTF-8", "", false},  {NULL, NULL, "de_DE.utf8", "", false},
        {NULL, "POSIX", "C.UTF-8", "", true}, {"C.UTF-8", "POSIX", "C", "", false},    {"", "", "C.UTF-8", "", false},
        {NULL, NULL, NULL, "", true},         {NULL, NULL, "C", "--style braille", false}, {NULL, NULL, "C.UTF-8", "--style ascii", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
        const char *const values[] = {rows[i].lc_all, rows[i].lc_ctype, rows[i].lang};
        char words[128];
        for (int k = 0; k < 3; k++) {
            if (values[k] != NULL)
                setenv(names[k], values[k], 1);
            else
                unsetenv(names[k]);
        }
        snprintf(words, sizeof words, "views owner=mia %s", rows[i].style);
        const struct cmd_result *r = plot(words);
        bool ascii = true;
        for (const char *p = r->out; *p != '\0'; p++)
            ascii &= (unsigned char)*p < 0x80;
        if (r->status != 0 || ascii != rows[i].ascii)
            fail_msg("row %zu: %s", i, r->out);
        assert_null(strchr(r->out, '\x1b'));
    }
    fill(NULL); /* the environment, and the same store again: importing changes nothing */
}

static size_t widest(const char *text)
{
    size_t most = 0;
    for (; *text != '\0'; text += strcspn(text, "\n") + 1) {
        size_t len = strcspn(text, "\n");
        if (len > 0 && strchr("+|", text[len > 4 ? 4 : 0]) != NULL)
            most = len > most ? len : most;
    }
    return most;
}

static void the_width_is_asked_for_or_the_terminals_or_80(void **state)
{
    (void)state;
    assert_int_equal(widest(plot("views owner=mia")->out), 80);
    assert_int_equal(widest(plot("views owner=mia --width 41")->out), 41);
    setenv("COLUMNS", "120", 1);
    assert_int_equal(widest(plot("views owner=mia")->out), 120);
    setenv("COLUMNS", "wide", 1);
    assert_int_equal(widest(plot("views owner=mia")->out), 80);
    setenv("COLUMNS", "5", 1);
    assert_int_equal(widest(plot("views owner=mia")->out), 20);
    unsetenv("COLUMNS");
}

static void sparklines_and_json(void **state)
{
    (void)state;
    assert_string_equal(plot("views likes shares owner=mia from=2026-03-01 --spark")->out,
                        "views    _---====#  700\nlikes    _~~~....#  60\nshares  no value\n");
    const struct cmd_result *r = plot("views external_id=v1 from=2026-03-06 to=2026-03-07 --workspace studio --json");
    assert_int_equal(r->status, 0);
    assert_string_equal(r->out, "[{\"metric\":\"views\",\"points\":[{\"period\":\"2026-03-06\",\"value\":400,\"open\":false},"
                                "{\"period\":\"2026-03-07\",\"value\":null,\"open\":false}]}]\n");
}

static void nothing_to_draw_is_a_sentence_and_a_hint(void **state)
{
    (void)state;
    const struct cmd_result *r = plot("saves from=2026-02-01 to=2026-02-05");
    assert_int_equal(r->status, 0);
    cmd_assert_contains(r->out, "Nothing to draw: no value of saves, 2026-02-01 to 2026-02-05.");
    cmd_assert_contains(r->out, "nilometer backfill --from 2026-02-01");
    cmd_assert_contains(plot("saves shares --spark")->out, "Nothing to draw: no value of saves, shares");
}

static void what_is_wrong_is_said_in_one_line(void **state)
{
    static const struct {
        const char *words;
        int status;
        const char *says;
    } rows[] = {
        {"", 2, "name the metric to draw"},
        {"viewz", 2, "did you mean \"views\"?"},
        {"views views", 2, "views is named twice"},
        {"a b c d e f g h i", 2, "more than 8 metrics"},
        {"views =mia", 2, "write name=value"},
        {"views onwer=mia", 2, "owner"},
        {"views owner=nobody", 2, "there is no owner"},
        {"views step=hour", 2, "step is day, week or month"},
        {"views from=2026-02-30", 2, "2026-02-30"},
        {"views from=2026-03-05 to=2026-03-01", 2, "from"},
        {"ctr", 2, "external_id="},
        {"warmth", 2, "warmth does not add up over items; ask for one with external_id="},
        {"views --style dots", 2, "braille, block or ascii"},
        {"views --width 19", 2, "--width"},
        {"views --width 1001", 2, "--width"},
        {"views --height 2", 2, "--height"},
        {"views owner=mia owner=noah", 2, "owner"},
        {"views --workspace nowhere", 2, "nowhere"},
    };
    (void)state;
    static const char warm[] = "external_id,day,warmth\nv1,2026-03-01,5.5\n";
    const char *file = nilo_test_path("warm.csv");
    nilo_test_write(file, warm, sizeof warm - 1);
    assert_int_equal(cmd_run("import", file, "--store", path, "--workspace", "studio", "--define", "warmth:average:level", "--quiet", NULL)->status, 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct cmd_result *r = plot(rows[i].words);
        if (r->status != rows[i].status || strstr(r->err, rows[i].says) == NULL || r->out[0] != '\0')
            fail_msg("%s gave %d: %s%s", rows[i].words, r->status, r->out, r->err);
        cmd_assert_one_line(r->err);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_item_is_drawn_with_its_gaps),
        cmocka_unit_test(totals_changes_steps_and_owners_are_those_of_timeseries),
        cmocka_unit_test(block_draws_a_chart_for_each_metric),
        cmocka_unit_test(characters_follow_the_locale),
        cmocka_unit_test(the_width_is_asked_for_or_the_terminals_or_80),
        cmocka_unit_test(sparklines_and_json),
        cmocka_unit_test(nothing_to_draw_is_a_sentence_and_a_hint),
        cmocka_unit_test(what_is_wrong_is_said_in_one_line),
        cmocka_unit_test(a_value_of_the_year_1_does_not_hide_the_others), /* last: it adds a workspace */
    };
    return cmocka_run_group_tests_name("plot", tests, fill, NULL);
}
