/* Errors: complete rows, sentences that are cut visibly and never inside a character. */
#include "support/nilo_test.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/json.h"

#define MSG_MAX (sizeof(((struct nilo_err *)0)->msg) - 1)

static bool sqlstate_is_sane(const char *s)
{
    size_t n = strlen(s);
    for (size_t i = 0; i < n; i++) {
        if (!isdigit((unsigned char)s[i]) && !isupper((unsigned char)s[i]))
            return false;
    }
    return n == 5 || (n == 8 && strncmp(s, "PGRST", 5) == 0);
}

static void every_code_has_a_complete_row(void **state)
{
    (void)state;
    for (int c = 0; c < NILO_CODE_COUNT; c++) {
        enum nilo_code code = (enum nilo_code)c;
        assert_non_null(nilo_code_text(code));
        assert_true(strlen(nilo_code_text(code)) > 1);
        assert_true(sqlstate_is_sane(nilo_code_sqlstate(code)));
        assert_in_range(nilo_code_exit(code), code == NILO_OK ? 0 : 1, code == NILO_OK ? 0 : 2);
        assert_in_range(nilo_code_http(code), code == NILO_OK ? 200 : 400, code == NILO_OK ? 200 : 599);
        assert_in_range(nilo_code_retryable(code), 0, 1);
        /* exit status 2 says that the request was wrong, and so do 400, 406 and 416 */
        if (nilo_code_exit(code) == 2)
            assert_in_range(nilo_code_http(code), 400, 499);
        for (int other = 0; other < c; other++)
            assert_string_not_equal(nilo_code_text(code), nilo_code_text((enum nilo_code)other));
    }
}

static void rows_say_what_the_table_says(void **state)
{
    (void)state;
    assert_string_equal(nilo_code_text(NILO_ECLOSED), "the day is closed");
    assert_int_equal(nilo_code_http(NILO_EFULL), 507);
    assert_string_equal(nilo_code_sqlstate(NILO_EBODY), "PGRST102");
    assert_int_equal(nilo_code_exit(NILO_EUSAGE), 2);
    assert_true(nilo_code_retryable(NILO_EBUSY));
    assert_false(nilo_code_retryable(NILO_EPERM));
}

static void unknown_codes_count_as_our_bug(void **state)
{
    (void)state;
    const int codes[] = {-1, NILO_CODE_COUNT, 9999};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        enum nilo_code code = (enum nilo_code)codes[i];
        assert_string_equal(nilo_code_text(code), nilo_code_text(NILO_EINTERNAL));
        assert_int_equal(nilo_code_http(code), 500);
    }
}

static void set_fills_and_returns_minus_one(void **state)
{
    (void)state;
    struct nilo_err err = {.sys = 7};
    assert_int_equal(nilo_err_set(&err, NILO_ENOENT, "no %s number %d", "item", 3), -1);
    assert_int_equal(err.code, NILO_ENOENT);
    assert_int_equal(err.sys, 0);
    assert_string_equal(err.msg, "no item number 3");
    assert_int_equal(nilo_err_nomem(&err), -1);
    assert_int_equal(err.code, NILO_ENOMEM);
    assert_string_equal(err.msg, "out of memory");
}

static void nobody_has_to_want_the_error(void **state)
{
    (void)state;
    errno = ENOENT;
    assert_int_equal(nilo_err_set(NULL, NILO_EINVAL, "x"), -1);
    assert_int_equal(nilo_err_sys(NULL, NILO_EIO, "x"), -1);
    assert_int_equal(nilo_err_wrap(NULL, "x"), -1);
    assert_int_equal(nilo_err_nomem(NULL), -1);
}

static void sys_keeps_errno_and_names_the_reason(void **state)
{
    (void)state;
    static const struct {
        int sys;
        enum nilo_code given, wanted;
    } cases[] = {
        {ENOENT, NILO_EIO, NILO_EIO},   {EACCES, NILO_EPERM, NILO_EPERM},   {ENOSPC, NILO_EIO, NILO_EFULL},
        {EDQUOT, NILO_EIO, NILO_EFULL}, {ENOMEM, NILO_ESTORE, NILO_ENOMEM},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct nilo_err err;
        char wanted[256];
        snprintf(wanted, sizeof(wanted), "cannot open x.db: %s", strerror(cases[i].sys));
        errno = cases[i].sys;
        assert_int_equal(nilo_err_sys(&err, cases[i].given, "cannot open %s", "x.db"), -1);
        assert_int_equal(errno, cases[i].sys);
        assert_int_equal(err.sys, cases[i].sys);
        assert_int_equal(err.code, cases[i].wanted);
        assert_string_equal(err.msg, wanted);
    }
}

