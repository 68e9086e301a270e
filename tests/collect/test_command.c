/* nilometer collect as people and scripts see it: exit status, what is printed, and that no password is. */
#include "support/nilo_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "cmd/cmd.h"
#include "collect/world.h"
#include "support/tmp.h"

#define ARGS_MAX 24

struct answer {
    int status;
    char *out, *err;
};

static char config_path[256], store_path[256];

/* Runs a command line (words parted by one blank) on 2025-01-11 at 09:30. */
static struct answer command(const char *line)
{
    struct nilo_virtual_clock clock;
    struct nilo_seeded_random random;
    struct nilo_env env = {0};
    struct answer a = {0};
    char name[] = "nilometer", config[] = "--config", store[] = "--store";
    char *words = strdup(line), *argv[ARGS_MAX] = {name, config, config_path, store, store_path}, *next = words;
    size_t out_size, err_size;
    int argc = 5;
    nilo_virtual_clock_init(&clock, world_us("2025-01-11T09:30:00Z"));
    nilo_seeded_random_init(&random, 7);
    env.clock = nilo_virtual_clock(&clock);
    env.random = nilo_seeded_random(&random);
    while (next != NULL && argc < ARGS_MAX)
        argv[argc++] = strsep(&next, " ");
    FILE *out = open_memstream(&a.out, &out_size), *err = open_memstream(&a.err, &err_size);
    a.status = nilo_cmd_main(argc, argv, &env, out, err);
    fclose(out);
    fclose(err);
    free(words);
    return a;
}

static void answer_done(struct answer *a)
{
    free(a->out);
    free(a->err);
}

static void set_up(const char *config)
{
    snprintf(config_path, sizeof config_path, "%s", nilo_test_path("command.yaml"));
    snprintf(store_path, sizeof store_path, "%s", nilo_test_path("command.store"));
    nilo_test_remove(store_path);
    nilo_test_write(config_path, config, strlen(config));
    struct answer a = command("init");
    if (a.status != 0)
        fail_msg("init: %s", a.err);
    answer_done(&a);
}

static void make_app(const char *path)
{
    nilo_test_remove(path);
    world_sql(path, "CREATE TABLE u (created_at TEXT); CREATE TABLE p (created_at TEXT); CREATE TABLE c (created_at TEXT);"
                    "INSERT INTO u VALUES ('2025-01-09'), ('2025-01-10 10:00:00'); INSERT INTO p VALUES (1736500000), ('never'), ('2025-01-11 09:00')");
}

/* ---- exit status ------------------------------------------------------------------------------------------------------------------------------ */

#define GOOD    "  - {name: good, platform: sql, database: %s/good.app, users: u}\n"
#define GONE    "  - {name: gone, platform: sql, database: %s/gone.app, posts: p}\n"
#define FOLDER  "  - {name: folder, platform: sql, database: %s, posts: p}\n"
#define TEXT    "  - {name: text, platform: sql, database: %s/text.app, posts: p}\n"
#define PARTLY  "  - {name: partly, platform: sql, database: %s/good.app, users: u, posts: nowhere}\n"
#define WRONG   "  - {name: wrong, platform: sql, database: %s/good.app, users: nowhere}\n"
#define COLUMN  "  - {name: column, platform: sql, database: %s/good.app, users: u(made)}\n"
#define UNREAD  "  - {name: unread, platform: sql, database: %s/good.app, posts: p}\n"
#define SERVER  "  - {name: server, platform: sql, database: env:COMMAND_TEST_URL, posts: p}\n"

static const struct {
    const char *what, *connection, *line;
    int status;
    const char *says; /* somewhere in what is printed */
} cases[] = {
    {"all is well", GOOD, "collect", 0, "completed"},
    {"a day", GOOD, "collect --day 2025-01-10", 0, "2025-01-10"},
    {"a missing file", GONE, "collect", 1, "gone.app"},
    {"a folder", FOLDER, "collect", 1, "is a folder"},
    {"a text as a database", TEXT, "collect", 1, "not an SQLite database"},
    {"a server that is down", SERVER, "collect", 1, "cannot connect to postgres://app"},
    {"a missing table beside a good one", PARTLY, "collect", 3, "posts_total: nowhere: there is no table or view nowhere"},
    {"nothing but a missing table", WRONG, "collect", 1, "no table or view nowhere"},
    {"a missing column", COLUMN, "collect", 1, "u has no column made; it has created_at"},
    {"rows without a time", UNREAD, "collect", 0, "1 of 3 rows of p have no readable created_at"},
    {"one of two is down", GONE GOOD, "collect", 3, "gone.app"},
    {"the good one of two", GONE GOOD, "collect --connection good", 0, "completed"},
    {"a connection that is not there", GOOD, "collect --connection nobody", 2, "good"},
    {"a workspace that is not there", GOOD, "collect --workspace nowhere", 2, "nowhere"},
    {"no connection at all", "", "collect", 1, "nothing to collect"},
    {"a year mistyped", GOOD, "backfill --from 0202-01-01", 2, "backfill begins with 1970-01-01 at the earliest"},
    {"a year mistyped, and its end", GOOD, "backfill --from 1969-12-31 --to 1970-01-02", 2, "backfill begins with 1970-01-01 at the earliest"},
    {"a day to come", GOOD, "collect --day 2025-01-12", 2, "2025-01-12 is in the future"},
    {"no such day", GOOD, "collect --day 2025-02-30", 2, "day"},
    {"no day", GOOD, "collect --day tomorrow", 2, "day"},
    {"an operand", GOOD, "collect everything", 2, "everything"},
    {"an unknown option", GOOD, "collect --dya 2025-01-10", 2, "--day"},
};

