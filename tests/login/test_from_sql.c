/* Connections that an app keeps in a table of its own: made the same here, with their tokens, and never the other way round. The app's database is of the
 * same engine as the store. */
#include "store/stores.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "collect/collect.h"
#include "db/db.h"
#include "fake.h"
#include "login/login.h"
#include "support/pg.h"
#include "support/tmp.h"

#define CANARY "canary-77ab-never-shown"

struct world {
    struct stores *s;
    struct fake fake;
    struct nilo_config *config;
    struct nilo_login *login;
    struct nilo_db *app;
};

static void app(struct world *w, const char *sql)
{
    struct nilo_err err = {0};
    if (nilo_db_exec(w->app, sql, &err) != 0)
        fail_msg("%s: %s", sql, err.msg);
}

static void configure(struct world *w, const char *database, const char *statement)
{
    char text[2000];
    nilo_config_free(w->config);
    snprintf(text, sizeof text,
             "platforms:\n  - platform: youtube\nconnections:\n  - name: app\n    platform: sql\n    database: %s\n    users: accounts\n"
             "connections_from_sql:\n  - connection: app\n    statement: |\n      %s\n",
             database, statement);
    nilo_test_write(nilo_test_path("c.yaml"), text, strlen(text));
    w->config = NULL;
    ok(w->s, nilo_config_load(nilo_test_path("c.yaml"), &w->s->env, &w->config, &w->s->err));
    nilo_login_free(w->login);
    ok(w->s, nilo_login_new(w->s->store, w->config, w->fake.http, &w->login, &w->s->err));
}

#define PLAIN_STATEMENT "SELECT platform, team AS workspace, account, token, expires_at FROM accounts WHERE active = 1 ORDER BY account"

static char *database;
static bool other_engine; /* the app's database is of the other one */

static void begin(struct world *w, struct stores *s)
{
    static int n;
    char name[32];
    const struct nilo_db_options create = {.mode = NILO_DB_CREATE};
    *w = (struct world){.s = s};
    stores_keys(s);
    fake_start(&w->fake, &s->env);
    snprintf(name, sizeof name, "app%d", n++);
    database = strdup((s->engine == NILO_DB_SQLITE) != other_engine ? nilo_test_path(name) : nilo_test_pg_database(name));
    ok(s, nilo_db_open(database, &create, &w->app, &s->err));
    app(w, "CREATE TABLE accounts (platform text, team text, account text, token text, expires_at text, active integer)");
    app(w, "INSERT INTO accounts VALUES ('youtube', 'studio', 'UC1', 'token-1', NULL, 1), ('youtube', NULL, 'UC2', 'token-2', '2025-03-20T12:00:00Z', 1)");
    configure(w, database, PLAIN_STATEMENT);
}

static void end(struct world *w)
{
    nilo_db_close(w->app);
    nilo_login_free(w->login);
    nilo_config_free(w->config);
    fake_end(&w->fake);
    free(database);
}

static struct nilo_login_synced sync_now(struct world *w)
{
    struct nilo_login_synced got;
    ok(w->s, nilo_login_from_sql(w->login, &got, &w->s->err));
    return got;
}

#define LIST "SELECT w.name, c.name, c.platform, c.status, c.origin FROM connection c JOIN workspace w ON w.id = c.workspace_id ORDER BY c.id"

static void token_is(struct world *w, const char *workspace, const char *name, const char *wanted)
{
    struct nilo_connection c = stores_connection(w->s, workspace, NULL, name, "youtube", "sql");
    struct nilo_token t = {0};
    ok(w->s, nilo_token_get(w->login, &c, NILO_TOKEN_FIRST, &t, &w->s->err));
    assert_string_equal(t.bearer, wanted);
    nilo_token_done(&t);
}

static void rows_become_connections_with_their_tokens(struct stores *s)
{
    struct world w;
    begin(&w, s);
    struct nilo_login_synced got = sync_now(&w);
    assert_true(got.rows == 2 && got.made == 2 && got.changed == 0 && got.disabled == 0 && got.refused == 0);
    assert_rows(s, LIST, "studio youtube-UC1 youtube connected sql|default youtube-UC2 youtube connected sql");
    token_is(&w, "studio", "youtube-UC1", "token-1");
    token_is(&w, "default", "youtube-UC2", "token-2");
    assert_rows(s, "SELECT account, renewable, access_until FROM connection_login ORDER BY connection_id", "UC1 0 ~|UC2 0 1742472000000000");
    /* again: nothing is written */
    got = sync_now(&w);
    assert_true(got.rows == 2 && got.made == 0 && got.changed == 0);
    assert_int_equal(stores_int(s, "SELECT max(generation) FROM connection_login"), 1);
    end(&w);
}

