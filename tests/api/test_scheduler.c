/* The scheduler of the daemon: rounds use one handle of the store after each other, one that was lost costs no round, and an app's table of connections is
 * looked at beside a collection that lasts. */
#include "store/stores.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/scheduler.h"
#include "api/settings.h"
#include "api/task.h"
#include "support/pg.h"
#include "support/tmp.h"

struct rig {
    struct stores *s;
    struct nilo_api api;
    struct nilo_scheduler *scheduler;
    char *target;
    struct nilo_store *reader;
};

static void app_sql(const char *path, const char *text)
{
    const struct nilo_db_options options = {.mode = NILO_DB_CREATE};
    struct nilo_db *db;
    struct nilo_err err;
    if (nilo_db_open(path, &options, &db, &err) != 0 || nilo_db_exec(db, text, &err) != 0)
        fail_msg("%s", err.msg);
    nilo_db_close(db);
}

static void rig_open(struct rig *r, struct stores *s, const char *more)
{
    static int n;
    struct nilo_config *config;
    char name[40], text[1500];
    *r = (struct rig){.s = s, .target = strdup(s->target)};
    snprintf(name, sizeof name, "scheduler-app%d", n++);
    const char *app = nilo_test_path(name);
    app_sql(app, "CREATE TABLE people (created_at TEXT); CREATE TABLE accounts (account TEXT, token TEXT); INSERT INTO people VALUES ('2025-03-20 01:00:00')");
    snprintf(text, sizeof text, "connections:\n  - {name: app, workspace: acme, platform: sql, database: \"%s\", users: people, schedule: \"*/5 * * * *\"}\n%s", app, more);
    nilo_test_write(nilo_test_path("scheduler.yaml"), text, strlen(text));
    ok(s, nilo_config_load(nilo_test_path("scheduler.yaml"), &s->env, &config, &s->err));
    nilo_store_close(s->store);
    s->store = NULL;
    nilo_virtual_clock_advance(&s->clock, 3 * NILO_US_MINUTE); /* a connection's share of the time after its slot */
    r->api.env = &s->env;
    ok(s, nilo_store_share_new(r->target, &s->env, &r->api.share, &s->err));
    ok(s, nilo_settings_new(config, &r->api.settings, &s->err));
    ok(s, nilo_tasks_new(&r->api.tasks, &s->err));
    ok(s, nilo_scheduler_new(&r->api, &r->scheduler, &s->err));
}

static void rig_close(struct rig *r)
{
    nilo_scheduler_free(r->scheduler);
    nilo_tasks_free(r->api.tasks);
    nilo_store_close(r->reader);
    nilo_store_share_free(r->api.share);
    nilo_settings_free(r->api.settings);
    free(r->target);
    stores_reopen(r->s, NILO_STORE_READ);
}

/* One round of each kind, from its beginning to its end. */
static void look(struct rig *r, int64_t rounds)
{
    struct nilo_tasks_counts c;
    nilo_tasks_counts(r->api.tasks, &c);
    int64_t until = c.done + rounds;
    nilo_scheduler_look(r->scheduler);
    for (int i = 0; c.done < until || c.running > 0 || c.waiting > 0; i++) {
        if (i > 20000)
            fail_msg("no round came to its end");
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        nilo_tasks_counts(r->api.tasks, &c);
    }
}

static int64_t number(struct rig *r, const char *sql)
{
    struct nilo_db_stmt *stmt;
    struct stores *s = r->s;
    int64_t n = -1;
    if (r->reader == NULL)
        ok(s, nilo_store_open(r->target, NILO_STORE_READ, &s->env, &r->reader, &s->err));
    ok(s, nilo_db_prepare(nilo_store_db(r->reader), sql, &stmt, &s->err));
    ok(s, nilo_db_query(stmt, NULL, 0, &s->err));
    if (nilo_db_row(stmt, &s->err) == 1)
        n = nilo_db_column_int(stmt, 0);
    nilo_db_reset(stmt);
    return n;
}

