/* What a good configuration becomes: short forms, every default, lines, and what may be left empty. */
#include "base/names.h"
#include "scratch.h"

#include <stdio.h>
#include <string.h>

static void three_lines_make_a_connection(void **state)
{
    (void)state;
    struct nilo_config *c = scratch_config("connections:\n - {name: app, platform: sql, database: app.db, users: "
                                           "profiles, posts: posts, comments: comments}\n");
    assert_string_equal(c->path, "nilometer.yaml");
    assert_null(c->store);
    assert_int_equal(c->n_workspaces, 0);
    assert_int_equal(c->n_metrics, 0);
    assert_int_equal(c->n_connections, 1);
    const struct nilo_config_connection *one = &c->connections[0];
    assert_string_equal(one->name, "app");
    assert_string_equal(one->workspace, "default");
    assert_string_equal(one->platform, "sql");
    assert_string_equal(one->database, "app.db");
    assert_string_equal(one->users, "profiles");
    assert_string_equal(one->posts, "posts");
    assert_string_equal(one->comments, "comments");
    assert_int_equal(one->n_metrics, 0);
    assert_int_equal(one->settle_hours, -1);
    assert_int_equal(one->timeout_ms, 30000);
    assert_int_equal(one->line, 2);
    nilo_config_free(c);
}

static void sql_metrics_have_their_defaults(void **state)
{
    (void)state;
    struct nilo_config *c =
        scratch_config("connections:\n- name: app\n  platform: sql\n  database: app.db\n  metrics:\n"
                       "  - name: value\n    table: t\n  - {name: b, table: s.t, expected_min: 0, expected_max: -0}\n");
    assert_int_equal(c->connections[0].n_metrics, 2);
    const struct nilo_config_sql_metric *a = &c->connections[0].metrics[0], *b = a + 1;
    assert_string_equal(a->name, "value"); /* reserved words bind metrics of items only */
    assert_string_equal(a->type, "count");
    assert_string_equal(a->table, "t");
    assert_string_equal(a->timestamp, "created_at");
    assert_string_equal(a->mode, "total");
    assert_null(a->display_name);
    assert_null(a->description);
    assert_null(a->unit);
    assert_null(a->expected_min);
    assert_null(a->expected_max);
    assert_int_equal(a->line, 6);
    assert_string_equal(b->expected_min, "0");
    assert_string_equal(b->expected_max, "-0");
    assert_int_equal(b->line, 8);
    nilo_config_free(c);
}

static void item_metrics_have_their_defaults(void **state)
{
    static const struct {
        const char *type;
        int scale;
    } rows[] = {{"count", 0}, {"average", 6}, {"percentage", 6}, {"aggregate", 0}};
    (void)state;
    struct nilo_config *c =
        scratch_config("metrics:\n- name: a\n- {name: b, type: average}\n- {name: c, type: percentage}\n"
                       "- {name: d, type: aggregate}\n- {name: e, type: average, scale: 0}\n");
    assert_int_equal(c->n_metrics, 5);
    for (int i = 0; i < 4; i++) {
        const struct nilo_config_metric *m = &c->metrics[i];
        assert_string_equal(m->type, rows[i].type);
        assert_int_equal(m->scale, rows[i].scale);
        assert_string_equal(m->aggregation, "level");
        assert_string_equal(m->kind, "instant");
        assert_null(m->currency);
        assert_null(m->format_pattern);
        assert_int_equal(m->line, i + 2);
    }
    assert_int_equal(c->metrics[4].scale, 0);
    nilo_config_free(c);
}

static void workspaces_have_zones(void **state)
{
    (void)state;
    struct nilo_config *c = scratch_config("workspaces:\n- name: a\n- name: b\n  zone: Europe/Berlin\n");
    assert_string_equal(c->workspaces[0].zone, "UTC");
    assert_string_equal(c->workspaces[1].zone, "Europe/Berlin");
    assert_int_equal(c->workspaces[1].line, 3);
    assert_string_equal(nilo_config_zone(c, "b"), "Europe/Berlin");
    assert_string_equal(nilo_config_zone(c, "a"), "UTC");
    assert_string_equal(nilo_config_zone(c, "default"), "UTC");
    nilo_config_free(c);
}

static void lists_may_be_empty_and_documents_too(void **state)
{
    static const char *const texts[] = {
        "",
        "\n",
        "# nothing yet\n",
        "---\n",
        "---\n...\n",
        "{}",
        "~",
        "null\n",
        "connections:\n",
        "connections: ~\n",
        "connections: null\n",
        "connections: []\nworkspaces:\n# - name: a\nmetrics: []\n",
        "\xef\xbb\xbf# from an editor that marks UTF-8\n",
        "%YAML 1.1\n---\n{}\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct nilo_config *c = scratch_config(texts[i]);
        assert_string_equal(c->path, "nilometer.yaml");
        assert_null(c->store);
        assert_int_equal(c->n_connections + c->n_workspaces + c->n_metrics, 0);
        nilo_config_free(c);
    }
}

static void any_plain_value_is_text_where_text_belongs(void **state)
{
    static const struct {
        const char *written, *read;
    } rows[] = {{"5", "5"},
                {"yes", "yes"},
                {"1.50", "1.50"},
                {"'null'", "null"},
                {"\"~\"", "~"},
                {"a b", "a b"},
                {"caf\xc3\xa9", "caf\xc3\xa9"},
                {"\"\\u2603\"", "\xe2\x98\x83"},
                {"2025-01-01", "2025-01-01"},
                {"'#a'", "#a"}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[128];
        snprintf(text, sizeof(text), "workspaces: [{name: %s}]\n", rows[i].written);
        struct nilo_config *c = scratch_config(text);
        assert_string_equal(c->workspaces[0].name, rows[i].read);
        nilo_config_free(c);
    }
}

