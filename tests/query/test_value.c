/* Patterns, keys of documents, and near names; patterns against both engines' own judgement. */
#include "support/nilo_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/db.h"
#include "query/query_priv.h"
#include "support/pg.h"
#include "support/tmp.h"

static struct nilo__text text(const char *s)
{
    return (struct nilo__text){s, strlen(s)};
}

/* ---- patterns -------------------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *pattern, *subject;
    bool like, ilike;
} patterns[] = {
    {"", "", true, true},          {"", "a", false, false},       {"%", "", true, true},
    {"%", "abc", true, true},      {"_", "", false, false},       {"_", "a", true, true},
    {"_", "é", true, true},        {"__", "é", false, false},     {"abc", "abc", true, true},
    {"abc", "ABC", false, true},   {"É", "é", false, false},      {"a%c", "abbbc", true, true},
    {"a%c", "abbb", false, false}, {"%b%b%", "abcb", true, true}, {"%b%b%", "abc", false, false},
    {"a_c", "abc", true, true},    {"\\%", "%", true, true},      {"\\%", "x", false, false},
    {"\\_", "_", true, true},      {"\\_", "x", false, false},    {"\\\\", "\\", true, true},
    {"\\a", "a", true, true},      {"[a]", "a", false, false},    {"[a]", "[a]", true, true},
    {"*", "*", true, true},        {"*", "x", false, false},      {"?", "x", false, false},
    {"a]b", "a]b", true, true},    {"[^a]", "b", false, false},   {"%%_%%", "x", true, true},
    {"%ab", "aab", true, true},    {"%aab", "aaab", true, true},
};

static void patterns_match_as_postgres_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        const char *s = patterns[i].subject;
        if (nilo__like_match(text(patterns[i].pattern), s, strlen(s), false) != patterns[i].like ||
            nilo__like_match(text(patterns[i].pattern), s, strlen(s), true) != patterns[i].ilike)
            fail_msg("%s against %s", patterns[i].pattern, s);
    }
    assert_true(nilo__like_ok(text("a\\\\")));
    assert_false(nilo__like_ok(text("a\\")));
}

static bool ask(struct nilo_db *db, const char *subject, const char *pattern, bool fold)
{
    struct nilo_db_stmt *stmt;
    struct nilo_err err;
    struct nilo_arena arena;
    bool lite = nilo_db_engine(db) == NILO_DB_SQLITE;
    const char *sql =
        lite   ? (fold ? "SELECT LOWER(?1) GLOB ?2" : "SELECT ?1 GLOB ?2")
        : fold ? "SELECT CASE WHEN LOWER(CAST(?1 AS text) COLLATE \"C\") LIKE CAST(?2 AS text) THEN 1 ELSE 0 END"
               : "SELECT CASE WHEN CAST(?1 AS text) COLLATE \"C\" LIKE CAST(?2 AS text) THEN 1 ELSE 0 END";
    nilo_arena_init(&arena, 0);
    const struct nilo_db_value params[] = {nilo_dbv_text(subject),
                                           nilo_dbv_text(nilo__like_sql(&arena, text(pattern), lite, fold))};
    if (nilo_db_prepare(db, sql, &stmt, &err) != 0 || nilo_db_query(stmt, params, 2, &err) != 0 ||
        nilo_db_row(stmt, &err) != 1)
        fail_msg("%s", err.msg);
    bool yes = nilo_db_column_int(stmt, 0) != 0;
    nilo_db_reset(stmt);
    nilo_arena_done(&arena);
    return yes;
}

static void agree(struct nilo_db *db, const char *subject, const char *pattern)
{
    for (int fold = 0; fold < 2; fold++)
        if (ask(db, subject, pattern, fold) != nilo__like_match(text(pattern), subject, strlen(subject), fold))
            fail_msg("'%s' %s '%s': the %s thinks otherwise", subject, fold ? "ilike" : "like", pattern,
                     nilo_db_engine(db) == NILO_DB_SQLITE ? "SQLite" : "PostgreSQL");
}

static void random_text(struct nilo_random *random, char *to, const char *const *alphabet, size_t n)
{
    to[0] = '\0';
    for (uint64_t k = nilo_random_below(random, 7); k > 0; k--)
        snprintf(to + strlen(to), 8, "%s", alphabet[nilo_random_below(random, n)]);
}

static void engines_agree(enum nilo_db_engine engine)
{
    static const char *const letters[] = {"a", "A", "b", "é", "É", "%", "_", "*", "?", "[", "]", "\\", "^", "-"};
    static const char *const tokens[] = {"a", "A",   "b",   "é",    "%", "_", "*", "?", "[",
                                         "]", "\\%", "\\_", "\\\\", "%", "_", "^", "-"};
    const char *target = engine == NILO_DB_SQLITE ? nilo_test_path("like.db") : nilo_test_pg_database("likes");
    const struct nilo_db_options options = {.mode = NILO_DB_CREATE};
    struct nilo_db *db;
    struct nilo_err err;
    if (!target) {
        printf("# skipped: %s\n", nilo_test_pg_missing());
        skip();
    }
    if (nilo_db_open(target, &options, &db, &err) != 0)
        fail_msg("%s", err.msg);
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++)
        agree(db, patterns[i].subject, patterns[i].pattern);
    struct nilo_seeded_random seeded;
    nilo_seeded_random_init(&seeded, 5);
    struct nilo_random random = nilo_seeded_random(&seeded);
    for (int i = 0; i < 4000; i++) {
        char subject[64], pattern[64];
        random_text(&random, subject, letters, sizeof letters / sizeof letters[0]);
        random_text(&random, pattern, tokens, sizeof tokens / sizeof tokens[0]);
        agree(db, subject, pattern);
    }
    nilo_db_close(db);
}

static void sqlite_and_we_agree_on_patterns(void **state)
{
    (void)state;
    engines_agree(NILO_DB_SQLITE);
}

static void postgres_and_we_agree_on_patterns(void **state)
{
    (void)state;
    engines_agree(NILO_DB_POSTGRES);
}

/* ---- keys ---------------------------------------------------------------------------------------------------------------------------- */