static void a_row_that_is_gone_disables_and_one_that_is_back_connects(struct stores *s)
{
    struct world w;
    begin(&w, s);
    sync_now(&w);
    app(&w, "UPDATE accounts SET active = 0 WHERE account = 'UC1'");
    assert_int_equal(sync_now(&w).disabled, 1);
    assert_int_equal(sync_now(&w).disabled, 0);
    assert_rows(s, "SELECT status, was, reason FROM connection_status", "disabled connected its row is gone from the app's table");
    app(&w, "UPDATE accounts SET active = 1");
    sync_now(&w);
    token_is(&w, "studio", "youtube-UC1", "token-1");
    app(&w, "UPDATE accounts SET token = 'token-9' WHERE account = 'UC1'");
    assert_int_equal(sync_now(&w).changed, 1);
    token_is(&w, "studio", "youtube-UC1", "token-9");
    /* the file no longer speaks of them */
    nilo_test_write(nilo_test_path("c.yaml"), "platforms:\n", 11);
    nilo_config_free(w.config);
    w.config = NULL;
    ok(s, nilo_config_load(nilo_test_path("c.yaml"), &s->env, &w.config, &s->err));
    nilo_login_free(w.login);
    ok(s, nilo_login_new(s->store, w.config, w.fake.http, &w.login, &s->err));
    assert_int_equal(sync_now(&w).disabled, 2);
    end(&w);
}

static void a_row_says_whose_its_account_is(struct stores *s)
{
    struct world w;
    begin(&w, s);
    configure(&w, database, "SELECT platform, team AS workspace, account, token, CASE account WHEN 'UC2' THEN 'competitor' ELSE NULL END AS role FROM accounts");
    sync_now(&w);
    assert_rows(s, "SELECT name, role, status FROM connection ORDER BY name", "youtube-UC1 own connected|youtube-UC2 competitor connected");
    /* a word that is neither: nothing is read as anybody's */
    configure(&w, database, "SELECT platform, team AS workspace, account, token, CASE account WHEN 'UC2' THEN 'rival' ELSE 'own' END AS role FROM accounts");
    struct nilo_login_synced got = sync_now(&w);
    assert_int_equal(got.refused, 1);
    assert_string_equal(got.note, "a row's role is neither own nor competitor");
    assert_rows(s, "SELECT name, role, status FROM connection ORDER BY name", "youtube-UC1 own connected|youtube-UC2 competitor disabled");
    configure(&w, database, PLAIN_STATEMENT);
    sync_now(&w);
    assert_rows(s, "SELECT name, role, status FROM connection ORDER BY name", "youtube-UC1 own connected|youtube-UC2 own connected");
    end(&w);
}

static void a_source_that_cannot_be_read_changes_nothing_and_tells_no_value(struct stores *s)
{
    static const struct {
        const char *statement, *words;
    } cases[] = {
        {"SELECT platform, account FROM accounts", "no column token"},
        {"SELECT platform, account, tokn AS token FROM accounts", "tokn"},
        {"SELECT platform, account, token FROM nowhere", "nowhere"},
    };
    struct world w;
    struct nilo_login_synced got;
    begin(&w, s);
    sync_now(&w);
    app(&w, "UPDATE accounts SET token = '" CANARY "'");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        configure(&w, database, cases[i].statement);
        assert_int_equal(nilo_login_from_sql(w.login, &got, &s->err), -1);
        if (strstr(s->err.msg, cases[i].words) == NULL)
            fail_msg("%s", s->err.msg);
        assert_int_equal(got.disabled, 0);
    }
    /* PostgreSQL quotes what it cannot cast */
    configure(&w, database, "SELECT platform, account, token, CAST(token AS integer) AS expires_at FROM accounts");
    int rc = nilo_login_from_sql(w.login, &got, &s->err);
    assert_true(s->engine == NILO_DB_SQLITE ? rc == 0 : rc == -1);
    assert_null(strstr(s->err.msg, "canary"));
    configure(&w, s->engine == NILO_DB_SQLITE ? "/nowhere/app.db" : "postgres://nilo@/gone?host=/nowhere", PLAIN_STATEMENT);
    assert_int_equal(nilo_login_from_sql(w.login, &got, &s->err), -1);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM connection WHERE status = 'connected'"), 2);
    end(&w);
}

