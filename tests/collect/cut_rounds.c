/* The source is cut off after each message that it sends: nothing is lost, nothing half done, and the same command completes afterwards and leaves
 * what an undisturbed one leaves. The clock is virtual: waiting between tries takes no time. */
#include "support/nilo_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect/cut_rounds.h"
#include "collect/world.h"
#include "connect/connect.h"
#include "support/cutter.h"
#include "support/pg.h"

#define START "2025-01-11T00:05:00Z" /* before yesterday has settled: a failed metric of it can still be read */
#define LINES                                                                                                                       \
    "    users: profiles\n    posts: posts\n    comments: comments\n    metrics:\n"                                                  \
    "      - {name: sized, type: average, scale: 2, mode: created, statement: \"SELECT created_at::date AS day, avg(size) AS value, count(*) AS sample_size FROM"    \
    " posts WHERE created_at >= :from AND created_at < :to GROUP BY 1\"}\n"

static struct cutter *cable;
static int stride; /* of the messages, every so many-th is cut at */
static char config[2048];
static char *url;

static int set_up(void **state)
{
    (void)state;
    const char *target = nilo_test_pg_database("cut");
    if (target == NULL)
        return 0;
    world_sql(target,
              "CREATE TABLE profiles (created_at timestamptz); CREATE TABLE posts (created_at timestamp, size int); CREATE TABLE comments (created_at date);"
              "INSERT INTO profiles SELECT timestamptz '2024-12-28 00:00+00' + i * interval '7 hours' FROM generate_series(0, 40) AS i;"
              "INSERT INTO posts SELECT timestamp '2024-12-28' + i * interval '3 hours', i FROM generate_series(0, 115) AS i;"
              "INSERT INTO comments SELECT date '2024-12-28' + i / 5 FROM generate_series(0, 70) AS i");
    char folder[200] = "", *to = folder;
    for (const char *from = strchr(target, '@') + 1; *from != '/' && *from != '\0';) {
        bool slash = strncmp(from, "%2F", 3) == 0;
        *to++ = slash ? '/' : *from;
        from += slash ? 3 : 1;
    }
    *to = '\0';
    cable = cutter_new(folder);
    url = strdup(target);
    snprintf(config, sizeof config, "connections:\n  - name: app\n    platform: sql\n    database: postgres://nilo@/cut?host=%s\n" LINES, cutter_folder(cable));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    cutter_free(cable);
    free(url);
    return 0;
}

static void need_server(void)
{
    if (cable == NULL) {
        print_message("%s\n", nilo_test_pg_missing());
        skip();
    }
}

/* ---- what a store holds --------------------------------------------------------------------------------------------------------------- */

static char *dump(struct world *w)
{
    struct nilo_buf b;
    struct nilo_db_stmt *stmt;
    nilo_buf_init(&b, 1 << 20);
    const char *sql = "SELECT m.name || ' ' || v.day || ' ' || v.seq || ' ' || COALESCE(CAST(v.value AS TEXT), '-') || ' ' || v.absence || ' ' || v.provenance || ' ' ||"
                      " COALESCE(v.meta, '') FROM day_value v JOIN metric m ON m.id = v.metric_id ORDER BY m.name, v.day, v.seq";
    struct nilo_db *db = nilo_store_db(w->store);
    if (nilo_db_prepare(db, sql, &stmt, &w->err) != 0 || nilo_db_query(stmt, NULL, 0, &w->err) != 0)
        fail_msg("%s", w->err.msg);
    while (nilo_db_row(stmt, &w->err) == 1)
        nilo_buf_addf(&b, "%s\n", nilo_db_column_text(stmt, 0));
    char *text = nilo_buf_take(&b);
    nilo_buf_done(&b);
    return text != NULL ? text : strdup("");
}

/* Every line of one is in the other: what a disturbed run wrote is right as far as it goes. */
static void assert_part_of(const char *some, const char *all, int64_t n)
{
    for (const char *line = some; *line != '\0'; line += strcspn(line, "\n") + 1) {
        char one[400] = "";
        size_t len = strcspn(line, "\n") + 1;
        assert_true(len < sizeof one);
        memcpy(one, line, len);
        bool missing_value = strstr(one, " 0 - 4 ") != NULL; /* failed: said to be missing, with its reason */
        if (!missing_value && strstr(all, one) == NULL)
            fail_msg("cut after message %lld: wrong: %s", (long long)n, one);
    }
}

/* ---- the two commands ----------------------------------------------------------------------------------------------------------------- */

typedef void command_fn(struct world *w, char status[16]);

static void collect(struct world *w, char status[16])
{
    if (world_collect(w, NULL) != 0)
        fail_msg("%s", w->err.msg);
    snprintf(status, 16, "%s", w->result.status);
}

static void fill(struct world *w, char status[16])
{
    struct nilo_backfill_result result;
    const struct nilo_backfill_options o = {.from = NILO_DAY_NONE, .to = NILO_DAY_NONE};
    if (nilo_backfill(w->store, w->config, &o, &result, &w->err) != 0)
        fail_msg("%s", w->err.msg);
    snprintf(status, 16, "%s", result.status);
}

