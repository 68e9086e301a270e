/* nilometer init and the configuration in the store: what a file says is there afterwards, what it no longer says is kept but disabled. */
#include "cmd_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/store.h"
#include "support/pg.h"
#include "support/tmp.h"

static const char *file, *path;

static void write_config(const char *text)
{
    nilo_test_write(file, text, strlen(text));
}

/* A fresh store and configuration for each test. */
static int fresh(void **state)
{
    static int n;
    char name[32];
    (void)state;
    snprintf(name, sizeof name, "s%d.db", n);
    path = nilo_test_path(name);
    snprintf(name, sizeof name, "c%d.yaml", n++);
    file = nilo_test_path(name);
    cmd_clock_at("2026-03-10T12:00:00Z");
    return 0;
}

static const struct cmd_result *init(void)
{
    return cmd_run("init", "--store", path, "--config", file, NULL);
}

static void apply(const char *text)
{
    write_config(text);
    const struct cmd_result *r = init();
    if (r->status != 0)
        fail_msg("%s", r->err);
}

static void refuse(const char *text, const char *wanted)
{
    write_config(text);
    const struct cmd_result *r = init();
    assert_int_equal(r->status, 1);
    cmd_assert_one_line(r->err);
    cmd_assert_contains(r->err, wanted);
}

static struct nilo_store *open_store(enum nilo_store_mode mode)
{
    struct nilo_store *s;
    struct nilo_err err = {0};
    static struct nilo_env env; /* the store keeps no pointer to it, but to what it points at */
    static struct nilo_seeded_random seeded;
    nilo_seeded_random_init(&seeded, 3);
    env = (struct nilo_env){.clock = nilo_virtual_clock(&cmd_clock), .random = nilo_seeded_random(&seeded)};
    if (nilo_store_open(path, mode, &env, &s, &err) != 0)
        fail_msg("%s", err.msg);
    return s;
}

/* All connections as one text: workspace/name platform status settle, in order of their making. */
static const char *connections(void)
{
    static char text[2000];
    struct nilo_store *s = open_store(NILO_STORE_READ);
    struct nilo_connection *all;
    struct nilo_err err;
    size_t n, at = 0;
    assert_int_equal(nilo_store_connections(s, &all, &n, &err), 0);
    text[0] = '\0';
    for (size_t i = 0; i < n; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s/%s %s %s %d;", all[i].workspace_name, all[i].name, all[i].platform,
                               all[i].status, (int)all[i].settle_s);
    free(all);
    nilo_store_close(s);
    return text;
}

/* The eras of a workspace: "zone from day; ..." */
static const char *zones(const char *workspace)
{
    static char text[500];
    struct nilo_store *s = open_store(NILO_STORE_READ);
    struct nilo_workspace w;
    const struct nilo_calendar *c;
    struct nilo_err err;
    size_t at = 0;
    assert_int_equal(nilo_store_workspace(s, workspace, false, NULL, &w, &err), 0);
    assert_int_equal(nilo_store_calendar(s, w.id, &c, &err), 0);
    for (size_t i = 0; i < c->n; i++) {
        char day[NILO_DAY_TEXT];
        nilo_day_format(c->eras[i].from_day, day);
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s %s", i > 0 ? "; " : "", nilo_zone_name(c->eras[i].zone), day);
    }
    nilo_store_close(s);
    return text;
}

#define APP   "  - {name: app, platform: sql, database: a.db, users: u}\n"
#define FORUM "  - {name: forum, workspace: studio, platform: sql, database: b.db, posts: p, settle_hours: 2}\n"

static void the_store_is_made_once(void **state)
{
    (void)state;
    write_config("");
    cmd_assert_contains(init()->out, "Made the store");
    cmd_assert_contains(init()->out, "already there");
    const struct cmd_result *r = cmd_run("init", "--json", "--store", path, "--config", file, NULL);
    assert_int_equal(r->status, 0);
    cmd_assert_contains(r->out, "\"made\":false,\"schema\":");
    assert_string_equal(connections(), "");
}

