/* status, run, seal, rebuild and doctor over a store that holds something. */
#include "cmd_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "db/db.h"
#include "record/record.h"
#include "store/collecting.h"
#include "support/tmp.h"

static const char *path;
static struct nilo_env env;
static struct nilo_seeded_random seeded;

/* A store with a youtube connection, on noon of 2026-03-10. */
static int fresh(void **state)
{
    static int n;
    char name[32];
    (void)state;
    snprintf(name, sizeof name, "a%d.db", n++);
    path = nilo_test_path(name);
    nilo_seeded_random_init(&seeded, 5);
    env = (struct nilo_env){.clock = nilo_virtual_clock(&cmd_clock), .random = nilo_seeded_random(&seeded)};
    cmd_clock_at("2026-03-10T12:00:00Z");
    return cmd_run("init", "--store", path, NULL)->status;
}

static struct nilo_store *open_store(void)
{
    struct nilo_store *s;
    struct nilo_err err = {0};
    if (nilo_store_open(path, NILO_STORE_WRITE, &env, &s, &err) != 0)
        fail_msg("%s", err.msg);
    return s;
}

/* A collection of n items of a connection, views and likes each; the first `skip` of them are not listed, and one more fails when
 * `failure` is given. Returns how the run was logged. */
static enum nilo_run_status collected_of(const char *connection, int skip, int n, int64_t views, const char *failure)
{
    struct nilo_store *s = open_store();
    struct nilo_workspace w;
    struct nilo_connection c;
    struct nilo_recorder *r;
    struct nilo_err err = {0};
    struct nilo_arena arena;
    struct nilo_run run;
    const struct nilo_run_options o = {.kind = NILO_RUN_COLLECT, .provenance = NILO_OBSERVED, .platform = true, .full_listing = true,
                                       .target_day = NILO_DAY_NONE};
    nilo_arena_init(&arena, 0);
    assert_int_equal(nilo_store_workspace(s, "studio", true, NULL, &w, &err), 0);
    assert_int_equal(nilo_store_connection(s, w.id, connection, true, "youtube", "db", &c, &err), 0);
    if (nilo_record_begin(s, &c, &o, &r, &err) != 0)
        fail_msg("%s", err.msg);
    for (int i = skip; i < n; i++) {
        char id[16];
        snprintf(id, sizeof id, "v%d", i);
        const struct nilo_reading_value values[] = {
            {.metric = nilo_catalog_by_name(nilo_store_catalog(s), "views")->id, .value = views + i},
            {.metric = nilo_catalog_by_name(nilo_store_catalog(s), "likes")->id, .value = views / 10},
        };
        struct nilo_reading reading = {.kind = NILO_CONTENT, .external_id = id, .captured_at = cmd_clock.wall, .day = NILO_DAY_NONE,
                                       .values = values, .n_values = 2};
        if (nilo_record_add(r, &reading, &err) != 0)
            fail_msg("%s", err.msg);
    }
    if (failure != NULL && nilo_record_fail(r, "v99", "gone", failure, &err) != 0)
        fail_msg("%s", err.msg);
    if (nilo_record_finish(r, NULL, &arena, &run, &err) != 0)
        fail_msg("%s", err.msg);
    enum nilo_run_status status = run.status;
    nilo_arena_done(&arena);
    nilo_store_close(s);
    return status;
}

static enum nilo_run_status collected(int skip, int n, int64_t views)
{
    return collected_of("channel", skip, n, views, NULL);
}

static void sql(const char *text)
{
    struct nilo_db *db;
    struct nilo_err err = {0};
    const struct nilo_db_options options = {.mode = NILO_DB_WRITE};
    if (nilo_db_open(path, &options, &db, &err) != 0 || nilo_db_exec(db, text, &err) != 0)
        fail_msg("%s", err.msg);
    nilo_db_close(db);
}

static const char *done(const char *command, const char *more)
{
    char line[5000];
    snprintf(line, sizeof line, "%s --store %s %s", command, path, more);
    const struct cmd_result *r = cmd_line(line);
    if (r->status != 0)
        fail_msg("%s: status %d: %s%s", command, r->status, r->err, r->out);
    return r->out;
}