/* Every %s becomes the folder of this test. */
static char *configuration(const char *connection)
{
    struct nilo_buf b;
    nilo_buf_init(&b, 4096);
    nilo_buf_adds(&b, connection[0] != '\0' ? "connections:\n" : "connections: []\n");
    for (const char *p = connection; *p != '\0'; p++) {
        if (p[0] == '%' && p[1] == 's') {
            nilo_buf_adds(&b, nilo_test_tmp());
            p++;
        } else {
            nilo_buf_addc(&b, *p);
        }
    }
    return nilo_buf_take(&b);
}

static void the_exit_status_says_how_it_went(void **state)
{
    (void)state;
    make_app(nilo_test_path("good.app"));
    nilo_test_write(nilo_test_path("text.app"), "this is a diary and not a database, whatever its name may say; it is long enough to have a header", 98);
    setenv("COMMAND_TEST_URL", "postgres://app:topsecret@127.0.0.1:1/app", 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *config = configuration(cases[i].connection);
        set_up(config);
        struct answer a = command(cases[i].line);
        if (a.status != cases[i].status)
            fail_msg("%s: status %d, wanted %d\n%s%s", cases[i].what, a.status, cases[i].status, a.out, a.err);
        if (strstr(a.out, cases[i].says) == NULL && strstr(a.err, cases[i].says) == NULL)
            fail_msg("%s: \"%s\" is not in\n%s%s", cases[i].what, cases[i].says, a.out, a.err);
        if (strstr(a.out, "topsecret") != NULL || strstr(a.err, "topsecret") != NULL)
            fail_msg("%s: the password is shown", cases[i].what);
        answer_done(&a);
        free(config);
    }
}

/* ---- output ----------------------------------------------------------------------------------------------------------------------------------- */

static void people_get_a_table_and_what_went_wrong_below_it(void **state)
{
    (void)state;
    make_app(nilo_test_path("good.app"));
    char *config = configuration(PARTLY);
    set_up(config);
    struct answer a = command("collect");
    assert_string_equal(a.err, "");
    const char *second = strstr(a.out, "default/partly  2025-01-11  partial");
    const char *first = strstr(a.out, "default/partly  2025-01-10  partial");
    assert_non_null(first);
    assert_true(second > first);
    assert_true(strstr(a.out, "posts_created: nowhere") > second);
    answer_done(&a);
    free(config);
}

static void machines_get_a_line_a_run(void **state)
{
    (void)state;
    make_app(nilo_test_path("good.app"));
    char *config = configuration(PARTLY);
    set_up(config);
    struct answer a = command("--json collect");
    assert_int_equal(a.status, 3);
    char *rest = a.out, *line;
    int lines = 0;
    while ((line = strsep(&rest, "\n")) != NULL && line[0] != '\0') {
        assert_int_equal(nilo_json_check(line, strlen(line), NULL), 0);
        assert_non_null(strstr(line, lines == 0 ? "\"last_day\":\"2025-01-10\"" : "\"last_day\":\"2025-01-11\""));
        assert_non_null(strstr(line, "\"status\":\"partial\",\"metrics_collected\":1,"));
        assert_non_null(strstr(line, "{\"metric\":\"posts_total\",\"class\":\"invalid\",\"message\":\"nowhere: there is no table"));
        lines++;
    }
    assert_int_equal(lines, 2);
    answer_done(&a);
    free(config);
}

static void a_run_id_that_was_done_says_so(void **state)
{
    (void)state;
    make_app(nilo_test_path("good.app"));
    char *config = configuration(GOOD);
    set_up(config);
    struct answer a = command("collect --run-id night-1");
    assert_int_equal(a.status, 0);
    answer_done(&a);
    a = command("collect --run-id night-1");
    assert_int_equal(a.status, 0);
    assert_non_null(strstr(a.out, "was completed before"));
    assert_null(strstr(a.out, "completed  "));
    answer_done(&a);
    free(config);
}

static void a_closed_day_that_the_source_counts_otherwise_is_told(void **state)
{
    (void)state;
    make_app(nilo_test_path("good.app"));
    char *config = configuration(GOOD);
    set_up(config);
    struct answer a = command("collect");
    answer_done(&a);
    world_sql(nilo_test_path("good.app"), "DELETE FROM u WHERE created_at = '2025-01-09'");
    a = command("collect --day 2025-01-10");
    assert_int_equal(a.status, 0);
    assert_non_null(strstr(a.out, "the source counts 1 values of closed days otherwise by now; what was recorded stands"));
    answer_done(&a);
    free(config);
}

static void a_run_that_read_nothing_counts_no_values(void **state)
{
    (void)state;
    char *config = configuration(GONE);
    set_up(config);
    struct answer a = command("collect");
    assert_int_equal(a.status, 1);
    answer_done(&a);
    a = command("status");
    assert_non_null(strstr(a.out, "collect, failed, 2025-01-11 "));
    assert_non_null(strstr(a.out, ", 0 values"));
    answer_done(&a);
    free(config);
}

static void without_a_store_it_says_how_to_make_one(void **state)
{
    (void)state;
    char *config = configuration(GOOD);
    set_up(config);
    nilo_test_remove(store_path);
    struct answer a = command("collect");
    assert_int_equal(a.status, 1);
    assert_non_null(strstr(a.err, "init"));
    answer_done(&a);
    free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_exit_status_says_how_it_went),
        cmocka_unit_test(people_get_a_table_and_what_went_wrong_below_it),
        cmocka_unit_test(machines_get_a_line_a_run),
        cmocka_unit_test(a_run_id_that_was_done_says_so),
        cmocka_unit_test(a_closed_day_that_the_source_counts_otherwise_is_told),
        cmocka_unit_test(a_run_that_read_nothing_counts_no_values),
        cmocka_unit_test(without_a_store_it_says_how_to_make_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