/* Descriptors of the file. */
static int64_t descriptors(const char *path)
{
    DIR *d = opendir("/proc/self/fd");
    int64_t n = 0;
    assert_non_null(d);
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        char link[300], to[512];
        snprintf(link, sizeof link, "/proc/self/fd/%s", e->d_name);
        ssize_t len = readlink(link, to, sizeof to - 1);
        if (len > 0) {
            to[len] = '\0';
            n += strcmp(to, path) == 0;
        }
    }
    closedir(d);
    return n;
}

/* What is open of the store by others than the one who asks: how many, and, on PostgreSQL, which, as one number. */
static int64_t handles(struct rig *r, int64_t *ret_which)
{
    *ret_which = 0;
    if (r->s->engine == NILO_DB_SQLITE) {
        char real[4096];
        number(r, "SELECT 1");
        assert_non_null(realpath(r->target, real));
        return descriptors(real);
    }
    *ret_which = number(r, "SELECT sum(pid * CAST(pid AS bigint)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
    return number(r, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
}

#define RUNS "SELECT count(*) FROM run WHERE kind = 0"

static void rounds_use_one_handle_after_each_other(struct stores *s)
{
    struct rig r;
    int64_t before, after, which, then;
    rig_open(&r, s, "");
    before = handles(&r, &which);
    look(&r, 1);
    int64_t runs = number(&r, RUNS);
    assert_true(runs > 0);
    after = handles(&r, &which);
    assert_true(after > before); /* kept between rounds; SQLite keeps descriptors of its own beside */
    if (s->engine == NILO_DB_POSTGRES)
        assert_int_equal(after, before + 1);
    for (int i = 0; i < 3; i++) {
        nilo_virtual_clock_advance(&s->clock, 10 * NILO_US_MINUTE);
        look(&r, 1);
        assert_int_equal(number(&r, RUNS), runs + i + 1);
        assert_int_equal(handles(&r, &then), after);
        assert_int_equal(then, which);
    }
    rig_close(&r);
    assert_int_equal(s->engine == NILO_DB_SQLITE ? descriptors(s->target) : 0, s->engine == NILO_DB_SQLITE ? 1 : 0);
}

static void a_handle_that_was_lost_costs_no_round(struct stores *s)
{
    struct rig r;
    if (s->engine == NILO_DB_SQLITE)
        return; /* a file is not lost */
    rig_open(&r, s, "");
    look(&r, 1);
    int64_t runs = number(&r, RUNS);
    for (int i = 0; i < 2; i++) {
        assert_true(number(&r, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()") >= 2);
        nilo_virtual_clock_advance(&s->clock, 10 * NILO_US_MINUTE);
        look(&r, 1);
        assert_int_equal(number(&r, RUNS), runs + i + 1);
    }
    rig_close(&r);
}

static void the_apps_table_is_looked_at_on_a_lane_of_its_own(struct stores *s)
{
    struct rig r;
    rig_open(&r, s, "connections_from_sql:\n  - {connection: app, statement: \"SELECT 'youtube' AS platform, account, token FROM accounts\"}\n");
    look(&r, 2);
    assert_int_equal(number(&r, "SELECT count(*) FROM schedule_slot WHERE schedule = 'connections_from_sql'"), 1);
    nilo_virtual_clock_advance(&s->clock, 2 * NILO_US_MINUTE);
    look(&r, 2);
    assert_int_equal(number(&r, "SELECT count(*) FROM schedule_slot WHERE schedule = 'connections_from_sql'"), 2);
    rig_close(&r);
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(rounds_use_one_handle_after_each_other),
        STORES_TEST(a_handle_that_was_lost_costs_no_round),
        STORES_TEST(the_apps_table_is_looked_at_on_a_lane_of_its_own),
    };
    return stores_run("api/scheduler", tests, sizeof tests / sizeof tests[0]);
}