static void rows_that_say_too_little_are_told_and_left_out(struct stores *s)
{
    struct world w;
    begin(&w, s);
    stores_connection(s, "studio", NULL, "youtube-UC1", "youtube", "db");
    app(&w, "INSERT INTO accounts VALUES ('youtube', 'x', 'UC3', NULL, NULL, 1), ('youtube', 'x', NULL, 't', NULL, 1), ('myspace', 'x', 'm', 't', NULL, 1)");
    struct nilo_login_synced got = sync_now(&w);
    assert_true(got.rows == 2 && got.made == 1 && got.refused == 4);
    assert_true(got.note[0] != '\0');
    assert_rows(s, "SELECT origin FROM connection WHERE name = 'youtube-UC1'", "db");
    end(&w);
}

/* What one row says wrong costs that row alone. */
static void a_row_with_names_that_are_none_costs_no_other(struct stores *s)
{
    char sql[1200], longest[402];
    struct world w;
    memset(longest, 'x', 401);
    longest[401] = '\0';
    begin(&w, s);
    snprintf(sql, sizeof sql, "INSERT INTO accounts VALUES ('youtube', 'x', '%s', 't', NULL, 1), ('youtube', '%s', 'UC7', 't', NULL, 1), ('youtube', 'x', 'a\nb', 't', NULL, 1)",
             longest, longest);
    app(&w, sql);
    struct nilo_login_synced got = sync_now(&w);
    assert_true(got.rows == 2 && got.made == 2 && got.refused == 3);
    assert_non_null(strstr(got.note, "is no name"));
    token_is(&w, "studio", "youtube-UC1", "token-1");
    end(&w);
}

static void of_two_rows_of_one_account_the_first_counts(struct stores *s)
{
    struct world w;
    begin(&w, s);
    configure(&w, database, "SELECT platform, team AS workspace, account, token, expires_at FROM accounts ORDER BY account, token");
    app(&w, "INSERT INTO accounts VALUES ('youtube', 'studio', 'UC1', 'token-8', NULL, 1), ('youtube', 'studio', 'UC1', 'token-9', NULL, 1)");
    struct nilo_login_synced got = sync_now(&w);
    assert_true(got.made == 2 && got.refused == 2);
    assert_non_null(strstr(got.note, "youtube-UC1"));
    got = sync_now(&w);
    assert_true(got.made == 0 && got.changed == 0 && got.refused == 2);
    token_is(&w, "studio", "youtube-UC1", "token-1");
    end(&w);
}

static void another_account_with_the_same_token_is_taken_over(struct stores *s)
{
    struct world w;
    begin(&w, s);
    configure(&w, database, "SELECT platform, team AS workspace, 'main' AS name, account, token, expires_at FROM accounts WHERE team = 'studio'");
    sync_now(&w);
    app(&w, "UPDATE accounts SET account = 'UC8' WHERE account = 'UC1'");
    assert_int_equal(sync_now(&w).changed, 1);
    assert_rows(s, "SELECT account FROM connection_login", "UC8");
    assert_int_equal(sync_now(&w).changed, 0);
    end(&w);
}

static void the_app_renews_its_tokens_and_nobody_else(struct stores *s)
{
    struct world w;
    struct nilo_token t = {0};
    begin(&w, s);
    sync_now(&w);
    struct nilo_connection c = stores_connection(s, "default", NULL, "youtube-UC2", "youtube", "sql");
    /* refused, and the app has a new one by now: that is handed out */
    app(&w, "UPDATE accounts SET token = 'token-3', expires_at = NULL WHERE account = 'UC2'");
    ok(s, nilo_token_get(w.login, &c, 1, &t, &s->err));
    assert_string_equal(t.bearer, "token-3");
    int64_t generation = t.generation;
    nilo_token_done(&t);
    /* refused, and it has not */
    fails(s, NILO_EPERM, nilo_token_get(w.login, &c, generation, &t, &s->err));
    assert_non_null(strstr(s->err.msg, "the app has not renewed it"));
    ok(s, nilo_store_connection_get(s->store, c.id, &c, &s->err));
    assert_string_equal(c.status, "expired");
    sync_now(&w); /* the same token does not bring it back; a new one does */
    ok(s, nilo_store_connection_get(s->store, c.id, &c, &s->err));
    assert_string_equal(c.status, "expired");
    app(&w, "UPDATE accounts SET token = 'token-4' WHERE account = 'UC2'");
    sync_now(&w);
    token_is(&w, "default", "youtube-UC2", "token-4");
    assert_int_equal(w.fake.refreshes, 0);
    end(&w);
}

