/* The contract of db.h, on both engines alike: values, statements, transactions, limits of time, migrations, many. */
#include "both.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/hash.h"

/* ---- values ----------------------------------------------------------------------------------------------------------- */

static void assert_value(struct nilo_db_value got, struct nilo_db_value want)
{
    assert_int_equal(got.type, want.type);
    if (want.type == NILO_DB_INT)
        assert_true(got.i == want.i);
    if (want.type == NILO_DB_INT || want.type == NILO_DB_NULL)
        return;
    assert_int_equal(got.len, want.len);
    assert_memory_equal(got.p, want.p, want.len);
    assert_int_equal(got.p[got.len], '\0');
}

static struct nilo_db_value real(const char *text)
{
    return (struct nilo_db_value){.type = NILO_DB_REAL, .p = text, .len = strlen(text)};
}

static void values_come_back_as_they_went(struct both *b)
{
    const struct {
        const char *column;
        struct nilo_db_value value;
    } cases[] = {
        {"i", NILO_DBV_INT(0)},
        {"i", NILO_DBV_INT(-1)},
        {"i", NILO_DBV_INT(INT64_MAX)},
        {"i", NILO_DBV_INT(INT64_MIN)},
        {"i", NILO_DBV_NULL},
        {"t", nilo_dbv_text("")},
        {"t", nilo_dbv_text("O'Neil said \"?1\" -- \\x41 /* $1 */; DROP TABLE v")},
        {"t", nilo_dbv_text("\xc3\xbc \xe6\xbc\xa2\xe5\xad\x97 \xf0\x9f\x98\x80\t\n")},
        {"t", nilo_dbv_textn("cut here, not there", 8)},
        {"t", nilo_dbv_text("12")},
        {"t", nilo_dbv_text(NULL)},
        {"b", nilo_dbv_bytes("", 0)},
        {"b", nilo_dbv_bytes(NULL, 0)},
        {"b", nilo_dbv_bytes("a\0b\xff\\", 5)},
        {"b", nilo_dbv_bytes("plain text", 10)},
        {"b", NILO_DBV_NULL},
        {"r", real("0.1")},
        {"r", real("-2.5")},
        {"r", real("3")},
        {"r", real("1e+300")},
        {"r", real("5e-324")},
        {"r", real("1.7976931348623157e+308")},
        {"r", real("Infinity")},
        {"r", real("-Infinity")},
    };
    both_exec(b, "CREATE TABLE v (i bigint, t text, b bytea, r double precision)");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char insert[64], select[64];
        snprintf(insert, sizeof insert, "INSERT INTO v (%s) VALUES (?1)", cases[i].column);
        snprintf(select, sizeof select, "SELECT %s FROM v", cases[i].column);
        both_exec(b, "DELETE FROM v");
        ok(b, nilo_db_run(both_prepare(b, insert), &cases[i].value, 1, NULL, &b->err));
        struct nilo_db_stmt *s = both_prepare(b, select);
        ok(b, nilo_db_query(s, NULL, 0, &b->err));
        assert_int_equal(nilo_db_row(s, &b->err), 1);
        struct nilo_db_value want = cases[i].value;
        if (want.p == NULL)
            want.p = "";
        assert_value(nilo_db_column(s, 0), want);
        assert_int_equal(nilo_db_column_null(s, 0), want.type == NILO_DB_NULL);
        assert_int_equal(nilo_db_row(s, &b->err), 0);
        assert_int_equal(nilo_db_row(s, &b->err), 0); /* the end stays the end */
    }
}

static void several_columns_of_each_type_in_one_row(struct both *b)
{
    both_exec(b, "CREATE TABLE v (i bigint, t text, b bytea, c bytea, d bytea)");
    ok(b, nilo_db_run(both_prepare(b, "INSERT INTO v VALUES (?1, ?2, ?3, ?4, ?5)"),
                      PARAMS(NILO_DBV_INT(7), nilo_dbv_text("seven"), nilo_dbv_bytes("\1\2", 2), NILO_DBV_NULL,
                             nilo_dbv_bytes("\0", 1)),
                      NULL, &b->err));
    struct nilo_db_stmt *s = both_prepare(b, "SELECT d, c, b, t AS name, i FROM v");
    assert_int_equal(nilo_db_columns(s), 5);
    assert_string_equal(nilo_db_column_name(s, 3), "name");
    ok(b, nilo_db_query(s, NULL, 0, &b->err));
    assert_int_equal(nilo_db_row(s, &b->err), 1);
    assert_value(nilo_db_column(s, 0), nilo_dbv_bytes("\0", 1));
    assert_true(nilo_db_column_null(s, 1));
    assert_value(nilo_db_column(s, 2), nilo_dbv_bytes("\1\2", 2));
    assert_string_equal(nilo_db_column_text(s, 3), "seven");
    assert_string_equal(nilo_db_column_text(s, 4), "7");
    assert_true(nilo_db_column_text(s, 1) == NULL);
    assert_true(nilo_db_column_int(s, 4) == 7);
    assert_true(nilo_db_column_int(s, 1) == 0);
    assert_int_equal(nilo_db_column_name(s, 0)[0], 'd');
    nilo_db_reset(s);
}

static void numbers_are_read_exactly_from_any_column(struct both *b)
{
    const struct {
        const char *sql;
        int64_t want;
    } cases[] = {
        {"SELECT sum(x) FROM n", INT64_MAX}, /* numeric in PostgreSQL */
        {"SELECT CAST('-42' AS text)", -42},
        {"SELECT CAST('no number' AS text)", 0},
        {"SELECT CAST(2.75 AS double precision)", 2},
        {"SELECT CAST(-2.75 AS double precision)", -2},
        {"SELECT CAST(1e15 AS double precision)", 1000000000000000},
        {"SELECT CAST(1e30 AS double precision)", INT64_MAX},
        {"SELECT CAST(-1e30 AS double precision)", INT64_MIN},
        {"SELECT NULL", 0},
    };
    both_exec(b, "CREATE TABLE n (x bigint); INSERT INTO n VALUES (9223372036854775806), (1)");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t got = both_int(b, b->db, cases[i].sql);
        if (got != cases[i].want)
            fail_msg("%s: %" PRId64 ", not %" PRId64, cases[i].sql, got, cases[i].want);
    }
}

static void booleans_are_0_and_1(struct both *b)
{
    struct nilo_db_stmt *s = both_prepare(b, "SELECT 1 = 1, 1 = 2");
    ok(b, nilo_db_query(s, NULL, 0, &b->err));
    assert_int_equal(nilo_db_row(s, &b->err), 1);
    assert_value(nilo_db_column(s, 0), NILO_DBV_INT(1));
    assert_value(nilo_db_column(s, 1), NILO_DBV_INT(0));
    assert_string_equal(nilo_db_column_text(s, 0), "1");
    nilo_db_reset(s);
}

