/* SQL of the configuration: what is taken for one SELECT or one condition, and what becomes of its placeholders. */
#include "support/nilo_test.h"

#include <string.h>

#include "config/config.h"

static void placeholders_become_parameters_outside_of_quotes_and_comments(void **state)
{
    static const struct {
        const char *text, *sqlite, *postgres;
    } rows[] = {
        {"SELECT :from, :to", "SELECT ?1, ?2", "SELECT CAST(?1 AS timestamptz), CAST(?2 AS timestamptz)"},
        {"SELECT :day;", "SELECT ?1", "SELECT CAST(?1 AS date)"},
        {"SELECT :to", "SELECT ?1", "SELECT CAST(?1 AS timestamptz)"},
        {"SELECT :to, :from, :to ; -- over", "SELECT ?1, ?2, ?1 ",
         "SELECT CAST(?1 AS timestamptz), CAST(?2 AS timestamptz), CAST(?1 AS timestamptz) "},
        {"SELECT ':from ''' , \":to\", :day", "SELECT ':from ''' , \":to\", ?1", "SELECT ':from ''' , \":to\", CAST(?1 AS date)"},
        {"-- it's :from\nSELECT /* :to ; */ :day", "-- it's :from\nSELECT /* :to ; */ ?1", "-- it's :from\nSELECT /* :to ; */ CAST(?1 AS date)"},
        {"WITH a AS (SELECT 1) SELECT x::date, a[1:n] FROM a WHERE :day", "WITH a AS (SELECT 1) SELECT x::date, a[1:n] FROM a WHERE ?1",
         "WITH a AS (SELECT 1) SELECT x::date, a[1:n] FROM a WHERE CAST(?1 AS date)"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int pg = 0; pg < 2; pg++) {
            struct nilo_sql_shape shape;
            struct nilo_err err = {0};
            struct nilo_buf sql;
            nilo_buf_init(&sql, 4096);
            if (nilo_config_sql_statement(rows[i].text, pg ? NILO_SQL_POSTGRES : NILO_SQL_SQLITE, &shape, &sql, &err) != 0)
                fail_msg("%s: %s", rows[i].text, err.msg);
            assert_string_equal(nilo_buf_str(&sql), pg ? rows[i].postgres : rows[i].sqlite);
            nilo_buf_done(&sql);
        }
    }
}

static void what_is_no_single_select_is_refused(void **state)
{
    static const struct {
        const char *text, *says;
    } rows[] = {
        {"SELECT 1", "needs :from and :to"},
        {"SELECT :from", "needs :from and :to"},
        {"SELECT ':from', \":to\" -- :day", "needs :from and :to"},
        {"SELECT :day; SELECT 1", "several statements"},
        {"SELECT :day; -- x\n DELETE FROM t", "several statements"},
        {"DELETE FROM t WHERE d = :day", "is no SELECT"},
        {"selection :day", "is no SELECT"},
        {"/* SELECT */ INSERT INTO t SELECT :day", "is no SELECT"},
        {"SELECT (:day", "opens a bracket"},
        {"SELECT :day)", "closes a bracket"},
        {"SELECT 'a, :day", "quote that is not closed"},
        {"SELECT /* a, :day", "comment that is not closed"},
        {"SELECT $x$ a, :day", "quote that is not closed"},
        {"SELECT :days", "placeholder :days; there are :from, :to and :day"},
        {"SELECT ?1, :day", "parameters of its own"},
        {"SELECT $1, :day", "parameters of its own"},
        {"SELECT E'\\', :day", "quote that is not closed"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct nilo_sql_shape shape;
        struct nilo_err err = {0};
        assert_int_equal(nilo_config_sql_statement(rows[i].text, NILO_SQL_ANY, &shape, NULL, &err), -1);
        assert_int_equal(err.code, NILO_ECONFIG);
        if (strstr(err.msg, rows[i].says) == NULL)
            fail_msg("%s: %s", rows[i].text, err.msg);
    }
}

static void a_filter_cannot_leave_its_brackets(void **state)
{
    static const struct {
        const char *text, *says; /* says NULL: taken */
    } rows[] = {
        {"status = 'a;)'", NULL},
        {"(a OR b) AND c -- why", NULL},
        {"1) OR (1", "closes a bracket"},
        {"a; DELETE FROM t", "semicolon"},
        {"a = :day", "a filter has none"},
        {"a = 'b", "quote"},
        {"a = ?1", "parameters"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct nilo_err err = {0};
        int result = nilo_config_sql_filter(rows[i].text, &err);
        if ((result == 0) != (rows[i].says == NULL) || (result != 0 && strstr(err.msg, rows[i].says) == NULL))
            fail_msg("%s: %d %s", rows[i].text, result, err.msg);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(placeholders_become_parameters_outside_of_quotes_and_comments),
        cmocka_unit_test(what_is_no_single_select_is_refused),
        cmocka_unit_test(a_filter_cannot_leave_its_brackets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
