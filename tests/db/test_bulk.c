/* Rows by the thousand on both engines: they come out as they went in, with whatever is in their texts; conflicts, triggers of statements, failures
 * that leave nothing; found again by their keys, in order. */
#include "both.h"

#include <stdlib.h>
#include <string.h>

#define MANY 9001 /* more than two statements take */

static const struct nilo_db_field fields[] = {{"s", "smallint"}, {"i", "integer"}, {"x", "bigint"}, {"t", "text"}, {"b", "bytea"}};
static const struct nilo_db_insert plain = {.table = "m", .fields = fields, .n_fields = 5};
static const struct nilo_db_insert merging = {
    .table = "m", .fields = fields, .n_fields = 5, .conflict = "ON CONFLICT (x) DO UPDATE SET t = excluded.t, s = m.s + excluded.s"};
#define TABLE "CREATE TABLE m (s smallint, i integer, x bigint PRIMARY KEY, t text, b bytea)"

/* What an array's text could stumble over. */
static const char *const texts[] = {"",     "plain", "a,b",      "{a}",       "\"quoted\"", "back\\slash", "\\\"", "NULL", "null", "  blanks  ",
                                    "O'Neil", "\t\n",  "\\x4142", "日本 \xf0\x9f\x98\x80", "{\"json\": [1, \"two\", null]}", NULL};
#define TEXTS (sizeof texts / sizeof texts[0])

struct rows {
    size_t nul_at;  /* a row with a text that cannot be */
    int64_t first;  /* of the keys */
    size_t seen, step, stop_at;
};
static struct rows all(void) { return (struct rows){.nul_at = SIZE_MAX, .step = 1, .stop_at = SIZE_MAX}; }

static const char *const bytes[] = {"\0\xff\\\"", "", "{,}"};
static const size_t lengths[] = {4, 0, 3};

static void row_values(void *ctx, size_t i, struct nilo_db_value *v)
{
    const struct rows *r = ctx;
    v[0] = NILO_DBV_INT(i % 2 == 0 ? -32768 : 32767);
    v[1] = i % 7 == 0 ? NILO_DBV_NULL : NILO_DBV_INT(-(int64_t)i);
    v[2] = NILO_DBV_INT(r->first + (int64_t)i);
    v[3] = i == r->nul_at ? nilo_dbv_textn("a\0b", 3) : nilo_dbv_text(texts[i % TEXTS]);
    v[4] = i % 4 == 3 ? NILO_DBV_NULL : nilo_dbv_bytes(bytes[i % 4], lengths[i % 4]);
}

static void check_value(struct nilo_db_stmt *s, int column, struct nilo_db_value want)
{
    struct nilo_db_value got = nilo_db_column(s, column);
    assert_int_equal(got.type, want.type);
    if (want.type == NILO_DB_INT)
        assert_true(got.i == want.i);
    else if (want.type != NILO_DB_NULL) {
        assert_int_equal(got.len, want.len);
        assert_memory_equal(got.p, want.p, want.len);
    }
}

static void rows_come_out_as_they_went_in(struct both *b)
{
    static const size_t counts[] = {0, 1, 3999, 4000, 4001, MANY};
    both_exec(b, TABLE);
    for (size_t c = 0; c < sizeof counts / sizeof counts[0]; c++) {
        struct rows r = all();
        both_exec(b, "DELETE FROM m");
        ok(b, nilo_db_insert(b->db, &plain, counts[c], row_values, &r, &b->err));
        assert_false(nilo_db_in_transaction(b->db));
        struct nilo_db_stmt *s = both_prepare(b, "SELECT s, i, x, t, b FROM m ORDER BY x");
        ok(b, nilo_db_query(s, NULL, 0, &b->err));
        size_t n = 0;
        for (; nilo_db_row(s, &b->err) == 1; n++) {
            struct nilo_db_value want[5];
            row_values(&r, n, want);
            for (int f = 0; f < 5; f++)
                check_value(s, f, want[f]);
        }
        assert_int_equal(n, counts[c]);
    }
}

static void conflicts_merge(struct both *b)
{
    struct rows r = all();
    both_exec(b, TABLE);
    both_exec(b, "INSERT INTO m VALUES (1, 5, 8000, 'old', NULL), (2, 6, 20000, 'elsewhere', NULL)");
    ok(b, nilo_db_insert(b->db, &merging, MANY, row_values, &r, &b->err));
    assert_true(both_int(b, b->db, "SELECT count(*) FROM m") == MANY + 1);
    assert_true(both_int(b, b->db, "SELECT s FROM m WHERE x = 8000") == -32767);
    assert_true(both_int(b, b->db, "SELECT i FROM m WHERE x = 8000") == 5);
    assert_true(both_int(b, b->db, "SELECT count(*) FROM m WHERE t = 'elsewhere'") == 1);
}

static void what_fails_leaves_nothing(struct both *b)
{
    struct rows r = all();
    both_exec(b, TABLE);
    both_exec(b, "INSERT INTO m VALUES (1, 5, 8000, 'old', NULL)");
    assert_int_equal(nilo_db_insert(b->db, &plain, MANY, row_values, &r, &b->err), -1);
    assert_non_null(strstr(b->err.msg, "of 9001"));
    fails(b, NILO_EEXIST, -1);
    assert_false(nilo_db_in_transaction(b->db));
    assert_true(both_int(b, b->db, "SELECT count(*) FROM m") == 1);
    r.nul_at = 5000;
    r.first = 100000;
    fails(b, NILO_EINVAL, nilo_db_insert(b->db, &plain, MANY, row_values, &r, &b->err));
    assert_true(both_int(b, b->db, "SELECT count(*) FROM m") == 1);
    /* Within a transaction it is the caller's to roll back. */
    r.nul_at = SIZE_MAX;
    ok(b, nilo_db_begin(b->db, &b->err));
    ok(b, nilo_db_insert(b->db, &plain, MANY, row_values, &r, &b->err));
    assert_true(nilo_db_in_transaction(b->db));
    nilo_db_rollback(b->db);
    assert_true(both_int(b, b->db, "SELECT count(*) FROM m") == 1);
}