static void text_with_a_nul_is_refused_not_cut(struct both *b)
{
    both_exec(b, "CREATE TABLE v (t text)");
    struct nilo_db_stmt *s = both_prepare(b, "INSERT INTO v VALUES (?1)");
    fails(b, NILO_EINVAL, nilo_db_run(s, PARAMS(nilo_dbv_textn("a\0b", 3)), NULL, &b->err));
    assert_true(both_int(b, b->db, "SELECT count(*) FROM v") == 0);
}

/* ---- statements --------------------------------------------------------------------------------------------------------- */

static void placeholders_in_any_order_and_nowhere_else(struct both *b)
{
    struct nilo_db_stmt *s = both_prepare(b, "SELECT '?1 it''s ?2', 1 AS \"?3\", -- ?4\n"
                                             " /* ?5 */ CAST(?2 AS text), CAST(?1 AS bigint), CAST(?2 AS text)");
    ok(b, nilo_db_query(s, PARAMS(NILO_DBV_INT(5), nilo_dbv_text("two")), &b->err));
    assert_int_equal(nilo_db_row(s, &b->err), 1);
    assert_string_equal(nilo_db_column_text(s, 0), "?1 it's ?2");
    assert_string_equal(nilo_db_column_name(s, 1), "?3");
    assert_string_equal(nilo_db_column_text(s, 2), "two");
    assert_true(nilo_db_column_int(s, 3) == 5);
    assert_string_equal(nilo_db_column_text(s, 4), "two");
    nilo_db_reset(s);
}

static void the_number_of_parameters_must_fit(struct both *b)
{
    struct nilo_db_stmt *s = both_prepare(b, "SELECT CAST(?2 AS text) || CAST(?1 AS text)");
    fails(b, NILO_EINTERNAL, nilo_db_query(s, PARAMS(nilo_dbv_text("one")), &b->err));
    fails(b, NILO_EINTERNAL,
          nilo_db_query(s, PARAMS(nilo_dbv_text("a"), nilo_dbv_text("b"), nilo_dbv_text("c")), &b->err));
    ok(b, nilo_db_query(s, PARAMS(nilo_dbv_text("a"), nilo_dbv_text("b")), &b->err));
    assert_int_equal(nilo_db_row(s, &b->err), 1);
    assert_string_equal(nilo_db_column_text(s, 0), "ba");
    nilo_db_reset(s);
}

static void the_same_text_is_prepared_once(struct both *b)
{
    struct nilo_db_stmt *one = both_prepare(b, "SELECT 1"), *two = both_prepare(b, "SELECT 2");
    char other_memory[] = "SELECT 1";
    assert_ptr_equal(both_prepare(b, other_memory), one);
    assert_ptr_not_equal(one, two);
    for (int i = 0; i < 500; i++) { /* the table of statements grows on the way */
        char sql[32];
        snprintf(sql, sizeof sql, "SELECT %d", i);
        both_prepare(b, sql);
    }
    assert_ptr_equal(both_prepare(b, other_memory), one);
    assert_true(both_int(b, b->db, "SELECT 499") == 499);
}

static void too_many_texts_are_a_clear_error(struct both *b)
{
    struct nilo_db_stmt *s;
    int rc = 0, n = 0;
    for (; rc == 0 && n < 5000; n++) {
        char sql[32];
        snprintf(sql, sizeof sql, "SELECT %d", n);
        rc = nilo_db_prepare(b->db, sql, &s, &b->err);
    }
    assert_int_equal(n, 4097);
    fails(b, NILO_EINTERNAL, rc);
    ok(b, nilo_db_prepare(b->db, "SELECT 3", &s, &b->err)); /* what is there goes on working */
    ok(b, nilo_db_prepare_once(b->db, "SELECT 9999", &s, &b->err));
    nilo_db_finish(s);
}

static void a_text_that_runs_in_an_outer_loop_works_inside(struct both *b)
{
    if (b->engine == NILO_DB_POSTGRES) { /* the stricter one: a clear error instead of mixed-up rows */
        struct nilo_db_stmt *outer = both_prepare(b, "SELECT 1 UNION ALL SELECT 2"),
                            *inner = both_prepare(b, "SELECT 3");
        ok(b, nilo_db_query(outer, NULL, 0, &b->err));
        assert_int_equal(nilo_db_row(outer, &b->err), 1);
        fails(b, NILO_EINTERNAL, nilo_db_query(inner, NULL, 0, &b->err));
        fails(b, NILO_EINTERNAL, nilo_db_exec(b->db, "SELECT 4", &b->err));
        assert_int_equal(nilo_db_row(outer, &b->err), 1);
        assert_int_equal(nilo_db_row(outer, &b->err), 0);
        assert_true(both_int(b, b->db, "SELECT 3") == 3);
        return;
    }
    static const char sql[] = "SELECT 1 UNION ALL SELECT 2";
    struct nilo_db_stmt *outer = both_prepare(b, sql);
    int rows = 0;
    ok(b, nilo_db_query(outer, NULL, 0, &b->err));
    while (nilo_db_row(outer, &b->err) == 1) {
        struct nilo_db_stmt *inner = both_prepare(b, sql);
        assert_ptr_not_equal(inner, outer);
        ok(b, nilo_db_query(inner, NULL, 0, &b->err));
        while (nilo_db_row(inner, &b->err) == 1)
            rows++;
    }
    assert_int_equal(rows, 4);
    assert_true(both_int(b, b->db, "SELECT 77") == 77);
}

