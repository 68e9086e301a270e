/* `collect` from a platform over real HTTP: a configuration, the real client, the emulator behind a socket. */
#include "support/nilo_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect/replay.h"
#include "emulator/emulator_test.h"
#include "world.h"

static char *key_and_config(struct emulator_server *e, const char *more)
{
    static char config[4000];
    char *key = emulator_text(e, "/_emulator/world", "projects.0.key"), *channel = emulator_text(e, "/_emulator/world", "channels.0.id");
    setenv("NILO_TEST_YOUTUBE_KEY", key, 1);
    snprintf(config, sizeof config,
             "platforms:\n  - platform: youtube\n    api_key: env:NILO_TEST_YOUTUBE_KEY\n    settings:\n      - name: api_base\n        value: %s/youtube/v3\n"
             "connections:\n  - name: yt\n    platform: youtube\n    accounts: %s\n%s",
             emulator_url(e), channel, more);
    free(key);
    free(channel);
    return config;
}

static int64_t total(struct world *w, const char *sql)
{
    struct nilo_db_stmt *stmt;
    struct nilo_err err;
    int64_t n = -1;
    assert_int_equal(nilo_db_prepare(nilo_store_db(w->store), sql, &stmt, &err), 0);
    assert_int_equal(nilo_db_query(stmt, NULL, 0, &err), 0);
    if (nilo_db_row(stmt, &err) == 1)
        n = nilo_db_column_int(stmt, 0);
    nilo_db_reset(stmt);
    return n;
}

static void assert_rows_kept(struct world *w)
{
    struct nilo_replay_result r;
    const struct nilo_replay_options all = {.from = NILO_US_NONE, .to = NILO_US_NONE};
    assert_int_equal(total(w, "SELECT count(*) FROM raw_answer"), 7);
    assert_int_equal(total(w, "SELECT count(*) FROM raw_answer WHERE ask LIKE '%AIza%'"), 0);
    assert_int_equal(nilo_replay(w->store, &all, NULL, NULL, &r, &w->err), 0);
    assert_true(r.answers == 7 && r.readings >= 120 && r.changed == 0 && r.unreadable == 0 && r.failed == 0);
}

static void a_channel_is_collected_over_http(void **state)
{
    struct emulator_server *e = emulator_start("epoch=2025-01-11T09:00:00Z seed=7 channels=2 videos=120 latency_ms=20 upload_hours=0", "2025-01-11T09:00:00Z");
    struct world w;
    (void)state;
    world_init(&w, "http", NULL, key_and_config(e, ""), "2025-01-11T09:00:00Z");
    if (world_collect(&w, NULL) != 0)
        fail_msg("%s", w.err.msg);
    assert_int_equal(w.n_runs, 1);
    if (strcmp(w.runs[0].status, "completed") != 0)
        fail_msg("%s: %s %s", w.runs[0].status, w.runs[0].error, w.runs[0].failures[0]);
    assert_int_equal(w.result.items_read, 120);
    assert_int_equal(w.result.platforms, 1);
    assert_int_equal(total(&w, "SELECT count(*) FROM content WHERE posted_at IS NOT NULL"), 120);
    assert_int_equal(emulator_count(e, "over_quota"), 0);
    assert_int_equal(emulator_count(e, "secrets_in_url"), 0);
    /* what came was kept: one answer of the channel, its pages, three calls of counts; taken again it changes nothing */
    assert_rows_kept(&w);
    /* again at once: nothing is due */
    assert_int_equal(world_collect(&w, NULL), 0);
    assert_int_equal(w.result.items_read, 0);
    assert_int_equal(total(&w, "SELECT count(*) FROM observation o JOIN entity e ON e.bucket = o.bucket AND e.id = o.entity_id WHERE e.kind = 0"), 360);
    world_done(&w);
    emulator_stop(e);
}

static void a_key_that_is_wrong_fails_the_connection_and_says_so(void **state)
{
    struct emulator_server *e = emulator_start("epoch=2025-01-11T09:00:00Z seed=7 channels=1 videos=10 latency_ms=0", "2025-01-11T09:00:00Z");
    struct world w;
    (void)state;
    const char *config = key_and_config(e, "");
    setenv("NILO_TEST_YOUTUBE_KEY", "AIzaWRONGWRONGWRONG", 1);
    world_init(&w, "wrong", NULL, config, "2025-01-11T09:00:00Z");
    assert_int_equal(world_collect(&w, NULL), 0);
    assert_string_equal(w.runs[0].status, "failed");
    assert_null(strstr(w.runs[0].error, "AIzaWRONG"));
    assert_true(strlen(w.runs[0].error) > 10);
    world_done(&w);
    emulator_stop(e);
}

static void a_past_day_is_nothing_a_platform_can_tell_of(void **state)
{
    struct emulator_server *e = emulator_start("epoch=2025-01-11T09:00:00Z seed=7 channels=1 videos=10 latency_ms=0", "2025-01-11T09:00:00Z");
    struct world w;
    (void)state;
    world_init(&w, "past", NULL, key_and_config(e, ""), "2025-01-11T09:00:00Z");
    assert_int_equal(world_collect(&w, "2025-01-09"), 0);
    assert_string_equal(w.runs[0].status, "failed");
    assert_int_equal(total(&w, "SELECT count(*) FROM run"), 0);
    assert_int_equal(world_collect(&w, "2025-01-11"), 0);
    assert_string_equal(w.runs[0].status, "completed");
    world_done(&w);
    emulator_stop(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_channel_is_collected_over_http),
        cmocka_unit_test(a_key_that_is_wrong_fails_the_connection_and_says_so),
        cmocka_unit_test(a_past_day_is_nothing_a_platform_can_tell_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