static void a_wrong_configuration_leaves_no_store_behind(void **state)
{
    (void)state;
    refuse("conections: []\n", "conections");
    FILE *f = fopen(path, "r");
    assert_null(f);
}

static void workspaces_and_connections_are_taken_over(void **state)
{
    (void)state;
    apply("workspaces: [{name: studio, zone: Europe/Berlin}]\nconnections:\n" APP FORUM);
    assert_string_equal(connections(), "default/app sql connected -1;studio/forum sql connected 7200;");
    assert_string_equal(zones("studio"), "Europe/Berlin 0001-01-01");
    assert_string_equal(zones("default"), "UTC 0001-01-01");
}

static void what_is_gone_from_the_file_is_disabled_and_comes_back(void **state)
{
    (void)state;
    apply("connections:\n" APP);
    apply("workspaces: [{name: studio}]\nconnections:\n" FORUM);
    assert_string_equal(connections(), "default/app sql disabled -1;studio/forum sql connected 7200;");
    apply("workspaces: [{name: studio}]\nconnections:\n" APP FORUM);
    assert_string_equal(connections(), "default/app sql connected -1;studio/forum sql connected 7200;");
    /* the same name in another workspace is another connection */
    apply("connections:\n  - {name: app, workspace: b, platform: sql, database: a.db, users: u}\n");
    assert_string_equal(connections(),
                        "default/app sql disabled -1;studio/forum sql disabled 7200;b/app sql connected -1;");
}

static void without_a_configuration_nothing_is_disabled(void **state)
{
    (void)state;
    apply("connections:\n" APP);
    /* the test's own folder holds no nilometer.yaml */
    assert_int_equal(cmd_run("init", "--store", path, NULL)->status, 0);
    assert_string_equal(connections(), "default/app sql connected -1;");
}

static void only_connections_of_the_file_are_disabled(void **state)
{
    (void)state;
    struct nilo_workspace w;
    struct nilo_connection c;
    struct nilo_err err;
    apply("connections:\n" APP);
    struct nilo_store *s = open_store(NILO_STORE_WRITE);
    assert_int_equal(nilo_store_workspace(s, "default", false, NULL, &w, &err), 0);
    assert_int_equal(nilo_store_connection(s, w.id, "tiktok", true, "tiktok", "db", &c, &err), 0);
    nilo_store_close(s);
    apply("");
    assert_string_equal(connections(), "default/app sql disabled -1;default/tiktok tiktok connected -1;");
}

/* What only the store can tell is wrong is found last; what came before it in the file is then not applied either. */
static void a_file_is_applied_as_a_whole_or_not_at_all(void **state)
{
    (void)state;
    struct nilo_workspace w;
    struct nilo_connection c;
    struct nilo_err err;
    apply("connections:\n" APP);
    struct nilo_store *s = open_store(NILO_STORE_WRITE);
    assert_int_equal(nilo_store_workspace(s, "default", false, NULL, &w, &err), 0);
    assert_int_equal(nilo_store_connection(s, w.id, "taken", true, "tiktok", "db", &c, &err), 0);
    nilo_store_close(s);
    refuse("workspaces: [{name: new}]\nmetrics: [{name: fresh_metric}]\nconnections:\n  - {name: taken, platform: sql, database: app.db, users: u}\n", "taken");
    assert_string_equal(connections(), "default/app sql connected -1;default/taken tiktok connected -1;");
    s = open_store(NILO_STORE_READ);
    assert_int_not_equal(nilo_store_workspace(s, "new", false, NULL, &w, &err), 0);
    assert_null(nilo_catalog_by_name(nilo_store_catalog(s), "fresh_metric"));
    nilo_store_close(s);
}