/* On SQLite the last 32 wait to be used again: that must not be seen, but for the time it takes. */
static void requests_that_come_again_get_answers_of_their_own(struct both *b)
{
    struct nilo_db_stmt *s[2];
    for (int i = 0; i < 100; i++) {
        char sql[64];
        snprintf(sql, sizeof sql, "SELECT CAST(?1 AS bigint) * 1000 + %d", i * 7 % 40);
        ok(b, nilo_db_prepare_once(b->db, sql, &s[0], &b->err));
        ok(b, nilo_db_query(s[0], PARAMS(NILO_DBV_INT(i)), &b->err));
        assert_int_equal(nilo_db_row(s[0], &b->err), 1);
        assert_true(nilo_db_column_int(s[0], 0) == i * 1000 + i * 7 % 40);
        fails(b, NILO_EINTERNAL, nilo_db_query(s[0], NULL, 0, &b->err)); /* the number of parameters is still looked at */
        nilo_db_finish(s[0]);
    }
    for (int i = 0; i < 2; i++)
        ok(b, nilo_db_prepare_once(b->db, "SELECT CAST(?1 AS bigint)", &s[i], &b->err));
    assert_ptr_not_equal(s[0], s[1]);
    for (int i = 0; i < 2; i++)
        nilo_db_finish(s[i]);
    for (int i = 0; i < 2; i++) /* both wait, and both are handed out */
        ok(b, nilo_db_prepare_once(b->db, "SELECT CAST(?1 AS bigint)", &s[i], &b->err));
    assert_ptr_not_equal(s[0], s[1]);
    both_exec(b, "CREATE TABLE again (x bigint)");
    for (int i = 0; i < 2; i++)
        nilo_db_finish(s[i]);
    ok(b, nilo_db_prepare_once(b->db, "SELECT * FROM again", &s[0], &b->err));
    nilo_db_finish(s[0]);
    both_exec(b, "ALTER TABLE again ADD COLUMN y bigint"); /* the table is another one now */
    ok(b, nilo_db_prepare_once(b->db, "SELECT * FROM again", &s[0], &b->err));
    ok(b, nilo_db_query(s[0], NULL, 0, &b->err));
    assert_int_equal(nilo_db_row(s[0], &b->err), 0);
    nilo_db_finish(s[0]);
    both_exec(b, "DROP TABLE again");
}

static void statements_for_one_request_are_not_kept(struct both *b)
{
    struct nilo_db_stmt *a, *c, *kept = both_prepare(b, "SELECT 5");
    ok(b, nilo_db_prepare_once(b->db, "SELECT CAST(?1 AS bigint) + 1", &a, &b->err));
    ok(b, nilo_db_prepare_once(b->db, "SELECT CAST(?1 AS bigint) + 2", &c, &b->err));
    for (int i = 0; i < 3; i++) { /* in turns, and with another statement between */
        ok(b, nilo_db_query(a, PARAMS(NILO_DBV_INT(i)), &b->err));
        assert_int_equal(nilo_db_row(a, &b->err), 1);
        assert_true(nilo_db_column_int(a, 0) == i + 1);
        assert_int_equal(nilo_db_row(a, &b->err), 0);
        both_exec(b, "SELECT 1");
        ok(b, nilo_db_query(c, PARAMS(NILO_DBV_INT(i)), &b->err));
        assert_int_equal(nilo_db_row(c, &b->err), 1);
        assert_true(nilo_db_column_int(c, 0) == i + 2);
        assert_int_equal(nilo_db_row(c, &b->err), 0);
    }
    ok(b, nilo_db_query(a, PARAMS(NILO_DBV_INT(1)), &b->err));
    assert_int_equal(nilo_db_row(a, &b->err), 1);
    nilo_db_finish(a); /* in the middle of its rows */
    nilo_db_finish(NULL);
    nilo_db_finish(kept);           /* only reset */
    for (int i = 0; i < 300; i++) { /* the table of kept statements grows around c */
        char sql[32];
        snprintf(sql, sizeof sql, "SELECT %d", i);
        both_prepare(b, sql);
    }
    assert_ptr_not_equal(both_prepare(b, "SELECT CAST(?1 AS bigint) + 2"), c);
    assert_ptr_equal(both_prepare(b, "SELECT 5"), kept);
    /* c is left to nilo_db_close() */
}

static void wrong_sql_is_an_error_of_the_store(struct both *b)
{
    static const char *const wrong[] = {"SELEKT 1", "SELECT * FROM nowhere", "SELECT nothing FROM (SELECT 1 AS x) AS t",
                                        "SELECT 'open", "SELECT no_such_function(1)"};
    struct nilo_db_stmt *s;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        fails(b, NILO_ESTORE, nilo_db_prepare(b->db, wrong[i], &s, &b->err));
        fails(b, NILO_ESTORE, nilo_db_exec(b->db, wrong[i], &b->err));
    }
    fails(b, NILO_ESTORE, nilo_db_prepare(b->db, "SELECT 1; SELECT 2", &s, &b->err));
    assert_int_equal(nilo_db_prepare(b->db, "SELECT ?0", &s, &b->err), -1);
    assert_true(both_int(b, b->db, "SELECT 1") == 1);
}

static void exec_runs_several_statements_up_to_the_first_error(struct both *b)
{
    both_exec(b, "CREATE TABLE a (x bigint); INSERT INTO a VALUES (1); -- and\n INSERT INTO a VALUES (2);\n");
    both_exec(b, "");
    both_exec(b, " -- nothing\n");
    assert_true(both_int(b, b->db, "SELECT sum(x) FROM a") == 3);
    fails(b, NILO_ESTORE,
          nilo_db_exec(b->db, "BEGIN; INSERT INTO a VALUES (3); INSERT INTO b VALUES (1); COMMIT", &b->err));
    assert_true(nilo_db_in_transaction(b->db));
    nilo_db_rollback(b->db);
    assert_true(both_int(b, b->db, "SELECT count(*) FROM a") == 2);
}

static void changes_are_counted(struct both *b)
{
    const struct {
        const char *sql;
        int64_t want;
    } cases[] = {
        {"INSERT INTO c VALUES (1), (2), (3)", 3},
        {"UPDATE c SET x = x + 10 WHERE x > 1", 2},
        {"SELECT * FROM c", 0},
        {"INSERT INTO c SELECT x FROM c WHERE x < 0", 0},
        {"CREATE TABLE d (x bigint)", 0},
        {"INSERT INTO c VALUES (9) ON CONFLICT DO NOTHING", 1},
        {"INSERT INTO c VALUES (9) ON CONFLICT DO NOTHING", 0},
        {"INSERT INTO c VALUES (20), (21) RETURNING x", 2},
        {"DELETE FROM c", 6},
    };
    both_exec(b, "CREATE TABLE c (x bigint PRIMARY KEY)");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t got = -1;
        ok(b, nilo_db_run(both_prepare(b, cases[i].sql), NULL, 0, &got, &b->err));
        if (got != cases[i].want)
            fail_msg("%s: %" PRId64 ", not %" PRId64, cases[i].sql, got, cases[i].want);
    }
}

#define NUMBERS(n) "WITH RECURSIVE n(i) AS (SELECT CAST(1 AS bigint) UNION ALL SELECT i + 1 FROM n WHERE i < " n ") "