/* As serve does it: a look every half a minute. Minutes until the statement gives what is wanted. */
static double noticed(struct world *w, const char *sql, const char *wanted)
{
    nilo_us changed = w->s->clock.wall;
    for (;;) {
        char *is = stores_text(w->s, sql);
        bool so = strcmp(is, wanted) == 0;
        double minutes = (double)(w->s->clock.wall - changed) / (double)NILO_US_MINUTE;
        if (minutes > 15)
            fail_msg("%s: %s is not %s", sql, is, wanted);
        free(is);
        if (so)
            return minutes;
        nilo_virtual_clock_advance(&w->s->clock, 30 * NILO_US_SECOND);
        ok(w->s, nilo_collect_look(w->s->store, w->config, &w->s->err));
    }
}

static void what_the_app_changes_is_noticed_within_five_minutes(struct stores *s)
{
    static const struct {
        const char *what, *sql, *look, *wanted;
    } changes[] = {
        {"a row is added", "INSERT INTO accounts VALUES ('youtube', 'studio', 'UC3', 'token-3', NULL, 1)", "SELECT count(*) FROM connection WHERE name = 'youtube-UC3' AND status = 'connected'", "1"},
        {"a token is another one", "UPDATE accounts SET token = 'token-8' WHERE account = 'UC1'", "SELECT generation FROM connection_login WHERE account = 'UC1'", "2"},
        {"a row is gone", "DELETE FROM accounts WHERE account = 'UC2'", "SELECT status FROM connection WHERE name = 'youtube-UC2'", "disabled"},
        {"it is back", "INSERT INTO accounts VALUES ('youtube', NULL, 'UC2', 'token-2', '2025-03-20T12:00:00Z', 1)", "SELECT status FROM connection WHERE name = 'youtube-UC2'", "connected"},
        {"an account has another name", "UPDATE accounts SET account = 'UC9', team = 'studio', token = 'token-3' WHERE account = 'UC3'",
         "SELECT count(*) FROM connection WHERE name = 'youtube-UC9' AND status = 'connected'", "1"},
    };
    for (int other = 0; other < 2; other++) {
        struct world w;
        if (other == 1 && (nilo_test_pg_missing() != NULL || stores_fresh(s) != 0))
            continue;
        other_engine = other == 1;
        begin(&w, s);
        ok(s, nilo_collect_look(s->store, w.config, &s->err));
        token_is(&w, "studio", "youtube-UC1", "token-1");
        for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
            nilo_virtual_clock_advance(&s->clock, (nilo_us)(i * 37) * NILO_US_SECOND); /* at any time between two looks */
            app(&w, changes[i].sql);
            double minutes = noticed(&w, changes[i].look, changes[i].wanted);
            if (minutes > 4.5) /* half a minute is left for the look itself */
                fail_msg("%s: after %.1f minutes", changes[i].what, minutes);
        }
        token_is(&w, "studio", "youtube-UC1", "token-8");
        token_is(&w, "studio", "youtube-UC9", "token-3");
        /* what was recorded of a connection that is gone stays: it is disabled, and no row of it goes */
        assert_int_equal(stores_int(s, "SELECT count(*) FROM connection"), 4);
        /* it does not ask more often than that */
        int64_t looks = stores_int(s, "SELECT count(*) FROM schedule_slot");
        for (int i = 0; i < 20; i++) {
            nilo_virtual_clock_advance(&s->clock, 30 * NILO_US_SECOND);
            ok(s, nilo_collect_look(s->store, w.config, &s->err));
        }
        assert_int_equal(stores_int(s, "SELECT count(*) FROM schedule_slot"), looks + 5);
        end(&w);
        other_engine = false;
    }
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(rows_become_connections_with_their_tokens),
        STORES_TEST(a_row_that_is_gone_disables_and_one_that_is_back_connects),
        STORES_TEST(a_row_says_whose_its_account_is),
        STORES_TEST(a_source_that_cannot_be_read_changes_nothing_and_tells_no_value),
        STORES_TEST(rows_that_say_too_little_are_told_and_left_out),
        STORES_TEST(a_row_with_names_that_are_none_costs_no_other),
        STORES_TEST(of_two_rows_of_one_account_the_first_counts),
        STORES_TEST(another_account_with_the_same_token_is_taken_over),
        STORES_TEST(the_app_renews_its_tokens_and_nobody_else),
        STORES_TEST(what_the_app_changes_is_noticed_within_five_minutes),
    };
    return stores_run("login/from_sql", tests, sizeof tests / sizeof tests[0]);
}
