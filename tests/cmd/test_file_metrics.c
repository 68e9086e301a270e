/* Metrics of the configuration file: gone from it they are not collected any more and keep their history, back in it they are collected again;
 * what somebody else decided stays. Both engines. */
#include "cmd_test.h"

#include <stdio.h>
#include <string.h>

#include "collect/world.h"
#include "store/store.h"
#include "support/pg.h"
#include "support/tmp.h"

static const char *target, *config;

#define APP(metrics) "  - {name: app, platform: sql, database: APP.db, users: u, metrics: [" metrics "]}\n"
#define EXTRA        "{name: extra_total, table: e}"
#define BOTH         "metrics: [{name: clips}]\nconnections:\n" APP(EXTRA)
#define NO_EXTRA     "metrics: [{name: clips}]\nconnections:\n" APP("")
#define NO_CLIPS     "connections:\n" APP(EXTRA)
#define TWICE        "metrics: [{name: clips}]\nconnections:\n" APP(EXTRA) "  - {name: b, workspace: w, platform: sql, database: APP.db, metrics: [" EXTRA "]}\n"
#define OTHER        "metrics: [{name: clips}]\nconnections:\n  - {name: b, workspace: w, platform: sql, database: APP.db, metrics: [" EXTRA "]}\n"
#define CLIPS_ONLY   "metrics: [{name: clips}]\n"

static struct nilo_store *open_store(enum nilo_store_mode mode)
{
    static struct nilo_env env;
    static struct nilo_seeded_random seeded;
    struct nilo_store *s;
    struct nilo_err err = {0};
    nilo_seeded_random_init(&seeded, 3);
    env = (struct nilo_env){.clock = nilo_virtual_clock(&cmd_clock), .random = nilo_seeded_random(&seeded)};
    if (nilo_store_open(target, mode, &env, &s, &err) != 0)
        fail_msg("%s", err.msg);
    return s;
}

/* "clips+ users_total-": in the order of their making, + for active. */
static const char *active(void)
{
    static char text[1000];
    struct nilo_store *s = open_store(NILO_STORE_READ);
    const struct nilo_catalog *all = nilo_store_catalog(s);
    text[0] = '\0';
    for (size_t i = 0; i < all->n; i++) {
        if (!all->metrics[i].builtin)
            snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s%c", text[0] != '\0' ? " " : "", all->metrics[i].name,
                     all->metrics[i].active ? '+' : '-');
    }
    nilo_store_close(s);
    return text;
}

/* Somebody else than the file decides. */
static void set_active(const char *name, bool is)
{
    struct nilo_store *s = open_store(NILO_STORE_WRITE);
    struct nilo_err err = {0};
    const struct nilo_metric *m = nilo_catalog_by_name(nilo_store_catalog(s), name);
    assert_non_null(m);
    if (nilo_store_metric_active(s, m->id, is, &err) != 0)
        fail_msg("%s", err.msg);
    nilo_store_close(s);
}

static const struct cmd_result *with(const char *command, const char *text)
{
    struct nilo_buf whole;
    nilo_buf_init(&whole, 10000);
    for (const char *at; (at = strstr(text, "APP.db")) != NULL; text = at + strlen("APP.db")) {
        nilo_buf_add(&whole, text, (size_t)(at - text));
        nilo_buf_adds(&whole, nilo_test_path("file_metrics.app"));
    }
    nilo_buf_adds(&whole, text);
    nilo_test_write(config, nilo_buf_str(&whole), whole.len);
    nilo_buf_done(&whole);
    const struct cmd_result *r = cmd_run(command, "--store", target, "--config", config, NULL);
    if (r->status != 0)
        fail_msg("%s: %s%s", text, r->err, r->out);
    return r;
}

static const char *values(void)
{
    return cmd_run("get", "daily_metrics?metric_category=eq.extra_total&select=metric_date,value&order=metric_date", "--store", target, "--format", "csv", NULL)->out;
}

static void begin(bool postgres, const char *name)
{
    target = postgres ? nilo_test_pg_database(name) : nilo_test_path(name);
    if (target == NULL) {
        print_message("%s\n", nilo_test_pg_missing());
        skip();
    }
    config = nilo_test_path("file_metrics.yaml");
    nilo_test_remove(nilo_test_path("file_metrics.app"));
    world_sql(nilo_test_path("file_metrics.app"), "CREATE TABLE u (created_at TEXT); CREATE TABLE e (created_at TEXT);"
                                                  "INSERT INTO u VALUES ('2026-03-01 00:00:00'); INSERT INTO e VALUES ('2026-03-01 00:00:00')");
    cmd_clock_at("2026-03-10T12:00:00Z");
}