static void rows_may_be_left_unread(struct both *b)
{
    struct nilo_db_stmt *s = both_prepare(b, NUMBERS("20000") "SELECT i FROM n");
    for (int tx = 0; tx < 2; tx++) {
        if (tx)
            ok(b, nilo_db_begin(b->db, &b->err));
        for (int rows = 0; rows < 3; rows++) {
            ok(b, nilo_db_query(s, NULL, 0, &b->err));
            for (int i = 0; i < rows; i++)
                assert_int_equal(nilo_db_row(s, &b->err), 1);
            nilo_db_reset(s);
            nilo_db_reset(s);
            assert_int_equal(nilo_db_row(s, &b->err), 0);
        }
        ok(b, nilo_db_query(s, NULL, 0, &b->err)); /* and again without a reset between */
        ok(b, nilo_db_query(s, NULL, 0, &b->err));
        int64_t n = 0;
        while (nilo_db_row(s, &b->err) == 1)
            n++;
        assert_true(n == 20000);
        if (tx)
            ok(b, nilo_db_commit(b->db, &b->err)); /* the reset did not spoil the transaction */
    }
}

static void long_statements_with_many_parameters_work(struct both *b)
{
    enum { N = 7400 };
    size_t size = (size_t)N * 10 + 1000000, used;
    char *sql = malloc(size);
    struct nilo_db_value *params = calloc(N, sizeof *params);
    assert_non_null(sql);
    assert_non_null(params);
    used = (size_t)snprintf(sql, size, "SELECT count(*) FROM (SELECT CAST(7399 AS bigint) AS x) AS t WHERE x IN (");
    for (int i = 0; i < N; i++) {
        params[i] = NILO_DBV_INT(i);
        used += (size_t)snprintf(sql + used, size - used, "%s?%d", i > 0 ? "," : "", i + 1);
    }
    memset(sql + used, ' ', 1000000 - used);
    memcpy(sql + 1000000 - 2, ")", 2);
    struct nilo_db_stmt *s = both_prepare(b, sql);
    ok(b, nilo_db_query(s, params, N, &b->err));
    assert_int_equal(nilo_db_row(s, &b->err), 1);
    assert_true(nilo_db_column_int(s, 0) == 1);
    nilo_db_reset(s);
    memset(sql, ' ', size - 1);
    sql[size - 1] = '\0';
    fails(b, NILO_EINVAL, nilo_db_prepare(b->db, sql, &s, &b->err));
    free(params);
    free(sql);
}

static void a_changed_table_is_seen_by_prepared_statements(struct both *b)
{
    both_exec(b, "CREATE TABLE t (x bigint); INSERT INTO t VALUES (1)");
    struct nilo_db_stmt *s = both_prepare(b, "SELECT * FROM t");
    assert_int_equal(nilo_db_columns(s), 1);
    ok(b, nilo_db_begin(b->db, &b->err));
    both_exec(b, "ALTER TABLE t ADD COLUMN y bigint");
    ok(b, nilo_db_query(s, NULL, 0, &b->err));
    assert_int_equal(nilo_db_row(s, &b->err), 1);
    assert_int_equal(nilo_db_columns(s), 2);
    nilo_db_reset(s);
    nilo_db_rollback(b->db);
    ok(b, nilo_db_query(s, NULL, 0, &b->err));
    assert_int_equal(nilo_db_row(s, &b->err), 1);
    assert_int_equal(nilo_db_columns(s), 1);
    nilo_db_reset(s);
}

/* ---- errors ------------------------------------------------------------------------------------------------------------- */

static void each_failure_has_its_code(struct both *b)
{
    const struct {
        const char *sql;
        enum nilo_code code;
    } cases[] = {
        {"INSERT INTO p VALUES (1, 'again')", NILO_EEXIST},
        {"INSERT INTO p VALUES (2, NULL)", NILO_ENULL},
        {"INSERT INTO p VALUES (3, 'refused')", NILO_EINVAL},
        {"INSERT INTO q VALUES (99)", NILO_EINVAL},
        {"UPDATE closed_day SET x = 2", NILO_ECLOSED},
        {"DELETE FROM closed_day", NILO_ECLOSED},
        {"INSERT INTO closed_day VALUES (13)", NILO_ESTORE}, /* a trigger's message without our mark */
        {"SELECT 9223372036854775807 + x FROM closed_day", NILO_EOVERFLOW},
    };
    both_exec(b, "CREATE TABLE p (id bigint PRIMARY KEY, name text NOT NULL CHECK (name <> 'refused'));"
                 "CREATE TABLE q (p bigint REFERENCES p (id)); CREATE TABLE closed_day (x bigint PRIMARY KEY);"
                 "INSERT INTO p VALUES (1, 'one'); INSERT INTO closed_day VALUES (1)");
    both_exec(
        b, b->engine == NILO_DB_SQLITE
               ? "CREATE TRIGGER u BEFORE UPDATE ON closed_day BEGIN SELECT RAISE(ABORT, 'nilo closed: day 7 is'); END;"
                 "CREATE TRIGGER d BEFORE DELETE ON closed_day BEGIN SELECT RAISE(ABORT, 'nilo closed: day 7 is'); END;"
                 "CREATE TRIGGER i BEFORE INSERT ON closed_day BEGIN SELECT RAISE(ABORT, 'not nilo closed: x')"
                 " WHERE NEW.x = 13; END"
               : "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                 " IF TG_OP = 'INSERT' THEN RAISE EXCEPTION 'not nilo closed: x'; END IF;"
                 " RAISE EXCEPTION 'nilo closed: day 7 is'; END $$;"
                 "CREATE TRIGGER u BEFORE INSERT OR UPDATE OR DELETE ON closed_day FOR EACH ROW EXECUTE FUNCTION no()");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nilo_db_stmt *s = both_prepare(b, cases[i].sql);
        int rc = nilo_db_run(s, NULL, 0, NULL, &b->err);
        if (b->engine == NILO_DB_SQLITE &&
            cases[i].code == NILO_EOVERFLOW) /* there it becomes a REAL; sums do overflow */
            rc = nilo_db_run(both_prepare(b, "SELECT sum(x) FROM (SELECT 9223372036854775807 AS x UNION ALL SELECT 1)"),
                             NULL, 0, NULL, &b->err);
        if (cases[i].code == NILO_ECLOSED)
            assert_string_equal(b->err.msg, "day 7 is");
        fails(b, cases[i].code, rc);
    }
    if (b->engine == NILO_DB_SQLITE) /* REPLACE deletes: only recursive triggers stop it */
        fails(b, NILO_ECLOSED, nilo_db_exec(b->db, "INSERT OR REPLACE INTO closed_day VALUES (1)", &b->err));
}

/* ---- transactions ------------------------------------------------------------------------------------------------------- */

