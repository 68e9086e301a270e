/* Kept answers are taken again by the parser of today: what comes out differently becomes an amendment of closed days and the value of open ones; again changes nothing. */
#include "../store/stores.h"

#include <stdlib.h>
#include <string.h>

#include "collect/replay.h"
#include "record/record.h"
#include "store/raw.h"

#define BODY(views) "{\"items\":[{\"id\":\"v1\",\"snippet\":{\"title\":\"First\"},\"statistics\":{\"viewCount\":\"" views "\",\"likeCount\":\"3\"}}]}"

static nilo_us at(const char *day, int hour)
{
    char text[40];
    snprintf(text, sizeof text, "%sT%02d:00:00Z", day, hour);
    return stores_us(text);
}

/* What an older parser made of an answer: views alone, and wrong. */
static void recorded(struct stores *s, const struct nilo_connection *c, nilo_us when, int64_t views)
{
    struct nilo_recorder *r;
    struct nilo_arena arena;
    struct nilo_run run;
    const struct nilo_run_options options = {.kind = NILO_RUN_COLLECT, .provenance = NILO_OBSERVED, .platform = true, .target_day = NILO_DAY_NONE, .read_until = NILO_DAY_NONE};
    const struct nilo_reading_value value = {.metric = nilo_catalog_by_name(nilo_store_catalog(s->store), "views")->id, .value = views};
    const struct nilo_reading reading = {.kind = NILO_CONTENT, .external_id = "v1", .captured_at = when, .day = NILO_DAY_NONE, .values = &value, .n_values = 1};
    nilo_arena_init(&arena, 0);
    ok(s, nilo_record_begin(s->store, c, &options, &r, &s->err));
    ok(s, nilo_record_add(r, &reading, &s->err));
    ok(s, nilo_record_finish(r, NULL, &arena, &run, &s->err));
    nilo_arena_done(&arena);
}

/* As the collector keeps it. */
static void kept(struct stores *s, const struct nilo_connection *c, nilo_us when, enum nilo_op op, const char *body)
{
    static const char *const ids[] = {"v1"};
    struct nilo_keeper *k;
    const struct nilo_ask ask = {.op = op, .variant = 1, .now = when, .ids = ids, .n_ids = 1, .account = "UCx", .day = NILO_DAY_NONE};
    const struct nilo_http_answer a = {.status = 200, .body = body, .n_body = strlen(body), .ended_at = when};
    ok(s, nilo_keeper_new(s->store, &k, &s->err));
    ok(s, nilo_keeper_keep(k, c->id, 1, &ask, &a, &s->err));
    ok(s, nilo_keeper_flush(k, &s->err));
    nilo_keeper_free(k);
}

static struct nilo_replay_result replay(struct stores *s, bool dry_run)
{
    struct nilo_replay_result r;
    const struct nilo_replay_options o = {.from = NILO_US_NONE, .to = NILO_US_NONE, .dry_run = dry_run};
    ok(s, nilo_replay(s->store, &o, NULL, NULL, &r, &s->err));
    return r;
}

#define VALUES "SELECT v.day - 20148, v.seq, v.value, v.cause FROM day_value v JOIN metric m ON m.id = v.metric_id WHERE m.name = 'views' ORDER BY v.day, v.seq, v.value"

static void closed_days_are_amended_and_open_ones_read_anew(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", "UTC", "yt", "youtube", "db");
    recorded(s, &c, at("2025-03-10", 9), 1); /* closed by now: 20148 is 2025-03-01 */
    recorded(s, &c, at("2025-03-20", 9), 2); /* today */
    kept(s, &c, at("2025-03-10", 9), NILO_OP_METRICS, BODY("10"));
    kept(s, &c, at("2025-03-20", 9), NILO_OP_METRICS, BODY("20"));
    assert_rows(s, VALUES, "9 0 1 0|19 0 2 0");
    struct nilo_replay_result r = replay(s, true);
    assert_true(r.answers == 2 && r.readings == 2);
    assert_rows(s, VALUES, "9 0 1 0|19 0 2 0");
    r = replay(s, false);
    assert_true(r.connections == 1 && r.answers == 2 && r.readings == 2 && r.failed == 0 && r.unreadable == 0);
    assert_int_equal(r.changed, 6); /* views; likes, which that parser had not read; that comments are hidden */
    assert_rows(s, VALUES, "9 0 1 0|9 1 10 5|19 0 20 0");
    assert_rows(s, "SELECT title FROM content", "First");
    assert_rows(s, "SELECT kind, status FROM run ORDER BY id DESC LIMIT 1", "5 1");
    r = replay(s, false);
    assert_int_equal(r.changed, 0);
    assert_rows(s, VALUES, "9 0 1 0|9 1 10 5|19 0 20 0");
}