static void fails(const char *command, int status, const char *wanted)
{
    char line[5000];
    snprintf(line, sizeof line, "%s --store %s", command, path);
    const struct cmd_result *r = cmd_line(line);
    if (r->status != status)
        fail_msg("%s: status %d: %s%s", command, r->status, r->err, r->out);
    cmd_assert_one_line(r->err);
    cmd_assert_contains(r->err[0] != '\0' ? r->err : r->out, wanted);
}

static void valid_json(const char *text)
{
    struct nilo_err err = {0};
    if (nilo_json_check(text, strlen(text), &err) != 0)
        fail_msg("%s: %s", err.msg, text);
}

static void an_empty_store_says_so(void **state)
{
    (void)state;
    cmd_assert_contains(done("status", ""), "Nothing is recorded yet");
    valid_json(done("status", "--json"));
    cmd_assert_contains(done("seal", ""), "Closed 0 days on 0 connections.");
    cmd_assert_contains(done("rebuild", ""), "every derived number is as it was");
    cmd_assert_contains(done("doctor", ""), "none yet");
    fails("run show 1", 2, "there is no run 1");
    cmd_assert_contains(done("run list", ""), "status");
    assert_string_equal(done("run list", "--json"), "[]\n");
}

static void status_tells_the_last_run_of_each_connection(void **state)
{
    (void)state;
    assert_int_equal(collected(0, 3, 100), NILO_COMPLETED);
    cmd_clock_at("2026-03-10T13:00:00Z");
    assert_int_equal(collected(0, 3, 200), NILO_COMPLETED);
    assert_int_equal(collected_of("second", 0, 1, 5, "the video is gone"), NILO_PARTIAL);
    const char *out = done("status", "");
    cmd_assert_contains(out, "studio     UTC");
    cmd_assert_contains(out, "channel     studio     youtube   connected  -             -           2 collect, completed, 2026-03-10 13:00, 6 values");
    cmd_assert_contains(out, "second      studio     youtube   connected  -             -           3 collect, partial, 2026-03-10 13:00, 2 values, 1 failed");
    out = done("status", "--json");
    valid_json(out);
    cmd_assert_contains(out, "\"name\":\"channel\"");
    cmd_assert_contains(out, "\"last_run\":{\"id\":2,\"kind\":\"collect\",\"status\":\"completed\"");
    cmd_assert_contains(out, "\"settle_seconds\":172800");
    cmd_assert_contains(out, "\"quarantined_runs\":[]");
}

/* Days of the connection that were seen to change until that age. */
static void days_changed_until(const char *connection, int age)
{
    struct nilo_store *s = open_store();
    struct nilo_settle seen = {{0}, {0}};
    struct nilo_connection c;
    struct nilo_workspace w;
    struct nilo_err err;
    for (int i = 1; i < NILO_SETTLE_AGES; i++) {
        seen.seen[i] = 50;
        seen.changed[i] = i < age ? 50 : 0;
    }
    if (nilo_store_workspace(s, "studio", false, NULL, &w, &err) != 0 || nilo_store_connection(s, w.id, connection, false, NULL, NULL, &c, &err) != 0 ||
        nilo_store_begin(s, &err) != 0 || nilo_store_settle_put(s, c.id, &seen, &err) != 0 || nilo_store_commit(s, &err) != 0)
        fail_msg("%s", err.msg);
    assert_int_equal(nilo_settle_days(&seen), age);
    nilo_store_close(s);
}

static void status_tells_how_long_days_stay_open_as_it_was_measured(void **state)
{
    static const struct {
        int age;
        const char *says;
    } cases[] = {{2, "\"settle_seconds\":172800"}, {3, "\"settle_seconds\":259200"}, {4, "\"settle_seconds\":345600"}, {9, "\"settle_seconds\":345600"}};
    (void)state;
    assert_int_equal(collected(0, 3, 100), NILO_COMPLETED);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        days_changed_until("channel", cases[i].age);
        cmd_assert_contains(done("status", "--json"), cases[i].says);
    }
}