static void a_file_takes_over_a_connection_made_by_a_command(void **state)
{
    (void)state;
    struct nilo_workspace w;
    struct nilo_connection c;
    struct nilo_err err;
    apply("");
    struct nilo_store *s = open_store(NILO_STORE_WRITE);
    assert_int_equal(nilo_store_workspace(s, "default", true, NULL, &w, &err), 0);
    assert_int_equal(nilo_store_connection(s, w.id, "app", true, "sql", "db", &c, &err), 0);
    nilo_store_close(s);
    apply("connections:\n" APP);
    s = open_store(NILO_STORE_READ);
    assert_int_equal(nilo_store_connection_get(s, c.id, &c, &err), 0);
    assert_string_equal(c.origin, "file");
    nilo_store_close(s);
    apply("");
    assert_string_equal(connections(), "default/app sql disabled -1;");
}

static void the_settle_delay_follows_the_file(void **state)
{
    (void)state;
    apply("connections:\n" APP);
    apply("connections:\n  - {name: app, platform: sql, database: a.db, users: u, settle_hours: 0}\n");
    assert_string_equal(connections(), "default/app sql connected 0;");
    apply("connections:\n" APP);
    assert_string_equal(connections(), "default/app sql connected -1;");
}

static void a_new_zone_begins_tomorrow_once_something_was_recorded(void **state)
{
    (void)state;
    apply("workspaces: [{name: studio, zone: Europe/Berlin}]\nconnections:\n" FORUM);
    apply("workspaces: [{name: studio, zone: Asia/Tokyo}]\nconnections:\n" FORUM);
    assert_string_equal(zones("studio"), "Asia/Tokyo 0001-01-01");
    struct nilo_store *s = open_store(NILO_STORE_WRITE);
    struct nilo_err err = {0};
    struct nilo_run run = {.workspace = 1, .connection = 1, .provenance = NILO_OBSERVED, .started_at = cmd_clock.wall,
                           .ended_at = NILO_US_NONE, .first_day = NILO_DAY_NONE, .last_day = NILO_DAY_NONE, .target_day = NILO_DAY_NONE};
    if (nilo_store_run_begin(s, &run, &err) != 0)
        fail_msg("%s", err.msg);
    nilo_store_close(s);
    cmd_clock_at("2026-03-10T16:00:00Z"); /* the 11th in Tokyo */
    apply("workspaces: [{name: studio, zone: Europe/Berlin}]\nconnections:\n" FORUM);
    assert_string_equal(zones("studio"), "Asia/Tokyo 0001-01-01; Europe/Berlin 2026-03-12");
    cmd_assert_contains(cmd_run("status", "--store", path, NULL)->out, "Asia/Tokyo (Europe/Berlin from 2026-03-12)");
    /* a line that is left out is no wish for UTC */
    apply("connections:\n" FORUM);
    assert_string_equal(zones("studio"), "Asia/Tokyo 0001-01-01; Europe/Berlin 2026-03-12");
}

/* Five metrics of three lines; a name that is taken otherwise is no reason to refuse the configuration: collect tells it. */
static void metrics_of_sql_connections_are_defined_too(void **state)
{
    (void)state;
    static const char *const names[] = {"users_total", "posts_total", "posts_created", "comments_total", "comments_created"};
    apply("connections:\n  - {name: app, platform: sql, database: a.db, users: u, posts: p, comments: c}\n");
    struct nilo_store *s = open_store(NILO_STORE_READ);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct nilo_metric *m = nilo_catalog_by_name(nilo_store_catalog(s), names[i]);
        assert_non_null(m);
        assert_non_null(m->display_name);
        assert_int_equal(m->kind, NILO_PERIOD);
    }
    nilo_store_close(s);
    apply("metrics: [{name: users_active, type: count, kind: instant}]\n");
    apply("connections:\n  - name: app\n    platform: sql\n    database: a.db\n"
          "    metrics: [{name: users_active, table: u}]\n");
}