/* A day of a report, as it was told then: of the platform's day `day`, its views. */
static void told(struct stores *s, const struct nilo_connection *c, nilo_us when, const char *day, int views, bool record)
{
    struct nilo_keeper *k;
    struct nilo_recorder *r;
    struct nilo_arena arena;
    struct nilo_run run;
    char body[300];
    nilo_day on;
    assert_int_equal(nilo_day_parse(day, strlen(day), &on, &s->err), 0);
    const struct nilo_ask ask = {.op = NILO_OP_REPORT, .now = when, .account = "UCx", .win = 30, .day = on};
    snprintf(body, sizeof body, "{\"kind\":\"youtubeAnalytics#resultTable\",\"columnHeaders\":[{\"name\":\"day\"},{\"name\":\"views\"}],\"rows\":[[\"%s\",%d]]}", day, views);
    const struct nilo_http_answer a = {.status = 200, .body = body, .n_body = strlen(body), .ended_at = when};
    ok(s, nilo_keeper_new(s->store, &k, &s->err));
    ok(s, nilo_keeper_keep(k, c->id, 1, &ask, &a, &s->err));
    ok(s, nilo_keeper_flush(k, &s->err));
    nilo_keeper_free(k);
    if (!record)
        return;
    const struct nilo_run_options options = {.kind = NILO_RUN_COLLECT, .provenance = NILO_OBSERVED, .platform = true, .target_day = NILO_DAY_NONE, .read_until = NILO_DAY_NONE};
    const struct nilo_reading_value value = {.metric = nilo_catalog_by_name(nilo_store_catalog(s->store), "views")->id, .value = views};
    const struct nilo_reading reading = {.kind = NILO_ACCOUNT, .external_id = "UCx", .win = 1, .captured_at = when, .day = on, .values = &value, .n_values = 1};
    nilo_arena_init(&arena, 0);
    ok(s, nilo_record_begin(s->store, c, &options, &r, &s->err));
    ok(s, nilo_record_add(r, &reading, &s->err));
    ok(s, nilo_record_finish(r, NULL, &arena, &run, &s->err));
    nilo_arena_done(&arena);
}

/* Three times the same day was asked for, and the second time its number was another one: that is in the record, and no news to it. */
static void what_was_restated_stays_as_it_is(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", "UTC", "yt", "youtube", "db");
    told(s, &c, at("2025-03-10", 9), "2025-03-08", 47, true);
    recorded(s, &c, at("2025-03-14", 9), 1);
    told(s, &c, at("2025-03-15", 9), "2025-03-08", 47, false);
    told(s, &c, at("2025-03-16", 9), "2025-03-08", 66, true);
    told(s, &c, at("2025-03-17", 9), "2025-03-08", 66, false);
#define RESTATED "SELECT v.day - 20148, v.seq, v.value, v.cause FROM day_value v JOIN metric m ON m.id = v.metric_id WHERE m.name = 'views' AND v.win = 1 ORDER BY v.day, v.seq"
    assert_rows(s, RESTATED, "7 0 47 0|7 1 66 2");
    struct nilo_replay_result r;
    const struct nilo_replay_options o = {.from = NILO_US_NONE, .to = at("2025-03-15", 23)};
    ok(s, nilo_replay(s->store, &o, NULL, NULL, &r, &s->err)); /* without the answer that restated it */
    assert_int_equal(r.answers, 2);
    assert_rows(s, RESTATED, "7 0 47 0|7 1 66 2");
    r = replay(s, false);
    assert_rows(s, RESTATED, "7 0 47 0|7 1 66 2");
}

static void answers_of_runs_that_do_not_count_stay_out(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", "UTC", "yt", "youtube", "db");
    recorded(s, &c, at("2025-03-20", 9), 20);
    kept(s, &c, at("2025-03-20", 9), NILO_OP_METRICS, BODY("10"));
    for (int status = 5; status <= 6; status++) {
        stores_exec(s, status == 5 ? "UPDATE run SET status = 5" : "UPDATE run SET status = 6");
        struct nilo_replay_result r = replay(s, false);
        assert_true(r.answers == 0 && r.changed == 0);
    }
    stores_exec(s, "UPDATE run SET status = 1 WHERE id = 1");
    assert_int_equal(replay(s, false).answers, 1);
}