static void transactions_commit_or_leave_nothing(struct both *b)
{
    both_exec(b, "CREATE TABLE t (x bigint)");
    struct nilo_db_stmt *s = both_prepare(b, "INSERT INTO t VALUES (?1)");
    assert_false(nilo_db_in_transaction(b->db));
    nilo_db_rollback(b->db);
    fails(b, NILO_EINTERNAL, nilo_db_commit(b->db, &b->err));
    ok(b, nilo_db_begin(b->db, &b->err));
    assert_true(nilo_db_in_transaction(b->db));
    fails(b, NILO_EINTERNAL, nilo_db_begin(b->db, &b->err));
    ok(b, nilo_db_run(s, PARAMS(NILO_DBV_INT(1)), NULL, &b->err));
    nilo_db_rollback(b->db);
    assert_false(nilo_db_in_transaction(b->db));
    assert_true(both_int(b, b->db, "SELECT count(*) FROM t") == 0);
    ok(b, nilo_db_begin(b->db, &b->err));
    ok(b, nilo_db_run(s, PARAMS(NILO_DBV_INT(2)), NULL, &b->err));
    ok(b, nilo_db_commit(b->db, &b->err));
    assert_false(nilo_db_in_transaction(b->db));
    struct nilo_db *other = both_open(b, NILO_DB_READ);
    assert_true(both_int(b, other, "SELECT sum(x) FROM t") == 2);
    nilo_db_close(other);
}

static void a_failed_commit_leaves_nothing_open(struct both *b)
{
    both_exec(b, "CREATE TABLE p (id bigint PRIMARY KEY);"
                 "CREATE TABLE q (p bigint REFERENCES p (id) DEFERRABLE INITIALLY DEFERRED)");
    ok(b, nilo_db_begin(b->db, &b->err));
    both_exec(b, "INSERT INTO q VALUES (1)");
    fails(b, NILO_EINVAL, nilo_db_commit(b->db, &b->err));
    assert_false(nilo_db_in_transaction(b->db));
    assert_true(both_int(b, b->db, "SELECT count(*) FROM q") == 0);
    ok(b, nilo_db_begin(b->db, &b->err));
    both_exec(b, "INSERT INTO q VALUES (1); INSERT INTO p VALUES (1)");
    ok(b, nilo_db_commit(b->db, &b->err));
    assert_true(both_int(b, b->db, "SELECT count(*) FROM q") == 1);
}

static void a_rollback_ends_what_still_runs(struct both *b)
{
    struct nilo_db_stmt *s = both_prepare(b, NUMBERS("5000") "SELECT i FROM n");
    ok(b, nilo_db_begin(b->db, &b->err));
    ok(b, nilo_db_query(s, NULL, 0, &b->err));
    assert_int_equal(nilo_db_row(s, &b->err), 1);
    assert_true(nilo_db_in_transaction(b->db));
    nilo_db_rollback(b->db);
    assert_false(nilo_db_in_transaction(b->db));
    assert_int_equal(nilo_db_row(s, &b->err), 0);
    ok(b, nilo_db_begin(b->db, &b->err));
    ok(b, nilo_db_commit(b->db, &b->err));
}

static void a_reader_sees_one_state(struct both *b)
{
    static const char count[] = "SELECT count(*) FROM t";
    both_exec(b, "CREATE TABLE t (x bigint); INSERT INTO t VALUES (1)");
    struct nilo_db *reader = both_open(b, NILO_DB_READ);
    ok(b, nilo_db_begin(b->db, &b->err));
    both_exec(b, "INSERT INTO t VALUES (2)");
    assert_true(both_int(b, reader, count) == 1); /* while the write is open */
    ok(b, nilo_db_begin(reader, &b->err));
    assert_true(both_int(b, reader, count) == 1);
    ok(b, nilo_db_commit(b->db, &b->err));
    assert_true(both_int(b, reader, count) == 1); /* a transaction stays with what it saw first */
    ok(b, nilo_db_commit(reader, &b->err));
    assert_true(both_int(b, reader, count) == 2);
    nilo_db_close(reader);
}

static void readers_and_sources_cannot_write(struct both *b)
{
    static const char *const writes[] = {"INSERT INTO t VALUES (2)", "UPDATE t SET x = 5", "DELETE FROM t",
                                         "DROP TABLE t", "CREATE TABLE u (x bigint)"};
    both_exec(b, "CREATE TABLE t (x bigint); INSERT INTO t VALUES (1)");
    for (enum nilo_db_mode mode = NILO_DB_READ;; mode = NILO_DB_SOURCE) {
        struct nilo_db *db = both_open(b, mode);
        for (size_t i = 0; i < sizeof writes / sizeof writes[0]; i++) {
            fails(b, NILO_EREADONLY, nilo_db_exec(db, writes[i], &b->err));
            ok(b, nilo_db_begin(db, &b->err));
            fails(b, NILO_EREADONLY, nilo_db_exec(db, writes[i], &b->err));
            nilo_db_rollback(db);
        }
        assert_true(both_int(b, db, "SELECT sum(x) FROM t") == 1);
        nilo_db_close(db);
        if (mode == NILO_DB_SOURCE)
            break;
    }
}

static void waiting_for_a_lock_ends(struct both *b)
{
    both_exec(b, "CREATE TABLE t (x bigint); INSERT INTO t VALUES (1)");
    struct nilo_db *other = both_open(b, NILO_DB_WRITE); /* waits 100 ms */
    ok(b, nilo_db_begin(b->db, &b->err));
    both_exec(b, "UPDATE t SET x = 2");
    fails(b, NILO_EBUSY, nilo_db_exec(other, "UPDATE t SET x = 3", &b->err));
    ok(b, nilo_db_commit(b->db, &b->err));
    ok(b, nilo_db_exec(other, "UPDATE t SET x = 3", &b->err));
    nilo_db_close(other);
}

/* ---- limits of time ------------------------------------------------------------------------------------------------------- */

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

#define ENDLESS NUMBERS("1000000000000") "SELECT count(*) FROM n"

static void a_statement_ends_at_its_limit(struct both *b)
{
    struct nilo_db_stmt *s = both_prepare(b, ENDLESS);
    nilo_db_timeout(b->db, 150);
    for (int tx = 0; tx < 2; tx++) {
        if (tx)
            ok(b, nilo_db_begin(b->db, &b->err));
        int64_t start = now_ms();
        fails(b, NILO_ETIMEOUT, nilo_db_run(s, NULL, 0, NULL, &b->err));
        assert_in_range(now_ms() - start, 100, 3000);
        if (tx)
            nilo_db_rollback(b->db);
        assert_true(both_int(b, b->db, "SELECT 1") == 1);
    }
    nilo_db_timeout(b->db, 0);
    assert_true(both_int(b, b->db, NUMBERS("1000000") "SELECT count(*) FROM n") == 1000000);
    nilo_db_timeout(b->db, 100);
    ok(b, nilo_db_begin(b->db, &b->err));
    nilo_db_rollback(b->db); /* which may undo the setting */
    fails(b, NILO_ETIMEOUT, nilo_db_exec(b->db, ENDLESS, &b->err));
}