static void runs_are_listed_and_shown(void **state)
{
    (void)state;
    collected(0, 3, 100);
    cmd_clock_at("2026-03-10T13:00:00Z");
    collected(0, 4, 200);
    const char *out = done("run show 2", "");
    cmd_assert_contains(out, "connection   channel\n");
    cmd_assert_contains(out, "items        4\n");
    cmd_assert_contains(out, "recorded   2\n");
    cmd_assert_contains(out, "replaced   6\n");
    assert_null(strstr(out, "failures"));
    valid_json(done("run show 2", "--json"));
    out = done("run list", "--limit 1");
    cmd_assert_contains(out, "completed");
    assert_null(strstr(out, "12:00:00"));
    valid_json(done("run list", "--json --connection channel --workspace studio"));
    assert_string_equal(done("run list", "--json --status failed"), "[]\n");
    assert_string_equal(done("run list", "--json --connection 'a&b=c,d%'"), "[]\n");
}

static void what_failed_in_a_run_is_told(void **state)
{
    (void)state;
    collected_of("channel", 0, 3, 100, "the video is gone");
    const char *out = done("run show 1", "");
    cmd_assert_contains(out, "status       partial\n");
    cmd_assert_contains(out, "v99");
    cmd_assert_contains(out, "the video is gone");
}

static void wrong_uses_of_run_are_usage_errors(void **state)
{
    (void)state;
    fails("run", 2, "an operand is missing");
    fails("run show", 2, "an operand is missing");
    fails("run list 3", 2, "one operand too many");
    fails("run show 1 2", 2, "one operand too many");
    fails("run shwo 1", 2, "did you mean \"show\"?");
    fails("run show x", 2, "\"x\" is no run's number");
    fails("run show -1", 2, "-1");
    fails("run show 99999999999999999999", 2, "no run's number");
    fails("run list --limit 0", 2, "--limit");
    fails("run accept 7", 2, "7");
}

static void wrong_uses_of_connection_and_import_say_what_is_missing(void **state)
{
    (void)state;
    fails("connection connect", 2, "the name is missing: nilometer connection connect NAME");
    fails("connection secret channel", 2, "the kind of secret is missing: nilometer connection secret NAME KIND");
    fails("import x.csv --map views=v --keep-definitions", 2, "--keep-definitions is for values that say themselves");
    fails("import x.nilo --format nilometer --keep-definitions", 2, "--keep-definitions does not go with a whole export");
}

static void a_quarantined_run_waits_for_a_person(void **state)
{
    (void)state;
    collected(0, 25, 1000);
    cmd_clock_at("2026-03-11T12:00:00Z");
    assert_int_equal(collected(20, 25, 1000), NILO_RUN_QUARANTINED);
    cmd_assert_contains(done("status", ""), "Run 2 is quarantined and its days stay open");
    cmd_assert_contains(done("status", "--json"), "\"quarantined_runs\":[2]");
    cmd_assert_contains(done("run show 2", ""), "20 items vanished");
    cmd_assert_contains(done("run accept 2", ""), "Run 2 counts again.");
    assert_null(strstr(done("status", ""), "quarantined"));
    fails("run accept 2", 2, "2");
    cmd_clock_at("2026-03-12T12:00:00Z");
    assert_int_equal(collected(0, 2, 1000), NILO_COMPLETED); /* five items before: nothing to judge by */
    fails("run reject 3", 2, "3");
}

static void a_rejected_run_is_dropped(void **state)
{
    (void)state;
    collected(0, 25, 1000);
    cmd_clock_at("2026-03-11T12:00:00Z");
    assert_int_equal(collected(20, 25, 1000), NILO_RUN_QUARANTINED);
    cmd_assert_contains(done("run reject 2", ""), "Run 2 is dropped");
    cmd_assert_contains(done("run show 2", ""), "status       rejected\n");
    cmd_assert_contains(done("rebuild", ""), "every derived number is as it was");
}