static void of_a_time_only_its_answers_are_taken(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", "UTC", "yt", "youtube", "db");
    struct nilo_replay_result r;
    kept(s, &c, at("2025-03-19", 9), NILO_OP_METRICS, BODY("10"));
    kept(s, &c, at("2025-03-20", 9), NILO_OP_METRICS, BODY("20"));
    struct nilo_replay_options o = {.workspace = "w", .connection = "yt", .from = at("2025-03-20", 0), .to = at("2025-03-20", 10)};
    ok(s, nilo_replay(s->store, &o, NULL, NULL, &r, &s->err));
    assert_int_equal(r.answers, 1);
    assert_rows(s, VALUES, "19 0 20 0");
    o.connection = "nobody";
    fails(s, NILO_ENAME, nilo_replay(s->store, &o, NULL, NULL, &r, &s->err));
}

static void what_does_not_read_is_counted_and_costs_nothing(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", "UTC", "yt", "youtube", "db");
    kept(s, &c, at("2025-03-20", 7), NILO_OP_METRICS, "<html>");
    kept(s, &c, at("2025-03-20", 8), NILO_OP_METRICS, "{\"items\":[]}");
    kept(s, &c, at("2025-03-20", 9), NILO_OP_METRICS, BODY("20"));
    kept(s, &c, at("2025-03-20", 9), NILO_OP_LIST, "{\"items\":[{\"contentDetails\":{\"videoId\":\"v2\"}}]}");
    kept(s, &c, at("2025-03-20", 9), NILO_OP_ACCOUNT, "{\"items\":[{\"id\":\"UCx\",\"statistics\":{\"viewCount\":\"500\"}}]}");
    struct nilo_replay_result r = replay(s, false);
    assert_true(r.answers == 5 && r.unreadable == 1 && r.failed == 0 && r.readings == 2);
    assert_rows(s, VALUES, "19 0 20 0|19 0 500 0");
}

static void a_damaged_answer_fails_its_connection_alone(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", "UTC", "yt", "youtube", "db"), other = stores_connection(s, "w", "UTC", "more", "youtube", "db");
    kept(s, &c, at("2025-03-20", 9), NILO_OP_METRICS, BODY("20"));
    kept(s, &other, at("2025-03-20", 9), NILO_OP_METRICS, BODY("30"));
    stores_exec(s, "UPDATE raw_answer SET ask = '{\"win\":-1}' WHERE id = 1");
    struct nilo_replay_result r = replay(s, false);
    assert_true(r.connections == 2 && r.failed == 1);
    assert_rows(s, VALUES, "19 0 30 0");
}

/* As Graph's addresses of next pages do. */
static void secrets_that_an_answer_says_back_are_not_kept(struct stores *s)
{
    static const char body[] = "{\"next\":\"https:\\/\\/graph.example\\/me?access_token=CANARY-a\\/1&again=CANARY-a%2f1&key=CANARY-key\",\"secret\":\"CANARY-secret\","
                               "\"refresh\":\"1\\/\\/CANARY-refresh\",\"title\":\"it stays, AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA1\"}";
    const struct nilo_credentials known = {.api_key = "CANARY-key", .access_token = "CANARY-a/1", .refresh_token = "1//CANARY-refresh", .client_id = "app", .client_secret = "CANARY-secret"};
    const struct nilo_ask ask = {.op = NILO_OP_METRICS, .credentials = &known, .day = NILO_DAY_NONE};
    struct nilo_connection c = stores_connection(s, "w", "UTC", "yt", "youtube", "db");
    struct nilo_http_answer a = {.status = 200, .body = body, .n_body = sizeof body - 1, .ended_at = at("2025-03-20", 9)};
    struct nilo_keeper *k;
    struct nilo_raw raw;
    struct nilo_arena arena;
    bool there;
    ok(s, nilo_keeper_new(s->store, &k, &s->err));
    ok(s, nilo_keeper_keep(k, c.id, 0, &ask, &a, &s->err));
    ok(s, nilo_keeper_flush(k, &s->err));
    nilo_keeper_free(k);
    nilo_arena_init(&arena, 0);
    ok(s, nilo_store_raw_next(s->store, c.id, 0, at("2025-03-20", 0), at("2025-03-20", 23), &arena, &there, &raw, &s->err));
    assert_true(there);
    assert_int_equal(raw.n_body, a.n_body);
    assert_null(strstr(raw.body, "CANARY"));
    assert_non_null(strstr(raw.body, "\"title\":\"it stays, AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA1\""));
    assert_non_null(strstr(body, "CANARY-a")); /* the answer itself is the caller's */
    nilo_arena_done(&arena);
}