static void *interrupt_soon(void *arg)
{
    struct timespec wait = {.tv_nsec = 150000000};
    nanosleep(&wait, NULL);
    nilo_db_interrupt(arg);
    return NULL;
}

static void another_thread_can_stop_a_statement(struct both *b)
{
    pthread_t thread;
    nilo_db_interrupt(b->db); /* nothing runs: no effect on what follows */
    assert_true(both_int(b, b->db, NUMBERS("20000") "SELECT count(*) FROM n") == 20000);
    nilo_db_timeout(b->db, 60000);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(pthread_create(&thread, NULL, interrupt_soon, b->db), 0);
        int64_t start = now_ms();
        if (round == 0)
            fails(b, NILO_ECANCELLED, nilo_db_run(both_prepare(b, ENDLESS), NULL, 0, NULL, &b->err));
        else
            fails(b, NILO_ECANCELLED, nilo_db_exec(b->db, ENDLESS, &b->err));
        assert_in_range(now_ms() - start, 50, 5000);
        pthread_join(thread, NULL);
        assert_true(both_int(b, b->db, "SELECT 1") == 1);
    }
}

static bool third_time(void *ctx)
{
    int *asked = ctx;
    return ++*asked >= 3;
}

static bool never(void *ctx)
{
    ++*(int *)ctx;
    return false;
}

static void who_watches_can_stop_a_statement(struct both *b)
{
    int asked = 0;
    nilo_db_timeout(b->db, 60000);
    nilo_db_watch(b->db, third_time, &asked);
    fails(b, NILO_ECANCELLED, nilo_db_run(both_prepare(b, ENDLESS), NULL, 0, NULL, &b->err));
    assert_true(asked >= 3);
    nilo_db_watch(b->db, never, &asked); /* what was stopped is over: the next one runs */
    assert_true(both_int(b, b->db, NUMBERS("20000") "SELECT count(*) FROM n") == 20000);
    asked = 0;
    nilo_db_watch(b->db, NULL, NULL);
    nilo_db_timeout(b->db, 100);
    fails(b, NILO_ETIMEOUT, nilo_db_exec(b->db, ENDLESS, &b->err));
    assert_int_equal(asked, 0);
}

/* ---- many ------------------------------------------------------------------------------------------------------------------ */

struct sets {
    int64_t rows;    /* that the row function saw */
    size_t last;     /* set of the last one */
    size_t stop_at;  /* the row function fails there */
    size_t nul_at;   /* the parameters of this set are refused */
    char *long_text; /* second parameter */
};

static void number_set(void *ctx, size_t i, struct nilo_db_value *params)
{
    const struct sets *s = ctx;
    params[0] = NILO_DBV_INT((int64_t)i);
    params[1] = i == s->nul_at ? nilo_dbv_textn("\0", 1) : nilo_dbv_text(s->long_text);
}

static int count_row(void *ctx, size_t i, struct nilo_db_stmt *stmt, struct nilo_err *err)
{
    struct sets *s = ctx;
    if (i == s->stop_at)
        return nilo_err_set(err, NILO_EINVAL, "the row function has enough");
    if (nilo_db_column_int(stmt, 0) != (int64_t)i || i < s->last)
        return nilo_err_set(err, NILO_EINTERNAL, "row of set %zu out of order", i);
    if (nilo_db_column(stmt, 1).len != strlen(s->long_text))
        return nilo_err_set(err, NILO_EINTERNAL, "text of set %zu changed", i);
    s->rows++;
    s->last = i;
    return 0;
}

static struct sets no_stop(void)
{
    static char text[] = "some text";
    return (struct sets){.stop_at = SIZE_MAX, .nul_at = SIZE_MAX, .long_text = text};
}

static void many_sets_in_order(struct both *b)
{
    static const size_t counts[] = {0, 1, 2, 255, 256, 257, 10000};
    both_exec(b, "CREATE TABLE m (x bigint PRIMARY KEY, t text)");
    struct nilo_db_stmt *plain = both_prepare(b, "INSERT INTO m VALUES (?1, ?2)");
    struct nilo_db_stmt *rows = both_prepare(b, "INSERT INTO m VALUES (?1, ?2) RETURNING x, t");
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        struct sets s = no_stop();
        ok(b, nilo_db_many(plain, counts[i], 2, number_set, NULL, &s, &b->err));
        assert_true(both_int(b, b->db, "SELECT count(*) FROM m") == (int64_t)counts[i]);
        both_exec(b, "DELETE FROM m");
        ok(b, nilo_db_begin(b->db, &b->err));
        ok(b, nilo_db_many(rows, counts[i], 2, number_set, count_row, &s, &b->err));
        assert_true(nilo_db_in_transaction(b->db));
        assert_true(s.rows == (int64_t)counts[i]);
        nilo_db_rollback(b->db);
        assert_true(both_int(b, b->db, "SELECT count(*) FROM m") == 0);
    }
}

static void many_sets_with_several_rows_each(struct both *b)
{
    struct sets s = no_stop();
    struct nilo_db_stmt *stmt = both_prepare(b, "SELECT CAST(?1 AS bigint), CAST(?2 AS text) UNION ALL "
                                                "SELECT CAST(?1 AS bigint), CAST(?2 AS text)");
    ok(b, nilo_db_many(stmt, 1000, 2, number_set, count_row, &s, &b->err));
    assert_true(s.rows == 2000);
}

static void many_large_sets_do_not_lock_up(struct both *b)
{
    enum { LENGTH = 300000 }; /* more than sockets hold in either direction, and the answer larger than the question */
    struct sets s = no_stop();
    s.long_text = malloc(LENGTH + 1);
    assert_non_null(s.long_text);
    memset(s.long_text, 'x', LENGTH);
    s.long_text[LENGTH] = '\0';
    struct nilo_db_stmt *stmt = both_prepare(
        b, "SELECT CAST(?1 AS bigint), CAST(?2 AS text), CAST(?2 AS text), CAST(?2 AS text), CAST(?2 AS text)");
    nilo_db_timeout(b->db, 20000);
    ok(b, nilo_db_many(stmt, 60, 2, number_set, count_row, &s, &b->err));
    assert_true(s.rows == 60);
    free(s.long_text);
}

