/* What an SQL connection counts, and names as SQL wants them. */
#include "support/nilo_test.h"

#include "config/config.h"

#include <stdio.h>
#include <string.h>

static struct nilo_config_sql_metric mine[] = {
    {.name = (char *)"orders",
     .type = (char *)"count",
     .table = (char *)"shop.orders",
     .timestamp = (char *)"placed_at",
     .mode = (char *)"created",
     .unit = (char *)"orders",
     .expected_min = (char *)"0",
     .expected_max = (char *)"9",
     .line = 7},
};

struct expected {
    const char *name, *table, *timestamp, *mode;
};

static void expand(const struct nilo_config_connection *c, const struct expected *rows, int n)
{
    struct nilo_config_sql_metric *all = NULL;
    struct nilo_err err = {0};
    int found = -1;
    if (nilo_config_sql_expand(c, &all, &found, &err) < 0)
        fail_msg("%s", err.msg);
    assert_int_equal(found, n);
    for (int i = 0; i < n; i++) {
        assert_string_equal(all[i].name, rows[i].name);
        assert_string_equal(all[i].type, "count");
        assert_string_equal(all[i].table, rows[i].table);
        assert_string_equal(all[i].timestamp, rows[i].timestamp);
        assert_string_equal(all[i].mode, rows[i].mode);
    }
    nilo_config_sql_free(all, found);
}

static void three_lines_are_five_metrics_and_the_own_ones_follow(void **state)
{
    static const struct expected rows[] = {
        {"users_total", "profiles", "created_at", "total"},        {"posts_total", "app.posts", "made", "total"},
        {"comments_total", "comments", "created_at", "total"},     {"posts_created", "app.posts", "made", "created"},
        {"comments_created", "comments", "created_at", "created"}, {"orders", "shop.orders", "placed_at", "created"},
    };
    struct nilo_config_connection c = {.users = (char *)"profiles",
                                       .posts = (char *)"app.posts(made)",
                                       .comments = (char *)"comments",
                                       .metrics = mine,
                                       .n_metrics = 1};
    (void)state;
    expand(&c, rows, 6);
}

static void each_line_alone_gives_its_own(void **state)
{
    static const struct expected users[] = {{"users_total", "u", "created_at", "total"}};
    static const struct expected posts[] = {{"posts_total", "p", "created_at", "total"},
                                            {"posts_created", "p", "created_at", "created"}};
    static const struct expected comments[] = {{"comments_total", "c", "created_at", "total"},
                                               {"comments_created", "c", "created_at", "created"}};
    static const struct expected own[] = {{"orders", "shop.orders", "placed_at", "created"}};
    (void)state;
    expand(&(struct nilo_config_connection){.users = (char *)"u"}, users, 1);
    expand(&(struct nilo_config_connection){.posts = (char *)"p"}, posts, 2);
    expand(&(struct nilo_config_connection){.comments = (char *)"c"}, comments, 2);
    expand(&(struct nilo_config_connection){.metrics = mine, .n_metrics = 1}, own, 1);
    expand(&(struct nilo_config_connection){.n_metrics = 0}, own, 0);
}

static void core_metrics_say_what_they_are_and_own_ones_are_copied_whole(void **state)
{
    struct nilo_config_connection c = {.users = (char *)"u", .metrics = mine, .n_metrics = 1, .line = 3};
    struct nilo_config_sql_metric *all = NULL;
    struct nilo_err err = {0};
    int n = 0;
    (void)state;
    assert_int_equal(nilo_config_sql_expand(&c, &all, &n, &err), 0);
    assert_string_equal(all[0].display_name, "Total users");
    assert_string_equal(all[0].description, "Users at the end of the day");
    assert_string_equal(all[0].unit, "users");
    assert_true(all[0].expected_min == NULL && all[0].expected_max == NULL);
    assert_int_equal(all[0].line, 3);
    assert_null(all[1].display_name);
    assert_null(all[1].description);
    assert_string_equal(all[1].unit, "orders");
    assert_ptr_not_equal(all[1].unit, mine[0].unit);
    assert_string_equal(all[1].expected_min, "0");
    assert_string_equal(all[1].expected_max, "9");
    assert_int_equal(all[1].line, 7);
    nilo_config_sql_free(all, n);
    nilo_config_sql_free(NULL, 0);
}