static char *undisturbed(command_fn *command, int64_t *ret_messages)
{
    struct world w;
    char status[16];
    world_init(&w, "cut_whole", NULL, config, START);
    cutter_set(cable, -1, -1);
    command(&w, status);
    *ret_messages = cutter_messages(cable);
    assert_string_equal(status, "completed");
    char *text = dump(&w);
    assert_non_null(strstr(text, "users_total"));
    if (strstr(text, "sample_size") == NULL)
        fail_msg("no answer of the statement: %s", text);
    world_done(&w);
    return text;
}

/* Cut after n messages, on every connection: three tries, then it failed; or once: the second try is as good as the first. */
static void cut_everywhere(command_fn *command)
{
    int64_t messages, failed = 0, healed = 0;
    char status[16], *wanted = undisturbed(command, &messages);
    assert_true(messages > 30);
    for (int64_t n = 0; n <= messages; n += stride) {
        struct world w;
        world_init(&w, "cut_each", NULL, config, START);
        cutter_set(cable, n, -1);
        nilo_us before = w.clock.wall;
        command(&w, status);
        int64_t cuts = cutter_cuts(cable);
        if (strcmp(status, "completed") != 0) {
            failed++;
            /* three tries of at least one question: one and two seconds, and up to a quarter more */
            assert_true(cuts >= 3);
            assert_true(w.clock.wall - before >= 3 * NILO_US_SECOND);
        }
        char *part = dump(&w);
        assert_part_of(part, wanted, n);
        free(part);
        cutter_set(cable, -1, -1);
        command(&w, status);
        assert_string_equal(status, "completed");
        assert_string_equal(world_connection(&w, "app").status, "connected");
        char *whole = dump(&w);
        if (strcmp(whole, wanted) != 0)
            fail_msg("cut after message %lld, then completed:\n%s\nwanted:\n%s", (long long)n, whole, wanted);
        free(whole);
        world_done(&w);

        world_init(&w, "cut_once", NULL, config, START);
        cutter_set(cable, n, 1);
        command(&w, status);
        if (cutter_cuts(cable) == 1 && strcmp(status, "completed") == 0)
            healed++;
        assert_string_equal(status, "completed");
        whole = dump(&w);
        assert_string_equal(whole, wanted);
        free(whole);
        world_done(&w);
    }
    assert_true(failed > messages / stride / 3);
    assert_true(healed > messages / stride / 3);
    print_message("# %lld messages, %lld failed, %lld healed by another try\n", (long long)messages, (long long)failed, (long long)healed);
    free(wanted);
}

static void collect_is_cut_after_each_message(void **state)
{
    (void)state;
    need_server();
    cut_everywhere(collect);
}

static void backfill_is_cut_after_each_message(void **state)
{
    (void)state;
    need_server();
    cut_everywhere(fill);
}

/* ---- a table in chunks -------------------------------------------------------------------------------------------------------------------- */

#define CUTS 4

/* One block a statement; the count fails as a whole, whatever chunk the cable is cut in, and is never a part of the rows. */
static void a_table_is_cut_in_every_chunk(void **state)
{
    (void)state;
    need_server();
    char target[300];
    struct nilo_cut cuts[CUTS];
    struct nilo_sql_counts counts;
    struct nilo_err err;
    struct nilo_db *db;
    int64_t below[CUTS], wanted[CUTS], messages;
    const struct nilo_sql_pass pass = {.table = "many", .timestamp = "created_at", .chunk = 1};
    world_sql(url, "CREATE TABLE many (created_at timestamptz, filler text); INSERT INTO many SELECT timestamptz '2025-01-01 00:00+00' + i * interval '1 minute',"
                   " repeat('x', 200) FROM generate_series(0, 2999) AS i; ANALYZE many");
    snprintf(target, sizeof target, "postgres://nilo@/cut?host=%s", cutter_folder(cable));
    for (int i = 0; i < CUTS; i++)
        cuts[i] = (struct nilo_cut){.at = world_us("2025-01-01T00:00:00Z") + i * 12 * NILO_US_HOUR, .day = NILO_DAY(world_day("2025-01-01").n + i)};
    cutter_set(cable, -1, -1);
    assert_int_equal(nilo_sql_open(target, 30000, NULL, &db, &err), 0);
    if (nilo_sql_count_pass(db, &pass, cuts, CUTS, wanted, &counts, &err) != 0)
        fail_msg("%s", err.msg);
    nilo_db_close(db);
    messages = cutter_messages(cable);
    assert_int_equal(wanted[CUTS - 1], 2160);
    assert_true(messages > 300); /* some ninety chunks of several messages */
    int failed = 0;
    for (int64_t n = 1; n <= messages; n += stride) {
        cutter_set(cable, n, -1);
        if (nilo_sql_open(target, 30000, NULL, &db, &err) != 0)
            continue;
        memset(below, -1, sizeof below);
        int rc = nilo_sql_count_pass(db, &pass, cuts, CUTS, below, &counts, &err);
        if (rc == 0) {
            assert_memory_equal(below, wanted, sizeof wanted);
        } else {
            failed++;
            assert_int_equal(err.code, NILO_ESOURCE);
            assert_string_equal(nilo_connect_class(err.code), "transient");
        }
        nilo_db_close(db);
    }
    assert_true(failed > messages / stride / 2);
}

int cut_rounds(int every)
{
    stride = every;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(collect_is_cut_after_each_message),
        cmocka_unit_test(backfill_is_cut_after_each_message),
        cmocka_unit_test(a_table_is_cut_in_every_chunk),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