static void line_ends_of_windows_and_quoted_numbers_are_read(void **state)
{
    (void)state;
    struct nilo_config *c =
        scratch_config("metrics:\r\n  - name: a\r\n    scale: '3'\r\n    description: |\r\n      one\r\n      two\r\n");
    assert_int_equal(c->metrics[0].scale, 3);
    assert_string_equal(c->metrics[0].description, "one\ntwo\n");
    nilo_config_free(c);
}

/* The same name in another workspace is another thing; so is a metric of items that is called like one of the app. */
static void names_meet_only_where_they_share_a_workspace(void **state)
{
    (void)state;
    struct nilo_config *c =
        scratch_config("connections:\n"
                       "- {name: app, workspace: a, platform: sql, database: d, users: u, posts: p}\n"
                       "- {name: app, workspace: b, platform: sql, database: d, users: u, posts: p}\n"
                       "- {name: rest, workspace: a, platform: sql, database: d, comments: c}\n"
                       "metrics: [{name: users_total}]\n");
    assert_int_equal(c->n_connections, 3);
    assert_string_equal(c->connections[1].workspace, "b");
    nilo_config_free(c);
}

static void default_is_there_beside_listed_workspaces(void **state)
{
    (void)state;
    struct nilo_config *c = scratch_config("workspaces: [{name: a}]\nconnections:\n"
                                           "- {name: x, platform: sql, database: d, users: u}\n"
                                           "- {name: y, workspace: a, platform: sql, database: d, users: u}\n");
    assert_string_equal(c->connections[0].workspace, "default");
    nilo_config_free(c);
}

static void addresses_without_password_are_taken(void **state)
{
    static const char *const texts[] = {
        "app.db",
        "./data/app.db",
        "sqlite:app.db",
        "postgres://host/db",
        "postgres://user@host:5432/db",
        "postgresql://user:@host/db",
        "postgres://host:5432/db?application_name=a@b",
        "postgres:///db?host=/run/postgresql",
        "postgres://u@[::1]:5432/db",
        "env:APP_URL",
        "file:/run/secrets/app",
        "/home/a@b/password.db",
        "postgres://h/db?passfile=/etc/pgpass",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char text[256];
        snprintf(text, sizeof(text), "store: '%s'\nconnections: [{name: a, platform: sql, users: u, database: '%s'}]\n",
                 texts[i], texts[i]);
        struct nilo_config *c = scratch_config(text);
        assert_string_equal(c->store, texts[i]); /* as written: resolving is the caller's */
        assert_string_equal(c->connections[0].database, texts[i]);
        nilo_config_free(c);
    }
}

static void a_thousand_connections_load(void **state)
{
    (void)state;
    struct nilo_buf b;
    nilo_buf_init(&b, 1024 * 1024);
    nilo_buf_adds(&b, "connections:\n");
    for (int i = 0; i < 1000; i++)
        nilo_buf_addf(&b, "- {name: c%d, workspace: w%d, platform: sql, database: d, users: u}\n", i, i);
    struct nilo_config *c = scratch_config(nilo_buf_str(&b));
    assert_int_equal(c->n_connections, 1000);
    assert_string_equal(c->connections[999].name, "c999");
    assert_int_equal(c->connections[999].line, 1001);
    nilo_config_free(c);
    nilo_buf_done(&b);
}

static void reserved_words_are_known_and_others_are_free(void **state)
{
    static const char *const words[] = {"id",          "workspace",
                                        "connection",  "platform",
                                        "external_id", "owner",
                                        "title",       "url",
                                        "posted_at",   "day",
                                        "captured_at", "window_days",
                                        "provenance",  "absence",
                                        "select",      "order",
                                        "limit",       "offset",
                                        "and",         "or",
                                        "not",         "columns",
                                        "on_conflict", "metric_date",
                                        "metric_type", "metric_category",
                                        "value",       "metadata",
                                        "entity",      "kind",
                                        "status",      "tags",
                                        "media_type",  "deleted_at",
                                        "bucket",      "run",
                                        "seq"};
    static const char *const others[] = {"", "views", "users_total", "ids", "i", "selects", "zzz", "a", "Value"};
    (void)state;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (!nilo_reserved_name(words[i]))
            fail_msg("%s is not reserved", words[i]);
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_false(nilo_reserved_name(others[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_lines_make_a_connection),
        cmocka_unit_test(sql_metrics_have_their_defaults),
        cmocka_unit_test(item_metrics_have_their_defaults),
        cmocka_unit_test(workspaces_have_zones),
        cmocka_unit_test(lists_may_be_empty_and_documents_too),
        cmocka_unit_test(any_plain_value_is_text_where_text_belongs),
        cmocka_unit_test(line_ends_of_windows_and_quoted_numbers_are_read),
        cmocka_unit_test(names_meet_only_where_they_share_a_workspace),
        cmocka_unit_test(default_is_there_beside_listed_workspaces),
        cmocka_unit_test(addresses_without_password_are_taken),
        cmocka_unit_test(a_thousand_connections_load),
        cmocka_unit_test(reserved_words_are_known_and_others_are_free),
    };
    return cmocka_run_group_tests(tests, scratch_enter, scratch_leave);
}