static void a_failing_set_stops_many(struct both *b)
{
    static const size_t at[] = {0, 1, 300, 9999};
    both_exec(b, "CREATE TABLE m (x bigint PRIMARY KEY, t text)");
    struct nilo_db_stmt *stmt = both_prepare(b, "INSERT INTO m VALUES (?1, ?2) RETURNING x, t");
    for (size_t i = 0; i < sizeof at / sizeof at[0]; i++) {
        char name[32];
        struct sets s = no_stop();
        ok(b, nilo_db_run(both_prepare(b, "INSERT INTO m VALUES (?1, 'x')"), PARAMS(NILO_DBV_INT((int64_t)at[i])), NULL,
                          &b->err));
        assert_int_equal(nilo_db_many(stmt, 10000, 2, number_set, count_row, &s, &b->err), -1);
        snprintf(name, sizeof name, "set %zu of 10000", at[i]);
        assert_non_null(strstr(b->err.msg, name));
        fails(b, NILO_EEXIST, -1);
        assert_true(s.rows == (int64_t)at[i]);
        assert_false(nilo_db_in_transaction(b->db));
        assert_true(both_int(b, b->db, "SELECT count(*) FROM m") == 1); /* all or none */

        ok(b, nilo_db_begin(b->db, &b->err));
        both_exec(b, "INSERT INTO m VALUES (-1, 'y')");
        fails(b, NILO_EEXIST, nilo_db_many(stmt, 10000, 2, number_set, NULL, &s, &b->err));
        assert_true(nilo_db_in_transaction(b->db));
        nilo_db_rollback(b->db);
        assert_true(both_int(b, b->db, "SELECT count(*) FROM m") == 1);
        both_exec(b, "DELETE FROM m");
    }
}

static void our_own_failures_stop_many(struct both *b)
{
    both_exec(b, "CREATE TABLE m (x bigint PRIMARY KEY, t text)");
    struct nilo_db_stmt *stmt = both_prepare(b, "INSERT INTO m VALUES (?1, ?2) RETURNING x, t");
    struct sets s = no_stop();
    s.stop_at = 700;
    assert_int_equal(nilo_db_many(stmt, 2000, 2, number_set, count_row, &s, &b->err), -1);
    assert_string_equal(b->err.msg, "the row function has enough");
    fails(b, NILO_EINVAL, -1);
    assert_true(s.rows == 700);
    s = no_stop();
    s.nul_at = 900;
    assert_int_equal(nilo_db_many(stmt, 2000, 2, number_set, count_row, &s, &b->err), -1);
    assert_non_null(strstr(b->err.msg, "set 900 of 2000"));
    fails(b, NILO_EINVAL, -1);
    assert_true(both_int(b, b->db, "SELECT count(*) FROM m") == 0);
    fails(b, NILO_EINTERNAL, nilo_db_many(stmt, 1, 1, number_set, NULL, &s, &b->err));
    both_exec(b, "INSERT INTO m VALUES (899, 'earlier')"); /* the first wrong set is the one that is named */
    assert_int_equal(nilo_db_many(stmt, 2000, 2, number_set, NULL, &s, &b->err), -1);
    assert_non_null(strstr(b->err.msg, "set 899 of 2000"));
    s = no_stop();
    ok(b, nilo_db_many(stmt, 300, 2, number_set, count_row, &s, &b->err));
}

static void many_can_be_stopped(struct both *b)
{
    pthread_t thread;
    struct sets s = no_stop();
    struct nilo_db_stmt *stmt = both_prepare(
        b, NUMBERS("100000") "SELECT CAST(?1 AS bigint), CAST(?2 AS text) WHERE (SELECT count(*) FROM n) > 0");
    assert_int_equal(pthread_create(&thread, NULL, interrupt_soon, b->db), 0);
    fails(b, NILO_ECANCELLED, nilo_db_many(stmt, 1000000, 2, number_set, NULL, &s, &b->err));
    pthread_join(thread, NULL);
    assert_false(nilo_db_in_transaction(b->db));
    assert_true(both_int(b, b->db, "SELECT 1") == 1);
}

/* ---- migrations ------------------------------------------------------------------------------------------------------------ */

static const struct nilo_db_step steps[] = {
    {"first", "CREATE TABLE one (x bigint); CREATE TABLE two (x bigint)"},
    {"second", "INSERT INTO one VALUES (1); INSERT INTO two VALUES (2)"},
    {"third", "ALTER TABLE one ADD COLUMN y text"},
};

static void expect_version(struct both *b, int want)
{
    int version = -1;
    ok(b, nilo_db_schema_version(b->db, &version, &b->err));
    assert_int_equal(version, want);
}

static void migrations_run_once_each(struct both *b)
{
    expect_version(b, 0);
    ok(b, nilo_db_migrate(b->db, steps, 0, 5, &b->err));
    expect_version(b, 0);
    ok(b, nilo_db_migrate(b->db, steps, 1, 5, &b->err));
    expect_version(b, 1);
    ok(b, nilo_db_migrate(b->db, steps, 3, INT64_C(1700000000000000), &b->err));
    ok(b, nilo_db_migrate(b->db, steps, 3, 7, &b->err));
    expect_version(b, 3);
    assert_true(both_int(b, b->db, "SELECT count(*) FROM one WHERE x = 1 AND y IS NULL") == 1);
    assert_true(both_int(b, b->db, "SELECT applied_at FROM nilo_migration WHERE name = 'first'") == 5);
    assert_true(both_int(b, b->db, "SELECT applied_at FROM nilo_migration WHERE version = 3") ==
                INT64_C(1700000000000000));
    unsigned char sum[NILO_SHA256_LEN];
    char hex[2 * NILO_SHA256_LEN + 1], sql[160];
    nilo_sha256(steps[1].sql, strlen(steps[1].sql), sum);
    nilo_hex(sum, sizeof sum, hex);
    snprintf(sql, sizeof sql, "SELECT count(*) FROM nilo_migration WHERE version = 2 AND checksum = '%s'", hex);
    assert_true(both_int(b, b->db, sql) == 1);
    struct nilo_db *reader = both_open(b, NILO_DB_READ); /* nothing to do: even a reader may ask */
    ok(b, nilo_db_migrate(reader, steps, 3, 8, &b->err) == 0 || b->err.code == NILO_EREADONLY ? 0 : -1);
    nilo_db_close(reader);
}

static void a_newer_schema_is_refused(struct both *b)
{
    ok(b, nilo_db_migrate(b->db, steps, 3, 5, &b->err));
    assert_int_equal(nilo_db_migrate(b->db, steps, 2, 5, &b->err), -1);
    assert_non_null(strstr(b->err.msg, "version 3"));
    assert_non_null(strstr(b->err.msg, "up to 2"));
    fails(b, NILO_ENEWER, -1);
    expect_version(b, 3);
    assert_false(nilo_db_in_transaction(b->db));
}