static void days_are_sealed_when_their_time_has_come(void **state)
{
    (void)state;
    collected(0, 3, 100);
    cmd_clock_at("2026-03-11T12:00:00Z");
    collected(0, 3, 200);
    cmd_assert_contains(done("seal", ""), "Closed 0 days on 1 connection.");
    cmd_clock_at("2026-03-12T12:00:00Z");
    collected(0, 3, 300);
    cmd_clock_at("2026-03-13T01:00:00Z"); /* 48 hours after the 10th, and not yet 36 after the newest run: the clock is believed */
    assert_string_equal(done("seal", "--json"), "{\"days_closed\":1,\"connections\":1,\"clock_note\":null}\n");
    cmd_assert_contains(done("seal", "--connection channel"), "Closed 0 days on 1 connection.");
    fails("seal --connection chanel", 2, "there is no such connection");
    fails("seal --workspace other", 2, "there is no such connection");
}

static void rebuild_repairs_and_tells(void **state)
{
    (void)state;
    collected(0, 3, 100);
    cmd_assert_contains(done("rebuild", ""), "every derived number is as it was");
    sql("UPDATE total SET lo = lo + 1 WHERE metric_id > 0");
    cmd_assert_contains(done("rebuild", "--json"), "\"same\":false");
    cmd_assert_contains(done("rebuild", "--json"), "\"same\":true");
}

static void doctor_finds_what_needs_a_person(void **state)
{
    (void)state;
    collected(0, 3, 100);
    cmd_assert_contains(done("doctor", ""), "ok     connections    1, all connected");
    valid_json(done("doctor", "--json"));
    sql("UPDATE connection SET status = 'disabled'");
    cmd_assert_contains(done("doctor", ""), "note   connections    channel in workspace studio is disabled");
    assert_null(strstr(done("doctor", ""), "all connected"));
    sql("UPDATE connection SET status = 'expired'");
    fails("doctor", 1, "wrong  connections    channel in workspace studio is expired");
    fails("doctor --json", 1, "\"result\":\"wrong\",\"text\":\"channel in workspace studio is expired\"");
    path = nilo_test_path("no_such_store.db");
    fails("doctor", 1, "wrong  store");
    fails("doctor --config /no/such.yaml", 1, "wrong  configuration");
}

static void a_clock_that_went_back_is_told_and_accepted(void **state)
{
    (void)state;
    collected(0, 3, 100);
    cmd_clock_at("2026-03-09T12:00:00Z");
    fails("doctor", 1, "wrong  clock");
    cmd_assert_contains(done("status", ""), "doctor --accept-clock");
    cmd_assert_contains(done("status", "--json"), "\"clock_note\":\"no day closes");
    cmd_assert_contains(done("doctor --accept-clock", ""), "2026-03-09T12:00:00");
    cmd_assert_contains(done("run show 1", ""), "rejected");
    cmd_assert_contains(done("doctor", ""), "ok     clock");
    assert_null(strstr(done("status", ""), "accept-clock"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_empty_store_says_so, fresh),
        cmocka_unit_test_setup(status_tells_the_last_run_of_each_connection, fresh),
        cmocka_unit_test_setup(status_tells_how_long_days_stay_open_as_it_was_measured, fresh),
        cmocka_unit_test_setup(runs_are_listed_and_shown, fresh),
        cmocka_unit_test_setup(what_failed_in_a_run_is_told, fresh),
        cmocka_unit_test_setup(wrong_uses_of_run_are_usage_errors, fresh),
        cmocka_unit_test_setup(wrong_uses_of_connection_and_import_say_what_is_missing, fresh),
        cmocka_unit_test_setup(a_quarantined_run_waits_for_a_person, fresh),
        cmocka_unit_test_setup(a_rejected_run_is_dropped, fresh),
        cmocka_unit_test_setup(days_are_sealed_when_their_time_has_come, fresh),
        cmocka_unit_test_setup(rebuild_repairs_and_tells, fresh),
        cmocka_unit_test_setup(doctor_finds_what_needs_a_person, fresh),
        cmocka_unit_test_setup(a_clock_that_went_back_is_told_and_accepted, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
