/* doctor: what it prints and how it exits. That each check finds its fault is tests/store/test_check.c. */
#include "cmd_test.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "support/tmp.h"

static const char *path, *file;

static const char rows[] = "external_id,day,window_days,views,likes,title\n"
                           "v1,2026-03-01,0,100,5,One \x1b[31m\n"
                           "v1,2026-03-02,0,1200,6,\n"
                           "v1,2026-03-02,30,800,4,\n"
                           "v1,2026-03-02,90,900,4,\n"
                           "v2,2026-03-02,0,50,2,Two\n"
                           "v2,2026-03-05,0,60,3,\n";

static int fresh(void **state)
{
    static int n;
    char name[32];
    (void)state;
    snprintf(name, sizeof name, "d%d.db", n);
    path = nilo_test_path(name);
    snprintf(name, sizeof name, "d%d.csv", n++);
    file = nilo_test_path(name);
    nilo_test_write(file, rows, sizeof rows - 1);
    cmd_clock_at("2026-03-10T12:00:00Z");
    if (cmd_run("init", "--store", path, NULL)->status != 0)
        return 1;
    return cmd_run("import", file, "--store", path, "--format", "csv", "--workspace", "us", "--platform", "youtube", NULL)->status;
}

static const struct cmd_result *doctor(const char *more, int status)
{
    char line[4000];
    snprintf(line, sizeof line, "doctor --store %s %s", path, more);
    const struct cmd_result *r = cmd_line(line);
    if (r->status != status)
        fail_msg("doctor %s: status %d: %s%s", more, r->status, r->err, r->out);
    return r;
}

/* More rows of the file, imported into the same connection. */
static void more(const char *text)
{
    nilo_test_write(file, text, strlen(text));
    const struct cmd_result *r =
        cmd_run("import", file, "--store", path, "--format", "csv", "--workspace", "us", "--platform", "youtube", NULL);
    if (r->status != 0)
        fail_msg("%s", r->err);
}

static void notes_are_no_findings(void **state)
{
    (void)state;
    const char *out = doctor("", 0)->out;
    cmd_assert_contains(out, "ok     doubled-keys   0 duplicate keys\n");
    cmd_assert_contains(out, "ok     derived        latest, best and totals are what the record gives\n");
    cmd_assert_contains(out, "ok     coverage       us/import-youtube, window 0, 2026-03-05 1: items were read on the newest day, of those ever read (2)\n");
    cmd_assert_contains(out, "note   gaps           us/import-youtube, 2026-03-03: days (2) until 2026-03-04 hold nothing");
    cmd_assert_contains(out, "                      -> of an SQL source");
}

static void a_finding_of_the_record_exits_3(void **state)
{
    (void)state;
    more("external_id,day,window_days,views\nv2,2026-03-05,30,70\n");
    cmd_assert_contains(doctor("", 3)->out, "odd    windows        us/import-youtube, v2, window 30, 2026-03-05, views 70: more than all-time on 2026-03-05 (60)\n");
    const char *out = doctor("--json", 3)->out;
    struct nilo_err err;
    assert_int_equal(nilo_json_check(out, strlen(out), &err), 0);
    cmd_assert_contains(out, "{\"check\":\"windows\",\"result\":\"odd\",\"text\":\"us/import-youtube, v2, window 30, 2026-03-05, views 70: more than all-time on "
                             "2026-03-05 (60)\",\"workspace\":\"us\",\"connection\":\"import-youtube\",\"external_id\":\"v2\",\"window_days\":30,"
                             "\"day\":\"2026-03-05\",\"metric\":\"views\"}");
}

static void many_findings_are_counted_and_told_on_demand(void **state)
{
    char text[400] = "external_id,day,window_days,views\n";
    (void)state;
    for (int i = 0; i < 7; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "w%d,2026-03-05,0,1\nw%d,2026-03-05,30,9\n", i, i);
    more(text);
    const char *out = doctor("", 3)->out;
    cmd_assert_contains(out, "odd    windows        and 2 more; nilometer doctor --check windows prints all of them\n");
    assert_null(strstr(out, ", w5,"));
    out = doctor("--check windows", 3)->out;
    cmd_assert_contains(out, ", w5,");
    cmd_assert_contains(out, ", w6,");
    assert_null(strstr(out, "more;"));
    assert_null(strstr(out, "coverage"));
    assert_string_equal(doctor("--check doubled-keys", 0)->out, "ok     doubled-keys   0 duplicate keys\n");
    cmd_assert_contains(doctor("--check window", 2)->err, "there is no check \"window\"; did you mean windows?");
}

static void sql_prints_every_check(void **state)
{
    (void)state;
    const char *out = doctor("--sql", 0)->out;
    cmd_assert_contains(out, "-- windows (odd): a window's value above that of a longer window");
    cmd_assert_contains(out, "-- no statement says this; nilometer doctor --check derived does it\n");
    assert_null(strstr(out, "?1"));
    out = doctor("--sql --check open-days --json", 0)->out;
    cmd_assert_contains(out, "[{\"check\":\"open-days\",\"result\":\"odd\",");
    cmd_assert_contains(out, "CAST(1773144000000000 AS bigint)");
}

static void an_item_is_shown_side_by_side(void **state)
{
    (void)state;
    more("external_id,day,window_days,views\nv1,2026-03-06,90,5000\n");
    assert_string_equal(doctor("--item v1", 0)->out, "v1 on import-youtube, workspace us: One  [31m\n"
                                                     "metric  best  latest      30 days     90 days     best was read\n"
                                                     "(day)         2026-03-02  2026-03-02  2026-03-06  \n"
                                                     "views   5000  1200        800         5000        2026-03-06, in 90 days\n"
                                                     "likes   6     6           4           -           2026-03-02\n");
    const char *out = doctor("--item v1 --json", 0)->out;
    cmd_assert_contains(out, "\"metrics\":[{\"metric\":\"views\",\"best\":5000,\"latest\":1200,\"days_30\":800,\"days_90\":5000,\"best_day\":\"2026-03-06\",\"best_window\":90}");
    cmd_assert_contains(doctor("--item 'a,b) or 1'", 2)->err, "there is no item \"a,b) or 1\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(notes_are_no_findings, fresh),
        cmocka_unit_test_setup(a_finding_of_the_record_exits_3, fresh),
        cmocka_unit_test_setup(many_findings_are_counted_and_told_on_demand, fresh),
        cmocka_unit_test_setup(sql_prints_every_check, fresh),
        cmocka_unit_test_setup(an_item_is_shown_side_by_side, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