static void metrics_are_defined_and_stay_as_they_are(void **state)
{
    (void)state;
    struct nilo_store *s;
    apply("metrics: [{name: read_time, type: average, scale: 2, unit: seconds, display_name: Reading time}]\n");
    s = open_store(NILO_STORE_READ);
    const struct nilo_metric *m = nilo_catalog_by_name(nilo_store_catalog(s), "read_time");
    assert_non_null(m);
    assert_int_equal(m->type, NILO_AVERAGE);
    assert_int_equal(m->scale, 2);
    assert_int_equal(m->kind, NILO_INSTANT);
    assert_int_equal(m->aggregation, NILO_LEVEL);
    assert_string_equal(m->unit, "seconds");
    assert_string_equal(m->display_name, "Reading time");
    assert_false(m->builtin);
    nilo_store_close(s);
    apply("metrics: [{name: read_time, type: average, scale: 2}]\n");
    refuse("metrics:\n  - {name: tips, aggregation: flow, kind: period, currency: EUR, scale: 2}\n  - {name: read_time, type: average, scale: 3}\n",
           ":3: metric \"read_time\" is already defined");
    /* nothing of a file that was refused is taken over */
    s = open_store(NILO_STORE_READ);
    assert_null(nilo_catalog_by_name(nilo_store_catalog(s), "tips"));
    nilo_store_close(s);
}

static void a_connection_does_not_change_its_platform(void **state)
{
    (void)state;
    struct nilo_workspace w;
    struct nilo_connection c;
    struct nilo_err err;
    apply("");
    struct nilo_store *s = open_store(NILO_STORE_WRITE);
    assert_int_equal(nilo_store_workspace(s, "default", true, NULL, &w, &err), 0);
    assert_int_equal(nilo_store_connection(s, w.id, "app", true, "youtube", "db", &c, &err), 0);
    nilo_store_close(s);
    refuse("connections:\n" APP, ":2: connection \"app\": the store knows it with platform youtube");
    assert_string_equal(connections(), "default/app youtube connected -1;");
}

static void the_store_comes_from_option_environment_file_or_folder(void **state)
{
    (void)state;
    char text[500];
    const char *other = nilo_test_path("by_file.db");
    snprintf(text, sizeof text, "store: %s\n", other);
    write_config(text);
    cmd_assert_contains(cmd_run("init", "--config", file, NULL)->out, "Made the store");
    cmd_assert_contains(cmd_run("init", "--config", file, NULL)->out, other);
    /* the option wins over the file */
    cmd_assert_contains(init()->out, path);
    assert_string_equal(connections(), "");
    /* as does a reference to the environment, anywhere */
    setenv("SOME_STORE", other, 1);
    cmd_assert_contains(cmd_run("init", "--store", "env:SOME_STORE", NULL)->out, other);
    snprintf(text, sizeof text, "store: env:SOME_STORE\n");
    write_config(text);
    cmd_assert_contains(cmd_run("init", "--config", file, NULL)->out, other);
}

static void a_server_holds_a_store_as_well(void **state)
{
    (void)state;
    path = nilo_test_pg_database("cmd_init");
    if (path == NULL) {
        printf("# skipped: %s\n", nilo_test_pg_missing());
        skip();
    }
    write_config("workspaces: [{name: studio, zone: Europe/Berlin}]\nconnections:\n" FORUM);
    const struct cmd_result *r = cmd_run("status", "--store", path, NULL);
    assert_int_equal(r->status, 1);
    cmd_assert_contains(r->err, "nilometer init");
    r = init();
    if (r->status != 0)
        fail_msg("%s", r->err);
    cmd_assert_contains(r->out, "Made the store postgres://");
    cmd_assert_contains(init()->out, "already there");
    assert_string_equal(connections(), "studio/forum sql connected 7200;");
    cmd_assert_contains(cmd_run("status", "--store", path, NULL)->out, "Europe/Berlin");
    struct nilo_store *s = open_store(NILO_STORE_WRITE);
    r = init();
    assert_int_equal(r->status, 1);
    cmd_assert_one_line(r->err);
    cmd_assert_contains(r->err, "in use by another nilometer");
    assert_int_equal(cmd_run("status", "--store", path, NULL)->status, 0);
    nilo_store_close(s);
    assert_int_equal(init()->status, 0);
}

