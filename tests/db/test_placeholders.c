/* ?N becomes $N, but not in quotes, comments and dollar quotes. */
#include "support/nilo_test.h"

#include <string.h>

#include "db/db_priv.h"

static void only_real_placeholders_are_numbered(void **state)
{
    (void)state;
    const struct {
        const char *sql, *want;
        int max;
    } cases[] = {
        {"", "", 0},
        {"SELECT 1", "SELECT 1", 0},
        {"SELECT ?1", "SELECT $1", 1},
        {"?2,?1,?12,?1", "$2,$1,$12,$1", 12},
        {"?7400", "$7400", 7400},
        {"a->'x' ? 'y' AND a ?| b AND a ?& c", "a->'x' ? 'y' AND a ?| b AND a ?& c", 0},
        {"'?1'", "'?1'", 0},
        {"'it''s ?1' ?2", "'it''s ?1' $2", 2},
        {"'back\\' ?1", "'back\\' $1", 1}, /* standard_conforming_strings */
        {"E'back\\'?1' ?2", "E'back\\'?1' $2", 2},
        {"e'\\\\' ?2 '", "e'\\\\' $2 '", 2},
        {"SIZE'\\' ?1", "SIZE'\\' $1", 1}, /* the end of a word is no prefix */
        {"\"?1\"\"?2\" ?3", "\"?1\"\"?2\" $3", 3},
        {"-- ?1\n?2 -- ?3", "-- ?1\n$2 -- ?3", 2},
        {"/* ?1 /* ?2 */ ?3 */ ?4", "/* ?1 /* ?2 */ ?3 */ $4", 4},
        {"/* open ?1", "/* open ?1", 0},
        {"1 - ?1 / ?2 * ?3", "1 - $1 / $2 * $3", 3},
        {"$$ ?1 $$ ?2", "$$ ?1 $$ $2", 2},
        {"$a$ ?1 $$ $b$ ?1 $a$ ?2", "$a$ ?1 $$ $b$ ?1 $a$ $2", 2},
        {"$a$ open ?1", "$a$ open ?1", 0},
        {"a$b$?1", "a$b$$1", 1}, /* $ inside a name starts nothing */
        {"$1 ?2", "$1 $2", 2},
        {"'open ?1", "'open ?1", 0},
        {"'\xc3\xbc?1' \xc3\xbc?1", "'\xc3\xbc?1' \xc3\xbc$1", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nilo_buf b;
        struct nilo_err err = {.code = NILO_OK};
        int max = -1;
        nilo_buf_init(&b, 1000);
        if (nilo__db_number_params(cases[i].sql, &b, &max, &err) != 0)
            fail_msg("%s: %s", cases[i].sql, err.msg);
        if (strcmp(nilo_buf_str(&b), cases[i].want) != 0 || max != cases[i].max)
            fail_msg("%s: %s with %d, not %s with %d", cases[i].sql, nilo_buf_str(&b), max, cases[i].want,
                     cases[i].max);
        nilo_buf_done(&b);
    }
}

static void impossible_numbers_are_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {"?0", "?7401", "?99999999999999999999"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nilo_buf b;
        struct nilo_err err = {.code = NILO_OK};
        int max = -1;
        nilo_buf_init(&b, 1000);
        assert_int_equal(nilo__db_number_params(cases[i], &b, &max, &err), -1);
        assert_int_equal(err.code, NILO_EINTERNAL);
        assert_int_equal(max, -1);
        nilo_buf_done(&b);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_real_placeholders_are_numbered),
        cmocka_unit_test(impossible_numbers_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