static void sys_without_errno_says_nothing_of_success(void **state)
{
    (void)state;
    struct nilo_err err;
    errno = 0;
    nilo_err_sys(&err, NILO_EIO, "short read");
    assert_string_equal(err.msg, "short read");
    assert_int_equal(err.sys, 0);
}

static void wrap_puts_context_in_front(void **state)
{
    (void)state;
    struct nilo_err err;
    errno = EIO;
    nilo_err_sys(&err, NILO_EIO, "page %d", 7);
    int sys = err.sys;
    assert_int_equal(nilo_err_wrap(&err, "item %s", "a"), -1);
    nilo_err_wrap(&err, "run 9");
    assert_int_equal(err.code, NILO_EIO);
    assert_int_equal(err.sys, sys);
    assert_int_equal(strncmp(err.msg, "run 9: item a: page 7: ", 23), 0);
}

static void arguments_may_point_into_the_error(void **state)
{
    (void)state;
    struct nilo_err err;
    nilo_err_set(&err, NILO_EINVAL, "first");
    nilo_err_set(&err, NILO_EINVAL, "%s and %s", err.msg, err.msg);
    assert_string_equal(err.msg, "first and first");
    nilo_err_wrap(&err, "(%s)", err.msg);
    assert_string_equal(err.msg, "(first and first): first and first");
}

static void long_messages_end_in_dots(void **state)
{
    (void)state;
    static char text[3 * MSG_MAX];
    for (size_t n = MSG_MAX - 5; n < MSG_MAX + 6; n++) {
        struct nilo_err err;
        memset(text, 'x', n);
        text[n] = '\0';
        nilo_err_set(&err, NILO_EINVAL, "%s", text);
        assert_int_equal(strlen(err.msg), n < MSG_MAX ? n : MSG_MAX);
        assert_int_equal(strcmp(err.msg + strlen(err.msg) - 3, "...") == 0, n > MSG_MAX);
    }
}

static void long_context_pushes_the_message_out_visibly(void **state)
{
    (void)state;
    struct nilo_err err;
    nilo_err_set(&err, NILO_ELOCKED, "%s", "in use");
    nilo_err_wrap(&err, "%01100d", 0);
    assert_int_equal(err.code, NILO_ELOCKED);
    assert_int_equal(strlen(err.msg), MSG_MAX);
    assert_string_equal(err.msg + MSG_MAX - 3, "...");
    nilo_err_wrap(&err, "again");
    assert_int_equal(strlen(err.msg), MSG_MAX);
    assert_int_equal(strncmp(err.msg, "again: 000", 10), 0);
    assert_string_equal(err.msg + MSG_MAX - 3, "...");
}

/* Each width of character is pushed over the end byte by byte. */
static void cutting_keeps_characters_whole(void **state)
{
    (void)state;
    const char *const characters[] = {"a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    static char text[3 * MSG_MAX];
    for (size_t c = 0; c < sizeof(characters) / sizeof(characters[0]); c++) {
        size_t width = strlen(characters[c]);
        for (size_t shift = 0; shift < 8; shift++) {
            struct nilo_err err;
            size_t len = shift;
            memset(text, '-', shift);
            for (; len < 2 * MSG_MAX; len += width)
                memcpy(text + len, characters[c], width);
            text[len] = '\0';
            nilo_err_set(&err, NILO_EINVAL, "%s", text);
            size_t got = strlen(err.msg);
            assert_true(got <= MSG_MAX && got > MSG_MAX - 4);
            assert_true(nilo_utf8_valid(err.msg, got, NULL));
            assert_string_equal(err.msg + got - 3, "...");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_a_complete_row),
        cmocka_unit_test(rows_say_what_the_table_says),
        cmocka_unit_test(unknown_codes_count_as_our_bug),
        cmocka_unit_test(set_fills_and_returns_minus_one),
        cmocka_unit_test(nobody_has_to_want_the_error),
        cmocka_unit_test(sys_keeps_errno_and_names_the_reason),
        cmocka_unit_test(sys_without_errno_says_nothing_of_success),
        cmocka_unit_test(wrap_puts_context_in_front),
        cmocka_unit_test(arguments_may_point_into_the_error),
        cmocka_unit_test(long_messages_end_in_dots),
        cmocka_unit_test(long_context_pushes_the_message_out_visibly),
        cmocka_unit_test(cutting_keeps_characters_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