static void tokens_and_refusals_are_not_kept(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", "UTC", "yt", "youtube", "db");
    struct nilo_keeper *k;
    ok(s, nilo_keeper_new(s->store, &k, &s->err));
    for (int op = 0; op < NILO_OPS; op++) {
        const struct nilo_ask ask = {.op = (enum nilo_op)op, .day = NILO_DAY_NONE};
        struct nilo_http_answer a = {.status = 200, .body = "CANARY", .n_body = 6};
        bool tokens = op == NILO_OP_EXCHANGE || op == NILO_OP_REFRESH;
        ok(s, nilo_keeper_keep(k, c.id, 1, &ask, tokens ? &a : &(struct nilo_http_answer){.status = 200, .body = "x", .n_body = 1}, &s->err));
        a.status = 403;
        ok(s, nilo_keeper_keep(k, c.id, 1, &ask, &a, &s->err));
        a.status = 200;
        a.end = NILO_HTTP_BROKEN;
        ok(s, nilo_keeper_keep(k, c.id, 1, &ask, &a, &s->err));
    }
    ok(s, nilo_keeper_flush(k, &s->err));
    nilo_keeper_free(k);
    assert_rows(s, "SELECT op FROM raw_answer ORDER BY id", "account|accounts|list|metrics|report");
}

static void many_are_written_as_they_come(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", "UTC", "yt", "youtube", "db");
    struct nilo_keeper *k;
    const struct nilo_ask ask = {.op = NILO_OP_LIST, .day = NILO_DAY_NONE};
    const struct nilo_http_answer a = {.status = 200, .body = "{}", .n_body = 2};
    ok(s, nilo_keeper_new(s->store, &k, &s->err));
    for (int i = 0; i < 150; i++)
        ok(s, nilo_keeper_keep(k, c.id, 1, &ask, &a, &s->err));
    assert_rows(s, "SELECT count(*) FROM raw_answer", "128");
    nilo_keeper_free(k);
}

static void a_question_comes_back_as_it_was(struct stores *s)
{
    static const char *const ids[] = {"a", "b\"\\", "\xc3\xbc"};
    const struct nilo_ask asks[] = {
        {.op = NILO_OP_METRICS, .ids = ids, .n_ids = 3, .day = NILO_DAY_NONE},
        {.op = NILO_OP_LIST, .account = "UCx", .listing = "UUx", .cursor = "CDIQAA", .day = NILO_DAY_NONE},
        {.op = NILO_OP_REPORT, .ids = ids, .n_ids = 1, .win = 30, .day = NILO_DAY(20148)},
        {.op = NILO_OP_ACCOUNT, .day = NILO_DAY_NONE},
    };
    for (size_t i = 0; i < sizeof asks / sizeof asks[0]; i++) {
        struct nilo_arena arena;
        struct nilo_buf first, second;
        struct nilo_ask back;
        nilo_arena_init(&arena, 0);
        nilo_buf_init(&first, 4096);
        nilo_buf_init(&second, 4096);
        nilo_ask_write(&asks[i], &first);
        ok(s, nilo_ask_read(nilo_buf_str(&first), nilo_op_word(asks[i].op), &arena, &back, &s->err));
        nilo_ask_write(&back, &second);
        assert_string_equal(nilo_buf_str(&first), nilo_buf_str(&second));
        assert_true(back.op == asks[i].op && back.n_ids == asks[i].n_ids && back.win == asks[i].win && back.day.n == asks[i].day.n);
        nilo_buf_done(&first);
        nilo_buf_done(&second);
        nilo_arena_done(&arena);
    }
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(closed_days_are_amended_and_open_ones_read_anew), STORES_TEST(what_was_restated_stays_as_it_is),
        STORES_TEST(answers_of_runs_that_do_not_count_stay_out), STORES_TEST(of_a_time_only_its_answers_are_taken),
        STORES_TEST(what_does_not_read_is_counted_and_costs_nothing), STORES_TEST(a_damaged_answer_fails_its_connection_alone),
        STORES_TEST(secrets_that_an_answer_says_back_are_not_kept),
        STORES_TEST(tokens_and_refusals_are_not_kept), STORES_TEST(many_are_written_as_they_come), STORES_TEST(a_question_comes_back_as_it_was),
    };
    return stores_run("replay", tests, sizeof tests / sizeof tests[0]);
}