static void big_value(void *ctx, size_t i, struct nilo_db_value *v)
{
    v[0] = NILO_DBV_INT((int64_t)i);
    v[1] = nilo_dbv_text(ctx);
}

static void texts_of_a_hundred_megabytes_go_through(struct both *b)
{
    enum { LENGTH = 1 << 20, ROWS = 100 };
    static const struct nilo_db_field two[] = {{"x", "bigint"}, {"t", "text"}};
    static const struct nilo_db_insert big = {.table = "big", .fields = two, .n_fields = 2};
    char *text = malloc(LENGTH + 1);
    assert_non_null(text);
    memset(text, '"', LENGTH); /* twice as long in an array */
    text[LENGTH] = '\0';
    both_exec(b, "CREATE TABLE big (x bigint, t text)");
    ok(b, nilo_db_insert(b->db, &big, ROWS, big_value, text, &b->err));
    assert_true(both_int(b, b->db, "SELECT CAST(sum(length(t)) AS bigint) FROM big") == (int64_t)LENGTH * ROWS);
    free(text);
}

/* ---- finding ---------------------------------------------------------------------------------------------------------------------------- */

static const struct nilo_db_field keys[] = {{"m.x", "bigint"}, {"m.s", "smallint"}};
static const struct nilo_db_find find = {.columns = "m.x, m.t", .from = "m JOIN kinds AS k ON k.s = m.s", .keys = keys, .n_keys = 2, .also = "k.good = 1"};

static void key_values(void *ctx, size_t i, struct nilo_db_value *v)
{
    const struct rows *r = ctx;
    size_t at = i * r->step;
    v[0] = NILO_DBV_INT((int64_t)at);
    v[1] = NILO_DBV_INT(at % 2 == 0 ? -32768 : 32767);
}

static int take(void *ctx, size_t i, struct nilo_db_stmt *s, struct nilo_err *err)
{
    struct rows *r = ctx;
    if (i == r->stop_at)
        return nilo_err_set(err, NILO_EINVAL, "enough");
    if (nilo_db_column_int(s, 0) != (int64_t)(i * r->step) || (r->seen > 0 && i <= r->nul_at))
        return nilo_err_set(err, NILO_EINTERNAL, "set %zu has the row of another, or comes too late", i);
    check_value(s, 1, nilo_dbv_text(texts[i * r->step % TEXTS]));
    r->nul_at = i; /* the set before */
    r->seen++;
    return 0;
}

static void rows_are_found_by_their_keys_in_order(struct both *b)
{
    static const size_t steps[] = {1, 3, 100};
    struct rows r = all();
    both_exec(b, TABLE);
    both_exec(b, "CREATE TABLE kinds (s smallint PRIMARY KEY, good integer)");
    both_exec(b, "INSERT INTO kinds VALUES (-32768, 1), (32767, 0)");
    ok(b, nilo_db_insert(b->db, &plain, MANY, row_values, &r, &b->err));
    for (size_t i = 0; i < 3; i++) {
        r = all();
        r.step = steps[i];
        ok(b, nilo_db_find(b->db, &find, 2 * MANY / steps[i], key_values, take, &r, &b->err)); /* half of them are beyond the table */
        size_t even = 0;
        for (size_t x = 0; x < MANY; x += steps[i])
            even += x % 2 == 0;
        assert_int_equal(r.seen, even);
    }
    r = all();
    ok(b, nilo_db_find(b->db, &find, 0, key_values, take, &r, &b->err));
    assert_int_equal(r.seen, 0);
    r.stop_at = 8000;
    fails(b, NILO_EINVAL, nilo_db_find(b->db, &find, MANY, key_values, take, &r, &b->err));
    assert_int_equal(r.seen, 4000);
    assert_true(both_int(b, b->db, "SELECT count(*) FROM kinds") == 2); /* the connection goes on */
}

/* On PostgreSQL a trigger of the statement sees thousands of rows at once: that is what the record's own triggers are written for. */
static void a_trigger_of_the_statement_runs_for_thousands_of_rows(struct both *b)
{
    if (b->engine == NILO_DB_SQLITE)
        skip();
    struct rows r = all();
    both_exec(b, TABLE);
    both_exec(b, "CREATE TABLE seen (n bigint)");
    both_exec(b, "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen SELECT count(*) FROM fresh; RETURN NULL; END $$");
    both_exec(b, "CREATE TRIGGER note AFTER INSERT ON m REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION note()");
    ok(b, nilo_db_insert(b->db, &plain, MANY, row_values, &r, &b->err));
    assert_true(both_int(b, b->db, "SELECT count(*) FROM seen") == 3);
    assert_true(both_int(b, b->db, "SELECT CAST(sum(n) AS bigint) FROM seen") == MANY);
}

int main(void)
{
    static const struct both_test tests[] = {
        BOTH_TEST(rows_come_out_as_they_went_in),
        BOTH_TEST(conflicts_merge),
        BOTH_TEST(what_fails_leaves_nothing),
        BOTH_TEST(texts_of_a_hundred_megabytes_go_through),
        BOTH_TEST(rows_are_found_by_their_keys_in_order),
        BOTH_TEST(a_trigger_of_the_statement_runs_for_thousands_of_rows),
    };
    return both_run("bulk", tests, sizeof tests / sizeof tests[0]);
}