static void keys_of_documents_are_found(void **state)
{
    static const char document[] = "{ \"a\": {\"b\": [1, \"two\", null, {\"c\": 1.50}], \"\": \"empty\"}, \"s\": "
                                   "\"x\\ny\", \"n\": null, \"t\": true, "
                                   "\"0\": \"zero\" }";
    static const struct {
        const char *steps[4];
        bool text;
        const char *value; /* NULL = null */
    } cases[] = {
        {{"s"}, true, "x\ny"},
        {{"s"}, false, "\"x\\ny\""},
        {{"n"}, true, NULL},
        {{"n"}, false, NULL},
        {{"t"}, true, "true"},
        {{"missing"}, true, NULL},
        {{"a", "b", "0"}, true, "1"},
        {{"a", "b", "1"}, true, "two"},
        {{"a", "b", "1"}, false, "\"two\""},
        {{"a", "b", "2"}, true, NULL},
        {{"a", "b", "4"}, true, NULL},
        {{"a", "b", "9"}, false, NULL},
        {{"a", "b", "3", "c"}, true, "1.50"},
        {{"a", "b", "3", "c"}, false, "1.50"},
        {{"a", ""}, true, "empty"},
        {{"s", "x"}, true, NULL},
        {{"a", "b", "x"}, true, NULL},
        {{"0"}, true, "zero"},
        {{"a", "b"}, false, "[1, \"two\", null, {\"c\": 1.50}]"},
    };
    struct nilo_buf scratch;
    (void)state;
    nilo_buf_init(&scratch, 1 << 20);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nilo__path path = {.text = cases[i].text};
        struct nilo_datum d;
        struct nilo_err err;
        for (; path.n < 4 && cases[i].steps[path.n]; path.n++)
            path.step[path.n] = text(cases[i].steps[path.n]);
        assert_int_equal(nilo__json_at(document, sizeof document - 1, &path, &scratch, &d, &err), 0);
        if (d.null != !cases[i].value ||
            (!d.null && (d.len != strlen(cases[i].value) || memcmp(d.p, cases[i].value, d.len) != 0)))
            fail_msg("case %zu: %.*s", i, d.null ? 4 : (int)d.len, d.null ? "null" : d.p);
    }
    struct nilo__path path = {.n = 1, .step = {text("a")}};
    struct nilo_datum d;
    struct nilo_err err;
    assert_int_equal(nilo__json_at("{\"b\": tru}", 10, &path, &scratch, &d, &err), -1);
    nilo_buf_done(&scratch);
}

/* ---- names ---------------------------------------------------------------------------------------------------------------------------- */

static void near_names_are_three_quarters_alike(void **state)
{
    static const struct {
        const char *word, *candidate;
        bool near;
    } cases[] = {
        {"views", "views", true},
        {"view", "views", true},
        {"vievs", "views", true},
        {"veiws", "views", true},
        {"vws", "views", false},
        {"x", "y", false},
        {"", "a", false},
        {"content", "contents", true},
        {"daily_metric", "daily_metrics", true},
        {"metrics", "daily_metrics", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nilo__near n = {.name = cases[i].word, .len = strlen(cases[i].word)};
        nilo__near_try(&n, cases[i].candidate);
        if ((n.best != NULL) != cases[i].near)
            fail_msg("%s, %s", cases[i].word, cases[i].candidate);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_match_as_postgres_says),     cmocka_unit_test(sqlite_and_we_agree_on_patterns),
        cmocka_unit_test(postgres_and_we_agree_on_patterns),   cmocka_unit_test(keys_of_documents_are_found),
        cmocka_unit_test(near_names_are_three_quarters_alike),
    };
    return cmocka_run_group_tests_name("query value", tests, NULL, NULL);
}