static void a_changed_history_is_refused(struct both *b)
{
    static const char *const damage[] = {
        "UPDATE nilo_migration SET checksum = 'x' WHERE version = 2",
        "DELETE FROM nilo_migration WHERE version = 2",
        "DELETE FROM nilo_migration WHERE version = 1",
    };
    static const char *const words[] = {"step 2 (second) is not", "step 2 is missing", "step 1 is missing"};
    for (size_t i = 0; i < sizeof damage / sizeof damage[0]; i++) {
        ok(b, nilo_db_migrate(b->db, steps, 3, 5, &b->err));
        both_exec(b, damage[i]);
        assert_int_equal(nilo_db_migrate(b->db, steps, 3, 5, &b->err), -1);
        assert_non_null(strstr(b->err.msg, words[i]));
        fails(b, NILO_ECORRUPT, nilo_db_migrate(b->db, steps, 3, 5, &b->err));
        assert_false(nilo_db_in_transaction(b->db));
        both_exec(b, "DROP TABLE nilo_migration; DROP TABLE one; DROP TABLE two");
    }
    struct nilo_db_step changed[] = {steps[0], {"second", "INSERT INTO one VALUES (8)"}, steps[2]};
    ok(b, nilo_db_migrate(b->db, steps, 2, 5, &b->err));
    fails(b, NILO_ECORRUPT, nilo_db_migrate(b->db, changed, 3, 5, &b->err));
    expect_version(b, 2);
}

static void a_failing_step_is_undone_and_can_be_repeated(struct both *b)
{
    struct nilo_db_step broken[] = {steps[0],
                                    {"broken", "CREATE TABLE three (x bigint); INSERT INTO one VALUES (7);"
                                               "INSERT INTO nowhere VALUES (1)"}};
    assert_int_equal(nilo_db_migrate(b->db, broken, 2, 5, &b->err), -1);
    assert_non_null(strstr(b->err.msg, "schema step 2 (broken)"));
    fails(b, NILO_ESTORE, -1);
    expect_version(b, 1);
    assert_true(both_int(b, b->db, "SELECT count(*) FROM one") == 0);
    struct nilo_db_stmt *s;
    fails(b, NILO_ESTORE, nilo_db_prepare(b->db, "SELECT * FROM three", &s, &b->err));
    ok(b, nilo_db_migrate(b->db, steps, 3, 5, &b->err));
    expect_version(b, 3);
    struct nilo_db_step ends[] = {steps[0], steps[1], steps[2], {"ends", "COMMIT"}};
    fails(b, NILO_EINTERNAL, nilo_db_migrate(b->db, ends, 4, 5, &b->err));
    expect_version(b, 3);
}

static void *migrate(void *arg)
{
    struct both *b = arg;
    struct nilo_err err;
    struct nilo_db *db = NULL;
    const struct nilo_db_options options = {.mode = NILO_DB_WRITE, .lock_wait_ms = 20000};
    int rc = nilo_db_open(b->target, &options, &db, &err);
    if (rc == 0)
        rc = nilo_db_migrate(db, steps, 3, 5, &err);
    if (rc != 0)
        print_error("%s\n", err.msg);
    nilo_db_close(db);
    return rc == 0 ? b : NULL;
}

/* Not on SQLite, where two connections that write at once are what we promise never to have. */
static void two_can_migrate_at_once(struct both *b)
{
    if (b->engine == NILO_DB_SQLITE)
        nilo_test_skip("it is PostgreSQL's");
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, migrate, b), 0);
    for (int i = 0; i < 4; i++) {
        void *done = NULL;
        pthread_join(threads[i], &done);
        assert_ptr_equal(done, b);
    }
    assert_true(both_int(b, b->db, "SELECT count(*) FROM one") == 1);
}

int main(void)
{
    static const struct both_test tests[] = {
        BOTH_TEST(values_come_back_as_they_went),
        BOTH_TEST(several_columns_of_each_type_in_one_row),
        BOTH_TEST(numbers_are_read_exactly_from_any_column),
        BOTH_TEST(booleans_are_0_and_1),
        BOTH_TEST(text_with_a_nul_is_refused_not_cut),
        BOTH_TEST(placeholders_in_any_order_and_nowhere_else),
        BOTH_TEST(the_number_of_parameters_must_fit),
        BOTH_TEST(the_same_text_is_prepared_once),
        BOTH_TEST(too_many_texts_are_a_clear_error),
        BOTH_TEST(a_text_that_runs_in_an_outer_loop_works_inside),
        BOTH_TEST(statements_for_one_request_are_not_kept),
        BOTH_TEST(requests_that_come_again_get_answers_of_their_own),
        BOTH_TEST(wrong_sql_is_an_error_of_the_store),
        BOTH_TEST(exec_runs_several_statements_up_to_the_first_error),
        BOTH_TEST(changes_are_counted),
        BOTH_TEST(rows_may_be_left_unread),
        BOTH_TEST(long_statements_with_many_parameters_work),
        BOTH_TEST(a_changed_table_is_seen_by_prepared_statements),
        BOTH_TEST(each_failure_has_its_code),
        BOTH_TEST(transactions_commit_or_leave_nothing),
        BOTH_TEST(a_failed_commit_leaves_nothing_open),
        BOTH_TEST(a_rollback_ends_what_still_runs),
        BOTH_TEST(a_reader_sees_one_state),
        BOTH_TEST(readers_and_sources_cannot_write),
        BOTH_TEST(waiting_for_a_lock_ends),
        BOTH_TEST(a_statement_ends_at_its_limit),
        BOTH_TEST(another_thread_can_stop_a_statement),
        BOTH_TEST(who_watches_can_stop_a_statement),
        BOTH_TEST(many_sets_in_order),
        BOTH_TEST(many_sets_with_several_rows_each),
        BOTH_TEST(many_large_sets_do_not_lock_up),
        BOTH_TEST(a_failing_set_stops_many),
        BOTH_TEST(our_own_failures_stop_many),
        BOTH_TEST(many_can_be_stopped),
        BOTH_TEST(migrations_run_once_each),
        BOTH_TEST(a_newer_schema_is_refused),
        BOTH_TEST(a_changed_history_is_refused),
        BOTH_TEST(a_failing_step_is_undone_and_can_be_repeated),
        BOTH_TEST(two_can_migrate_at_once),
    };
    return both_run("db", tests, sizeof tests / sizeof tests[0]);
}
