/* The table of embedded SQL: sorted, ended, each text as long as it says. */
#include "support/nilo_test.h"

#include "base/embed.h"

static void table_is_sorted_and_without_duplicates(void **state)
{
    (void)state;
    const struct nilo_embedded *before = NULL;
    for (const struct nilo_embedded *at = nilo_embedded_sql; at->name != NULL; at++) {
        if (before != NULL)
            assert_true(strcmp(before->name, at->name) < 0);
        before = at;
    }
}

static void texts_are_as_long_as_they_say(void **state)
{
    (void)state;
    for (const struct nilo_embedded *at = nilo_embedded_sql; at->name != NULL; at++)
        assert_int_equal(strlen(at->text), at->len);
}

static void lookup_finds_what_is_there_and_nothing_else(void **state)
{
    (void)state;
    for (const struct nilo_embedded *at = nilo_embedded_sql; at->name != NULL; at++)
        assert_ptr_equal(nilo_embedded_get(nilo_embedded_sql, at->name), at);
    assert_null(nilo_embedded_get(nilo_embedded_sql, "no/such.sql"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_is_sorted_and_without_duplicates),
        cmocka_unit_test(texts_are_as_long_as_they_say),
        cmocka_unit_test(lookup_finds_what_is_there_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