static const struct {
    const char *file, *who; /* who: after it, somebody sets this metric: "+name" or "-name" */
    const char *active;
} steps[] = {
    {BOTH, NULL, "clips+ users_total+ extra_total+"},
    {NO_EXTRA, NULL, "clips+ users_total+ extra_total-"},
    {NO_EXTRA, NULL, "clips+ users_total+ extra_total-"},
    {BOTH, NULL, "clips+ users_total+ extra_total+"},
    {NO_CLIPS, NULL, "clips- users_total+ extra_total+"},
    {OTHER, NULL, "clips+ users_total- extra_total+"},
    {TWICE, NULL, "clips+ users_total+ extra_total+"},
    {CLIPS_ONLY, NULL, "clips+ users_total- extra_total-"},
    {"", NULL, "clips- users_total- extra_total-"},
    {BOTH, "-extra_total", "clips+ users_total+ extra_total+"},
    {BOTH, NULL, "clips+ users_total+ extra_total-"},     /* what a person put to rest stays so, */
    {NO_EXTRA, NULL, "clips+ users_total+ extra_total-"},
    {BOTH, "+extra_total", "clips+ users_total+ extra_total-"}, /* also when it was gone in between */
    {NO_EXTRA, "+extra_total", "clips+ users_total+ extra_total-"},
    {NO_EXTRA, NULL, "clips+ users_total+ extra_total+"}, /* and so does what a person woke */
    {BOTH, NULL, "clips+ users_total+ extra_total+"},
    {NO_EXTRA, NULL, "clips+ users_total+ extra_total-"},
};

static void the_file_decides(bool postgres)
{
    begin(postgres, "file_steps");
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        with("init", steps[i].file);
        if (strcmp(active(), steps[i].active) != 0)
            fail_msg("step %zu: %s, wanted %s", i, active(), steps[i].active);
        if (steps[i].who != NULL)
            set_active(steps[i].who + 1, steps[i].who[0] == '+');
    }
    /* without a file nothing is said */
    assert_int_equal(cmd_run("init", "--store", target, NULL)->status, 0);
    assert_string_equal(active(), "clips+ users_total+ extra_total-");
}

static void what_the_file_no_longer_defines_is_inactive_until_it_does_again(void **state)
{
    (void)state;
    the_file_decides(false);
    the_file_decides(true);
}

static void history_stays(bool postgres)
{
    begin(postgres, "file_history");
    assert_int_equal(cmd_run("init", "--store", target, NULL)->status, 0);
    with("collect", BOTH);
    assert_string_equal(values(), "metric_date,value\n2026-03-09,1\n2026-03-10,1\n");
    cmd_clock_at("2026-03-12T12:00:00Z");
    with("collect", NO_EXTRA);
    assert_string_equal(values(), "metric_date,value\n2026-03-09,1\n2026-03-10,1\n");
    const char *defined = cmd_run("get", "metric_definitions?metric_category=eq.extra_total&select=is_active", "--store", target, "--format", "csv", NULL)->out;
    cmd_assert_contains(defined, "false");
    cmd_clock_at("2026-03-13T12:00:00Z");
    with("collect", BOTH);
    cmd_assert_contains(values(), "metric_date,value\n2026-03-09,1\n2026-03-10,1\n");
    cmd_assert_contains(values(), "2026-03-13,1\n");
}

static void its_history_stays_and_goes_on(void **state)
{
    (void)state;
    history_stays(false);
    history_stays(true);
}

static void metrics_that_did_not_come_from_the_file_are_left_alone(void **state)
{
    struct nilo_err err = {0};
    const struct nilo_metric mine = {.name = "mine", .active = true}, odd = {.name = "clips count in\nodd", .active = true};
    (void)state;
    begin(false, "file_mine");
    with("init", BOTH);
    struct nilo_store *s = open_store(NILO_STORE_WRITE);
    assert_int_equal(nilo_store_metric_define(s, &mine, NULL, &err), 0);
    assert_int_equal(nilo_store_metric_define(s, &odd, NULL, &err), 0);
    nilo_store_close(s);
    with("init", NO_CLIPS);
    assert_string_equal(active(), "clips- users_total+ extra_total+ mine+ clips count in\nodd+");
    /* a file that names it takes it over */
    with("init", "metrics: [{name: mine}]\n");
    assert_string_equal(active(), "clips- users_total- extra_total- mine+ clips count in\nodd+");
    with("init", BOTH);
    assert_string_equal(active(), "clips+ users_total+ extra_total+ mine- clips count in\nodd+");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_file_no_longer_defines_is_inactive_until_it_does_again),
        cmocka_unit_test(its_history_stays_and_goes_on),
        cmocka_unit_test(metrics_that_did_not_come_from_the_file_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