/* What the file publishes is there for every command, and gone once the file does not say it any more. */
static void tables_of_apps_follow_the_file(void **state)
{
    (void)state;
    static const char bound[] = "workspaces:\n  - name: studio\ncompat:\n  - set: youtube\n    workspace: studio\n    connection: yt\n  - set: creator\n";
    apply(bound);
    assert_string_equal(cmd_run("get", "users?select=u_id", "--store", path, "--format", "csv", NULL)->out, "u_id\n");
    assert_string_equal(cmd_run("get", "creator_videos?select=brand_id", "--store", path, "--format", "csv", NULL)->out, "brand_id\n");
    assert_int_equal(cmd_run("get", "studio_social_posts", "--store", path, NULL)->status, 2);
    apply("compat:\n  - set: creator\n");
    const struct cmd_result *r = cmd_run("get", "users", "--store", path, NULL);
    assert_int_equal(r->status, 2);
    cmd_assert_contains(r->err, "public.users");
    assert_int_equal(cmd_run("get", "creator_videos", "--store", path, NULL)->status, 0);
}

/* No value of it could ever be kept: that is known before anything is read. */
static void a_metric_with_the_name_of_a_built_in_one_that_is_another_is_refused(void **state)
{
    (void)state;
    refuse("connections:\n  - name: app\n    platform: sql\n    database: a.db\n    metrics:\n      - {name: posts_seen, table: p}\n      - {name: views, table: v}\n",
           ":7: metric \"views\" is one of the built-in ones, which is instant, level, and this one is period, level; give it another name");
    const struct cmd_result *r = cmd_run("collect", "--store", path, "--config", file, NULL);
    assert_int_equal(r->status, 1);
    apply("connections:\n  - name: app\n    platform: sql\n    database: a.db\n    metrics:\n      - {name: views_seen, table: v}\n"
          "      - {name: views, type: average, statement: 'SELECT 1 AS value WHERE :day IS NOT NULL'}\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_store_is_made_once, fresh),
        cmocka_unit_test_setup(a_wrong_configuration_leaves_no_store_behind, fresh),
        cmocka_unit_test_setup(workspaces_and_connections_are_taken_over, fresh),
        cmocka_unit_test_setup(what_is_gone_from_the_file_is_disabled_and_comes_back, fresh),
        cmocka_unit_test_setup(without_a_configuration_nothing_is_disabled, fresh),
        cmocka_unit_test_setup(only_connections_of_the_file_are_disabled, fresh),
        cmocka_unit_test_setup(a_file_is_applied_as_a_whole_or_not_at_all, fresh),
        cmocka_unit_test_setup(a_file_takes_over_a_connection_made_by_a_command, fresh),
        cmocka_unit_test_setup(the_settle_delay_follows_the_file, fresh),
        cmocka_unit_test_setup(a_new_zone_begins_tomorrow_once_something_was_recorded, fresh),
        cmocka_unit_test_setup(metrics_of_sql_connections_are_defined_too, fresh),
        cmocka_unit_test_setup(metrics_are_defined_and_stay_as_they_are, fresh),
        cmocka_unit_test_setup(a_metric_with_the_name_of_a_built_in_one_that_is_another_is_refused, fresh),
        cmocka_unit_test_setup(a_connection_does_not_change_its_platform, fresh),
        cmocka_unit_test_setup(the_store_comes_from_option_environment_file_or_folder, fresh),
        cmocka_unit_test_setup(tables_of_apps_follow_the_file, fresh),
        cmocka_unit_test_setup(a_server_holds_a_store_as_well, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