static void tables_are_taken_apart(void **state)
{
    static const struct {
        const char *text, *table, *timestamp;
    } rows[] = {
        {"t", "t", "created_at"},
        {"_T1$", "_T1$", "created_at"},
        {"s.t", "s.t", "created_at"},
        {"t(c)", "t", "c"},
        {"s.t ( c )", "s.t", "c"},
        {"\"my posts\"", "\"my posts\"", "created_at"},
        {"\"a.b\".\"c(d\"(\"e)f\")", "\"a.b\".\"c(d\"", "\"e)f\""},
        {"\"a\"\"b\"(\"\"\"\")", "\"a\"\"b\"", "\"\"\"\""},
        {"beitr\xc3\xa4ge(am)", "beitr\xc3\xa4ge", "am"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[64];
        snprintf(text, sizeof(text), "%s", rows[i].text);
        const struct expected expected[] = {{"users_total", rows[i].table, rows[i].timestamp, "total"}};
        expand(&(struct nilo_config_connection){.users = text}, expected, 1);
    }
}

static void what_is_no_table_is_refused(void **state)
{
    static const char *const texts[] = {"",       " ",      "t(",     "t()",    "t(c",     "t(c))", "t)c(", "t c",
                                        ".t",     "t.",     "a.b.c",  "1t",     "t-u",     "t;",    "\"\"", "\"a",
                                        "a\"b\"", "t(a.b)", "t(a,b)", "t(c) x", "t (c)\n", "'t'",   "`t`",  "[t]"};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char text[64];
        struct nilo_config_sql_metric *all = NULL;
        struct nilo_err err = {0};
        int n = 0;
        snprintf(text, sizeof(text), "%s", texts[i]);
        if (nilo_config_sql_expand(&(struct nilo_config_connection){.posts = text}, &all, &n, &err) == 0)
            fail_msg("taken: %s", text);
        assert_null(all);
        assert_int_equal(err.code, NILO_ECONFIG);
    }
}

static void names_are_quoted_part_by_part(void **state)
{
    static const struct {
        const char *name, *quoted;
    } rows[] = {
        {"posts", "\"posts\""},         {"app.Posts", "\"app\".\"Posts\""},   {"\"my posts\"", "\"my posts\""},
        {"\"a.b\".c", "\"a.b\".\"c\""}, {"a.\"b\"\"c\"", "\"a\".\"b\"\"c\""},
    };
    static const char *const bad[] = {"", "a b", "a.", ".a", "a.b.c", "a\"", "\"a", "a;drop table b", "a(b)"};
    struct nilo_buf b;
    struct nilo_err err = {0};
    (void)state;
    nilo_buf_init(&b, 1000);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        nilo_buf_reset(&b);
        assert_int_equal(nilo_config_sql_quote(rows[i].name, &b, &err), 0);
        assert_string_equal(nilo_buf_str(&b), rows[i].quoted);
    }
    nilo_buf_reset(&b);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(nilo_config_sql_quote(bad[i], &b, &err), -1);
        assert_int_equal(err.code, NILO_ECONFIG);
        assert_int_equal(b.len, 0);
    }
    nilo_buf_done(&b);
}

static void identifiers_have_128_bytes_at_most(void **state)
{
    char name[140];
    struct nilo_buf b;
    struct nilo_err err = {0};
    (void)state;
    nilo_buf_init(&b, 1000);
    memset(name, 'a', sizeof(name));
    name[128] = '\0';
    assert_int_equal(nilo_config_sql_quote(name, &b, &err), 0);
    name[128] = 'a';
    name[129] = '\0';
    assert_int_equal(nilo_config_sql_quote(name, &b, &err), -1);
    name[0] = name[129] = '"';
    name[130] = '\0';
    assert_int_equal(nilo_config_sql_quote(name, &b, &err), 0);
    name[129] = 'a';
    name[130] = '"';
    name[131] = '\0';
    assert_int_equal(nilo_config_sql_quote(name, &b, &err), -1);
    nilo_buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_lines_are_five_metrics_and_the_own_ones_follow),
        cmocka_unit_test(each_line_alone_gives_its_own),
        cmocka_unit_test(core_metrics_say_what_they_are_and_own_ones_are_copied_whole),
        cmocka_unit_test(tables_are_taken_apart),
        cmocka_unit_test(what_is_no_table_is_refused),
        cmocka_unit_test(names_are_quoted_part_by_part),
        cmocka_unit_test(identifiers_have_128_bytes_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
