/* The JSON parser: what RFC 8259 accepts and nothing else, limits, exact numbers, where errors are. */
#include "support/nilo_test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/env.h"
#include "base/json.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A text with its length, so that NUL bytes can be in it. */
struct text {
    const char *s;
    size_t len;
};
#define T(s)                                                                                                           \
    {                                                                                                                  \
        (s), sizeof(s) - 1                                                                                             \
    }

/* Checks a copy that ends where the text ends, so that the sanitizer sees a step too far. */
static int check(const char *s, size_t len, struct nilo_err *err)
{
    char *copy = malloc(len + (len == 0));
    assert_non_null(copy);
    memcpy(copy, s, len);
    int rc = nilo_json_check(copy, len, err);
    free(copy);
    return rc;
}

static char *repeated(const char *s, size_t n)
{
    size_t len = strlen(s);
    char *text = malloc(len * n + 1);
    assert_non_null(text);
    for (size_t i = 0; i < n; i++)
        memcpy(text + i * len, s, len);
    text[len * n] = '\0';
    return text;
}

/* One letter an event and its text: {a"b"} is {, ka, "b, } - short enough to write in a table. */
static void spell(struct nilo_buf *out, enum nilo_json_event e, const char *text, size_t len)
{
    static const char letters[] = ".{}[]k\"#tfn";
    nilo_buf_addc(out, letters[e]);
    if (e == NILO_JSON_KEY || e == NILO_JSON_STRING || e == NILO_JSON_NUMBER)
        nilo_buf_add(out, text, len);
    nilo_buf_addc(out, ' ');
}

static int spell_all(const char *text, size_t len, struct nilo_json_limits limits, struct nilo_buf *out,
                     struct nilo_err *err)
{
    struct nilo_json *j;
    enum nilo_json_event e = NILO_JSON_NULL;
    int rc;
    assert_int_equal(nilo_json_new(text, len, limits, &j, err), 0);
    do {
        const char *s;
        size_t n;
        rc = nilo_json_next(j, &e, &s, &n, err);
        if (rc == 0)
            spell(out, e, s, n);
    } while (rc == 0 && e != NILO_JSON_END);
    nilo_json_free(j);
    return rc;
}

/* ---- what is accepted ------------------------------------------------------------------------------------------------ */

static const struct text accepted[] = {
    T("null"),
    T("true"),
    T("false"),
    T("0"),
    T("-0"),
    T("\"\""),
    T("[]"),
    T("{}"),
    T(" [ ] "),
    T("\t\r\n {\n}\r\n"),
    T("[null,true,false]"),
    T("[[[[[[]]]]]]"),
    T("[[],[],{}]"),
    T("{\"\":0}"),
    T("{\"a\":{\"a\":{\"a\":[]}}}"),
    T("1"),
    T("12"),
    T("-1"),
    T("-12.5"),
    T("0.1"),
    T("-0.0"),
    T("0e1"),
    T("0E1"),
    T("0e+1"),
    T("0e-1"),
    T("1E22"),
    T("1e-2"),
    T("1.5e+300"),
    T("123.456e78"),
    T("0.00000000000000000000001"),
    T("1e400"),
    T("-1e-400"),
    T("9007199254740993"),
    T("18446744073709551615"),
    T("123456789012345678901234567890.123456789012345678901234567890"),
    T("1e0099"),
    T("\"a\""),
    T("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""),
    T("\"\\u0061\\u00e9\\u20AC\\uD83D\\uDE00\""),
    T("\"\\uFFFF\""),
    T("\"\\uDBFF\\uDFFF\""),
    T("\"\\ud800\\udc00x\""),
    T("\"\x7f\""),
    T("\"\xc2\x80\xef\xbf\xbf\xf4\x8f\xbf\xbf\""),
    T("\"/\""),
    T("\"\xef\xbb\xbf\""), /* a byte order mark is only wrong in front */
    T("[1,2 , 3\n,\t4]"),
    T("{ \"a\" : 1 , \"b\" : [ ] }"),
    T("{\"a\":1,\"A\":2}"),
    T("{\"a\":1,\"\":2,\"a \":3}"),
    T("{\"\\u0062\":1,\"a\":2}"),
    T("{\"\xc3\xa9\":1,\"e\xcc\x81\":2}"), /* looks the same, is not the same name */
    T("[{\"a\":1},{\"a\":1}]"),
    T("{\"a\":{\"a\":1},\"b\":{\"a\":1}}"),
    T("\"\\u2028\xe2\x80\xa8\""),
    T("\"\\\\u0000\""),
    T("[\"\\\"]\"]"),
};

static void rfc_8259_texts_are_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(accepted); i++) {
        struct nilo_err err;
        if (check(accepted[i].s, accepted[i].len, &err) != 0)
            fail_msg("%s: %s", accepted[i].s, err.msg);
    }
}

static void events_tell_what_is_there(void **state)
{
    (void)state;
    static const struct {
        struct text text, events;
    } cases[] = {
        {T("null"), T("n . ")},
        {T(" [true,false,null] "), T("[ t f n ] . ")},
        {T("{\"a\":[1,-2.50e+3],\"b\":{}}"), T("{ ka [ #1 #-2.50e+3 ] kb { } } . ")},
        {T("[\"a\\n\\u00e9\\ud83d\\ude00/\\/\"]"), T("[ \"a\n\xc3\xa9\xf0\x9f\x98\x80// ] . ")},
        {T("{\"\\u0061\\u0062\":\"\",\"\":\"x\"}"), T("{ kab \" k \"x } . ")},
        {T("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\uFFFF\"]"), T("[ \"\"\\/\b\f\n\r\t\xef\xbf\xbf ] . ")},
        {T("[\"plain \xe2\x82\xac\",\"\\u20ac\",\"x\\u20ACy\"]"),
         T("[ \"plain \xe2\x82\xac \"\xe2\x82\xac \"x\xe2\x82\xacy ] . ")},
        {T("[1e400,-0,9007199254740993,0.10]"), T("[ #1e400 #-0 #9007199254740993 #0.10 ] . ")},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct nilo_buf out;
        struct nilo_err err;
        nilo_buf_init(&out, 10000);
        assert_int_equal(spell_all(cases[i].text.s, cases[i].text.len, NILO_JSON_DEFAULT_LIMITS, &out, &err), 0);
        assert_int_equal(out.len, cases[i].events.len);
        assert_memory_equal(nilo_buf_str(&out), cases[i].events.s, out.len);
        nilo_buf_done(&out);
    }
}

static void numbers_of_any_length_are_kept_to_the_digit(void **state)
{
    (void)state;
    enum { DIGITS = 100000 };
    char *number = repeated("7", DIGITS);
    struct nilo_json *j;
    enum nilo_json_event e;
    const char *text;
    size_t len;
    assert_int_equal(nilo_json_new(number, DIGITS, NILO_JSON_DEFAULT_LIMITS, &j, NULL), 0);
    assert_int_equal(nilo_json_next(j, &e, &text, &len, NULL), 0);
    assert_int_equal(e, NILO_JSON_NUMBER);
    assert_int_equal(len, DIGITS);
    assert_memory_equal(text, number, DIGITS);
    assert_int_equal(nilo_json_next(j, &e, &text, &len, NULL), 0);
    assert_int_equal(e, NILO_JSON_END);
    nilo_json_free(j);
    free(number);
}

static void the_end_is_given_for_ever(void **state)
{
    (void)state;
    struct nilo_json *j;
    enum nilo_json_event e;
    assert_int_equal(nilo_json_new("1 ", 2, NILO_JSON_DEFAULT_LIMITS, &j, NULL), 0);
    assert_int_equal(nilo_json_next(j, &e, NULL, NULL, NULL), 0);
    for (int i = 0; i < 3; i++) {
        const char *text = NULL;
        size_t len = 9;
        assert_int_equal(nilo_json_next(j, &e, &text, &len, NULL), 0);
        assert_int_equal(e, NILO_JSON_END);
        assert_string_equal(text, "");
        assert_int_equal(len, 0);
    }
    nilo_json_free(j);
}

/* ---- what is refused, and why ---------------------------------------------------------------------------------------- */

static const struct {
    struct text text;
    const char *why; /* part of the message: refused, but for the wrong reason, is a bug as well */
} refused[] = {
    {T(""), "found the end"},
    {T(" \n"), "line 2, column 1: expected a value, found the end"},
    {T("\xef\xbb\xbf[]"), "byte order mark"},
    {T("\xef\xbb\xbf"), "byte order mark"},
    {T(" \xef\xbb\xbf[]"), "column 2: expected a value"},
    {T("\xfe\xff\0["), "found byte 0xFE"},
    {T("[\0\0\0"), "found byte 0x00"},
    {T("nul"), "expected a value, found 'n'"},
    {T("nulL"), "expected a value, found 'n'"},
    {T("Null"), "expected a value, found 'N'"},
    {T("TRUE"), "expected a value, found 'T'"},
    {T("truex"), "expected the end of the text, found 'x'"},
    {T("true false"), "expected the end of the text, found 'f'"},
    {T("[true1]"), "expected ',' or ']', found '1'"},
    {T("NaN"), "found 'N'"},
    {T("Infinity"), "found 'I'"},
    {T("-Infinity"), "expected a digit, found 'I'"},
    {T("undefined"), "found 'u'"},
    {T("'a'"), "expected a value, found '''"},
    {T("[\xe2\x82\xac]"), "expected a value, found '\xe2\x82\xac'"},
    /* numbers */
    {T("-"), "expected a digit, found the end"},
    {T("+1"), "expected a value, found '+'"},
    {T("--1"), "expected a digit, found '-'"},
    {T("00"), "leading zeros"},
    {T("01"), "leading zeros"},
    {T("-01"), "leading zeros"},
    {T("[-012]"), "leading zeros"},
    {T(".5"), "found '.'"},
    {T("-.5"), "expected a digit, found '.'"},
    {T("1."), "expected a digit, found the end"},
    {T("[1.]"), "expected a digit, found ']'"},
    {T("1.e1"), "expected a digit, found 'e'"},
    {T("1e"), "expected a digit, found the end"},
    {T("1e+"), "expected a digit, found the end"},
    {T("1e-x"), "expected a digit, found 'x'"},
    {T("1e1.5"), "expected the end of the text, found '.'"},
    {T("1.2.3"), "expected the end of the text, found '.'"},
    {T("0x10"), "expected the end of the text, found 'x'"},
    {T("1_000"), "found '_'"},
    {T("12,345"), "expected the end of the text, found ','"},
    {T("[1 2]"), "expected ',' or ']', found '2'"},
    {T("1 000"), "expected the end of the text, found '0'"},
    {T("\xef\xbc\x91"), "expected a value"}, /* a full-width digit */
    /* strings */
    {T("\""), "not closed"},
    {T("\"abc"), "not closed"},
    {T("\"\\"), "not closed"},
    {T("\"\\\""), "not closed"},
    {T("\"a\nb\""), "control character 0x0A"},
    {T("\"a\tb\""), "control character 0x09"},
    {T("\"\0\""), "control character 0x00"},
    {T("\"\x1f\""), "control character 0x1F"},
    {T("\"\\a\""), "unknown escape"},
    {T("\"\\'\""), "unknown escape"},
    {T("\"\\x41\""), "unknown escape"},
    {T("\"\\\0\""), "unknown escape"},
    {T("\"\\U0041\""), "unknown escape"},
    {T("\"\\\n\""), "unknown escape"},
    {T("\"\\u\""), "four hexadecimal digits"},
    {T("\"\\u12\""), "four hexadecimal digits"},
    {T("\"\\u123"), "four hexadecimal digits"},
    {T("\"\\u12G4\""), "four hexadecimal digits"},
    {T("\"\\u+123\""), "four hexadecimal digits"},
    {T("\"\\u 123\""), "four hexadecimal digits"},
    {T("\"\\u0000\""), "\\u0000 is not allowed"},
    {T("[\"a\\u0000b\"]"), "column 4: \\u0000 is not allowed"},
    {T("{\"a\\u0000\":1}"), "\\u0000 is not allowed"},
    {T("\"\\ud800\""), "lone surrogate \\uD800"},
    {T("\"\\uDBFF\""), "lone surrogate \\uDBFF"},
    {T("\"\\udc00\""), "lone surrogate \\uDC00"},
    {T("\"\\ud800x\""), "lone surrogate"},
    {T("\"\\ud800\\n\""), "lone surrogate"},
    {T("\"\\ud800\\u0041\""), "lone surrogate"},
    {T("\"\\ud800\\ud800\""), "lone surrogate"},
    {T("\"\\udc00\\ud800\""), "lone surrogate"},
    {T("\"\\udc00\\udc00\""), "lone surrogate \\uDC00"},
    {T("\"\\ud800\\u\""), "lone surrogate"},
    {T("\"\\ud800\\udc0"), "lone surrogate"},
    {T("\"\xff\""), "byte 0xFF is not UTF-8"},
    {T("\"\xc0\x80\""), "byte 0xC0 is not UTF-8"},
    {T("\"\xed\xa0\x80\""), "byte 0xED is not UTF-8"},
    {T("\"\xf4\x90\x80\x80\""), "byte 0xF4 is not UTF-8"},
    {T("\"\xe2\x82\""), "byte 0xE2 is not UTF-8"},
    {T("\"\xe2\x82"), "byte 0xE2 is not UTF-8"},
    {T("{\"\xff\":1}"), "byte 0xFF is not UTF-8"},
    {T("\"caf\xe9\""), "column 5: byte 0xE9 is not UTF-8"}, /* Latin-1 */
    /* arrays and objects */
    {T("["), "expected a value, found the end"},
    {T("]"), "expected a value, found ']'"},
    {T("[]]"), "expected the end of the text, found ']'"},
    {T("[[]"), "expected ',' or ']', found the end"},
    {T("[1"), "expected ',' or ']', found the end"},
    {T("[1,"), "expected a value, found the end"},
    {T("[1,]"), "expected a value, found ']'"},
    {T("[,1]"), "expected a value, found ','"},
    {T("[1,,2]"), "expected a value, found ','"},
    {T("[1}"), "expected ',' or ']', found '}'"},
    {T("[1:2]"), "expected ',' or ']', found ':'"},
    {T("{"), "expected a member name in double quotes or '}', found the end"},
    {T("}"), "expected a value, found '}'"},
    {T("{]"), "or '}', found ']'"},
    {T("{,}"), "or '}', found ','"},
    {T("{a:1}"), "expected a member name in double quotes or '}', found 'a'"},
    {T("{'a':1}"), "found '''"},
    {T("{1:1}"), "found '1'"},
    {T("{null:1}"), "found 'n'"},
    {T("{\"a\"}"), "expected ':' after the member name, found '}'"},
    {T("{\"a\" 1}"), "expected ':' after the member name, found '1'"},
    {T("{\"a\",1}"), "expected ':' after the member name, found ','"},
    {T("{\"a\"::1}"), "expected a value, found ':'"},
    {T("{\"a\":}"), "expected a value, found '}'"},
    {T("{\"a\":1"), "expected ',' or '}', found the end"},
    {T("{\"a\":1,}"), "expected a member name in double quotes, found '}'"},
    {T("{\"a\":1 \"b\":2}"), "expected ',' or '}', found '\"'"},
    {T("{\"a\":1]"), "expected ',' or '}', found ']'"},
    {T("{\"a\":1},"), "expected the end of the text, found ','"},
    {T("{}{}"), "expected the end of the text, found '{'"},
    {T("{\"a\":1;\"b\":2}"), "found ';'"},
    /* what other dialects allow */
    {T("[1]//"), "expected the end of the text, found '/'"},
    {T("/* x */[]"), "expected a value, found '/'"},
    {T("[1,/*x*/2]"), "expected a value, found '/'"},
    {T("[1]#"), "found '#'"},
    {T("[1]\0"), "expected the end of the text, found byte 0x00"},
    {T("[\v1]"), "found byte 0x0B"},
    {T("[\f]"), "found byte 0x0C"},
    {T("[\xc2\xa0]"), "expected a value"}, /* a no-break space is no blank */
    {T("[1,\x7f]"), "found byte 0x7F"},
    /* names twice */
    {T("{\"a\":1,\"a\":1}"), "column 8: the member \"a\" is given twice"},
    {T("{\"role\":1,\"x\":{},\"role\":2}"), "the member \"role\" is given twice"},
    {T("{\"a\":1,\"\\u0061\":2}"), "the member \"a\" is given twice"},
    {T("{\"\":1,\"\":2}"), "the member \"\" is given twice"},
    {T("{\"a\":{\"b\":1},\"a\":2}"), "given twice"},
    {T("[{\"a\":1},{\"b\":{},\"b\":1}]"), "the member \"b\" is given twice"},
    {T("{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}"), "given twice"},
};

static void all_else_is_refused_for_the_right_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        struct nilo_err err;
        if (check(refused[i].text.s, refused[i].text.len, &err) == 0)
            fail_msg("accepted: %s", refused[i].text.s);
        assert_int_equal(err.code, NILO_EBODY);
        if (strstr(err.msg, refused[i].why) == NULL)
            fail_msg("%s: \"%s\" does not say \"%s\"", refused[i].text.s, err.msg, refused[i].why);
        assert_true(nilo_utf8_valid(err.msg, strlen(err.msg), NULL));
        assert_int_equal(check(refused[i].text.s, refused[i].text.len, NULL), -1);
    }
}

static void every_prefix_of_a_document_is_refused(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":[1,-2.5e+10,true,false,null,\"x\\u00e9\\ud83d\\ude00\\n\xe2\x82\xac\"],"
                               "\"b\":{\"\":[[],{}],\"c d\":\"\"},\n\t\"e\":0}";
    assert_int_equal(check(text, sizeof(text) - 1, NULL), 0);
    for (size_t n = 0; n < sizeof(text) - 1; n++) {
        struct nilo_err err;
        assert_int_equal(check(text, n, &err), -1);
        assert_int_equal(err.code, NILO_EBODY);
    }
}

/* Errors stand at line and column of what is wrong; columns count characters. */
static void errors_tell_where(void **state)
{
    (void)state;
    static const struct {
        const char *text, *where;
    } cases[] = {
        {"x", "line 1, column 1: "},
        {"\nx", "line 2, column 1: "},
        {"\r\n\r\n  x", "line 3, column 3: "},
        {"[\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\" x", "line 1, column 8: "},
        {"{\"a\":1,\n \"a\":2}", "line 2, column 2: "},
        {"[\n  \"abc", "line 2, column 3: "}, /* an open string is told where it begins */
        {"[\"abc\\q\"]", "line 1, column 6: "},
        {"[1,\n\n012]", "line 3, column 1: "},
        {"[1\n", "line 2, column 1: "},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct nilo_err err;
        assert_int_equal(check(cases[i].text, strlen(cases[i].text), &err), -1);
        if (strncmp(err.msg, cases[i].where, strlen(cases[i].where)) != 0)
            fail_msg("\"%s\" does not begin with \"%s\"", err.msg, cases[i].where);
    }
}

static void an_error_is_given_for_ever_and_outputs_stay(void **state)
{
    (void)state;
    struct nilo_json *j;
    enum nilo_json_event e;
    assert_int_equal(nilo_json_new("[1,}", 4, NILO_JSON_DEFAULT_LIMITS, &j, NULL), 0);
    assert_int_equal(nilo_json_next(j, &e, NULL, NULL, NULL), 0);
    assert_int_equal(nilo_json_next(j, &e, NULL, NULL, NULL), 0);
    for (int i = 0; i < 3; i++) {
        struct nilo_err err = {.code = NILO_OK};
        const char *text = "untouched";
        size_t len = 77;
        e = NILO_JSON_KEY;
        assert_int_equal(nilo_json_next(j, &e, &text, &len, &err), -1);
        assert_string_equal(err.msg, "line 1, column 4: expected a value, found '}'");
        assert_int_equal(e, NILO_JSON_KEY);
        assert_string_equal(text, "untouched");
        assert_int_equal(len, 77);
        assert_int_equal(nilo_json_skip(j, &err), -1);
        assert_int_equal(nilo_json_raw(j, &text, &len, &err), -1);
        assert_string_equal(text, "untouched");
    }
    nilo_json_free(j);
    nilo_json_free(NULL);
}

static void long_names_are_shown_in_part_and_whole_characters(void **state)
{
    (void)state;
    for (size_t shift = 0; shift < 4; shift++) {
        char text[1000], name[300] = "";
        struct nilo_err err;
        for (size_t at = shift; at + 4 < sizeof(name) - 10; at += 4)
            memcpy(name + at, "\xf0\x9f\x98\x80", 5);
        memset(name, 'x', shift);
        snprintf(text, sizeof(text), "{\"%s\":1,\"%s\":2}", name, name);
        assert_int_equal(check(text, strlen(text), &err), -1);
        assert_non_null(strstr(err.msg, "\" is given twice"));
        assert_true(nilo_utf8_valid(err.msg, strlen(err.msg), NULL));
        assert_true(strlen(err.msg) < 150);
    }
}

/* ---- limits ---------------------------------------------------------------------------------------------------------- */

static int check_within(const char *text, struct nilo_json_limits limits, struct nilo_err *err)
{
    struct nilo_buf out;
    nilo_buf_init(&out, 1 << 24);
    int rc = spell_all(text, strlen(text), limits, &out, err);
    nilo_buf_done(&out);
    return rc;
}

static void depth_is_limited_exactly(void **state)
{
    (void)state;
    static const int limits[] = {1, 2, 7, 8, 9, 32, 33, 1000};
    for (size_t i = 0; i < COUNT(limits); i++) {
        for (int depth = limits[i] - 1; depth <= limits[i] + 1; depth++) {
            char text[3000], wanted[80];
            struct nilo_err err;
            memset(text, '[', (size_t)depth);
            memset(text + depth, ']', (size_t)depth);
            text[2 * depth] = '\0';
            if (depth == 0)
                memcpy(text, "1", 2);
            int rc = check_within(text, (struct nilo_json_limits){.depth = limits[i]}, &err);
            assert_int_equal(rc, depth <= limits[i] ? 0 : -1);
            if (rc == 0)
                continue;
            snprintf(wanted, sizeof(wanted), "line 1, column %d: nested deeper than %d levels", depth, limits[i]);
            assert_string_equal(err.msg, wanted);
        }
    }
}

static void a_zero_limit_means_the_default(void **state)
{
    (void)state;
    struct nilo_err err;
    char *deep = repeated("[", 33);
    assert_int_equal(check_within(deep, (struct nilo_json_limits){0}, &err), -1);
    assert_non_null(strstr(err.msg, "nested deeper than 32 levels"));
    assert_int_equal(check_within("[[[{\"a\":{\"b\":1}}]]]", (struct nilo_json_limits){0}, &err), 0);
    free(deep);
}

static void a_hundred_thousand_brackets_do_no_harm(void **state)
{
    (void)state;
    enum { N = 100000 };
    static const char *const openings[] = {"[", "{\"a\":", "[{\"a\":", "[0,", "{"};
    for (size_t i = 0; i < COUNT(openings); i++) {
        struct nilo_err err;
        char *text = repeated(openings[i], N);
        assert_int_equal(check(text, strlen(text), &err), -1);
        assert_int_equal(err.code, NILO_EBODY);
        free(text);
    }
    /* the same where somebody allows it: heap, not stack */
    char *text = repeated("[", 2 * N);
    memset(text + N, ']', N);
    assert_int_equal(check_within(text, (struct nilo_json_limits){.depth = N}, NULL), 0);
    free(text);
}

static void members_are_limited_exactly(void **state)
{
    (void)state;
    for (int n = 999; n <= 1001; n++) {
        struct nilo_buf text;
        struct nilo_err err;
        nilo_buf_init(&text, 1 << 20);
        for (int i = 0; i < n; i++)
            nilo_buf_addf(&text, "%c\"%d\":{\"x\":1}", i == 0 ? '{' : ',', i);
        nilo_buf_addc(&text, '}');
        int rc = check(text.data, text.len, &err);
        assert_int_equal(rc, n <= 1000 ? 0 : -1);
        if (rc != 0)
            assert_non_null(strstr(err.msg, "more than 1000 members in one object"));
        nilo_buf_done(&text);
    }
}

static void names_are_limited_exactly_in_bytes_unescaped(void **state)
{
    (void)state;
    static const char *const units[] = {"a", "\\u00e9", "\xc3\xa9", "\\ud83d\\ude00"};
    static const size_t bytes[] = {1, 2, 2, 4};
    for (size_t i = 0; i < COUNT(units); i++) {
        size_t fits = 1024 / bytes[i];
        for (size_t n = fits - 1; n <= fits + 1; n++) {
            struct nilo_buf text;
            struct nilo_err err;
            char *name = repeated(units[i], n);
            nilo_buf_init(&text, 1 << 20);
            nilo_buf_addf(&text, "{\"%s\":1}", name);
            int rc = check(text.data, text.len, &err);
            assert_int_equal(rc, n <= fits ? 0 : -1);
            if (rc != 0)
                assert_string_equal(err.msg, "line 1, column 2: a member name longer than 1024 bytes");
            nilo_buf_done(&text);
            free(name);
        }
    }
}

static void a_name_of_a_mebibyte_is_refused_and_a_value_is_not(void **state)
{
    (void)state;
    struct nilo_buf text;
    struct nilo_err err;
    char *big = repeated("x", 1 << 20);
    nilo_buf_init(&text, 1 << 22);
    nilo_buf_addf(&text, "{\"%s\":1}", big);
    assert_int_equal(check(text.data, text.len, &err), -1);
    assert_non_null(strstr(err.msg, "longer than 1024 bytes"));
    nilo_buf_reset(&text);
    nilo_buf_addf(&text, "{\"a\":\"%s\\n\"}", big);
    assert_int_equal(check(text.data, text.len, &err), 0);
    nilo_buf_done(&text);
    free(big);
}

/* Objects of every size around where searching turns into hashing and where the table grows. */
static void a_duplicate_is_found_wherever_it_stands(void **state)
{
    (void)state;
    static const int sizes[] = {1, 2, 15, 16, 17, 18, 31, 32, 33, 64, 65, 128, 129, 999};
    for (size_t s = 0; s < COUNT(sizes); s++) {
        for (int twice = 0; twice < sizes[s]; twice += sizes[s] < 40 ? 1 : sizes[s] / 7) {
            struct nilo_buf text;
            struct nilo_err err;
            char wanted[80];
            nilo_buf_init(&text, 1 << 20);
            nilo_buf_addc(&text, '{');
            for (int i = 0; i < sizes[s]; i++)
                nilo_buf_addf(&text, "\"member%d\":%d,", i, i);
            size_t unique = text.len;
            nilo_buf_addf(&text, "\"member%d\":0}", twice);
            assert_int_equal(check(text.data, text.len, &err), -1);
            snprintf(wanted, sizeof(wanted), "the member \"member%d\" is given twice", twice);
            assert_non_null(strstr(err.msg, wanted));
            text.data[unique - 1] = '}';
            assert_int_equal(check(text.data, unique, NULL), 0);
            nilo_buf_done(&text);
        }
    }
}

static void large_objects_nest_and_follow_each_other(void **state)
{
    (void)state;
    struct nilo_buf text;
    nilo_buf_init(&text, 1 << 20);
    nilo_buf_addc(&text, '[');
    for (int round = 0; round < 3; round++) {
        nilo_buf_adds(&text, round == 0 ? "{" : ",{");
        for (int i = 0; i < 200; i++) {
            nilo_buf_addf(&text, "%s\"k%d\":{", i == 0 ? "" : ",", i);
            for (int k = 0; k < 1 + i % 60; k++)
                nilo_buf_addf(&text, "%s\"k%d\":1", k == 0 ? "" : ",", k);
            nilo_buf_addc(&text, '}');
        }
        nilo_buf_addc(&text, '}');
    }
    nilo_buf_addc(&text, ']');
    assert_false(text.failed);
    assert_int_equal(check(text.data, text.len, NULL), 0);
    nilo_buf_done(&text);
}

/* B11: as many members as anyone may send, all names alike but for the end. Quadratic search would take minutes. */
static void a_hundred_thousand_similar_names(void **state)
{
    (void)state;
    enum { N = 100000 };
    struct nilo_buf text;
    struct nilo_err err;
    nilo_buf_init(&text, SIZE_MAX);
    nilo_buf_addc(&text, '{');
    for (int i = 0; i < N; i++)
        nilo_buf_addf(&text, "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa%08d\":1,", i);
    size_t unique = text.len;
    nilo_buf_adds(&text, "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa00000000\":1}");
    assert_false(text.failed);
    assert_int_equal(check_within(nilo_buf_str(&text), (struct nilo_json_limits){.keys = 2 * N}, &err), -1);
    assert_non_null(strstr(err.msg, "given twice"));
    assert_int_equal(check(text.data, text.len, &err), -1);
    assert_non_null(strstr(err.msg, "more than 1000 members"));
    text.data[unique - 1] = '}';
    text.data[unique] = '\0';
    assert_int_equal(check_within(text.data, (struct nilo_json_limits){.keys = N}, NULL), 0);
    nilo_buf_done(&text);
}

static void nul_is_allowed_in_strings_on_demand_and_never_in_names(void **state)
{
    (void)state;
    static const char text[] = "[\"a\\u0000b\"]";
    struct nilo_json_limits limits = NILO_JSON_DEFAULT_LIMITS;
    struct nilo_buf out;
    struct nilo_err err;
    limits.allow_nul = true;
    nilo_buf_init(&out, 1000);
    assert_int_equal(spell_all(text, sizeof(text) - 1, limits, &out, &err), 0);
    assert_int_equal(out.len, 11);
    assert_memory_equal(out.data, "[ \"a\0b ] . ", 11);
    nilo_buf_done(&out);
    assert_int_equal(check_within("{\"a\\u0000b\":1}", limits, &err), -1);
    assert_non_null(strstr(err.msg, "\\u0000 is not allowed here"));
}

/* ---- skip, raw, depth ------------------------------------------------------------------------------------------------ */

static enum nilo_json_event next(struct nilo_json *j)
{
    enum nilo_json_event e;
    struct nilo_err err;
    if (nilo_json_next(j, &e, NULL, NULL, &err) != 0)
        fail_msg("%s", err.msg);
    return e;
}

static struct nilo_json *parse(const char *text)
{
    struct nilo_json *j;
    assert_int_equal(nilo_json_new(text, strlen(text), NILO_JSON_DEFAULT_LIMITS, &j, NULL), 0);
    return j;
}

static void assert_raw(struct nilo_json *j, const char *wanted)
{
    const char *raw;
    size_t len;
    assert_int_equal(nilo_json_raw(j, &raw, &len, NULL), 0);
    assert_int_equal(len, strlen(wanted));
    assert_memory_equal(raw, wanted, len);
}

static void raw_gives_a_value_exactly_as_written(void **state)
{
    (void)state;
    static const char *const values[] = {
        "1", "-0.50E+1", "\"a\\u0041 \"", "true", "null", "[]", "{}", "[ 1 , [ 2 ] ]", "{ \"x\" : { \"y\" : [ ] } }",
    };
    for (size_t i = 0; i < COUNT(values); i++) {
        char text[200];
        snprintf(text, sizeof(text), " {\"k\" :  %s  , \"l\":2}", values[i]);
        struct nilo_json *j = parse(text);
        assert_int_equal(next(j), NILO_JSON_OBJECT_BEGIN);
        assert_int_equal(next(j), NILO_JSON_KEY);
        assert_raw(j, values[i]);
        assert_int_equal(next(j), NILO_JSON_KEY);
        assert_raw(j, "2");
        assert_int_equal(next(j), NILO_JSON_OBJECT_END);
        assert_int_equal(next(j), NILO_JSON_END);
        nilo_json_free(j);

        snprintf(text, sizeof(text), "\n%s\t", values[i]);
        j = parse(text);
        assert_raw(j, values[i]); /* the whole document */
        assert_int_equal(next(j), NILO_JSON_END);
        nilo_json_free(j);
    }
}

static void skip_and_raw_finish_what_has_begun(void **state)
{
    (void)state;
    struct nilo_json *j = parse("[[1,[2]], {\"a\":[3]} , 4,5]");
    assert_int_equal(next(j), NILO_JSON_ARRAY_BEGIN);
    assert_int_equal(next(j), NILO_JSON_ARRAY_BEGIN);
    assert_int_equal(nilo_json_skip(j, NULL), 0); /* the inner array that has begun, not its first element */
    assert_int_equal(nilo_json_depth(j), 1);
    assert_int_equal(next(j), NILO_JSON_OBJECT_BEGIN);
    assert_int_equal(nilo_json_depth(j), 2);
    assert_raw(j, "{\"a\":[3]}");
    assert_int_equal(nilo_json_skip(j, NULL), 0); /* 4 */
    assert_raw(j, "5");
    assert_int_equal(next(j), NILO_JSON_ARRAY_END);
    assert_int_equal(nilo_json_depth(j), 0);
    nilo_json_free(j);
}

static void skip_refuses_where_no_value_follows(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int events;
    } cases[] = {{"[1]", 2}, {"1", 1}, {"{\"a\":1,\"b\":2}", 3}, {"{\"a\":1}", 3}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct nilo_err err;
        struct nilo_json *j = parse(cases[i].text);
        for (int n = 0; n < cases[i].events; n++)
            next(j);
        assert_int_equal(nilo_json_skip(j, &err), -1);
        assert_int_equal(err.code, NILO_EBODY);
        assert_non_null(strstr(err.msg, "expected a value"));
        nilo_json_free(j);
    }
}

static void skip_checks_what_it_skips(void **state)
{
    (void)state;
    static const char *const texts[] = {"[[1,]]", "[{\"a\":1,\"a\":2}]", "[\"\\ud800\"]", "[[01]]", "[[}", "[[["};
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct nilo_err err;
        struct nilo_json *j = parse(texts[i]);
        assert_int_equal(next(j), NILO_JSON_ARRAY_BEGIN);
        assert_int_equal(nilo_json_skip(j, &err), -1);
        assert_int_equal(err.code, NILO_EBODY);
        nilo_json_free(j);
    }
}

/* ---- damage ---------------------------------------------------------------------------------------------------------- */

/* Whatever single byte of a good text is changed, dropped or doubled: either refused, or a text whose events balance. */
static void assert_sane(const char *text, size_t len)
{
    struct nilo_json *j;
    enum nilo_json_event e;
    int depth = 0, rc;
    assert_int_equal(nilo_json_new(text, len, NILO_JSON_DEFAULT_LIMITS, &j, NULL), 0);
    do {
        struct nilo_err err;
        rc = nilo_json_next(j, &e, NULL, NULL, &err);
        if (rc != 0) {
            assert_int_equal(err.code, NILO_EBODY);
            break;
        }
        depth += (e == NILO_JSON_OBJECT_BEGIN || e == NILO_JSON_ARRAY_BEGIN);
        depth -= (e == NILO_JSON_OBJECT_END || e == NILO_JSON_ARRAY_END);
        assert_int_equal(depth, nilo_json_depth(j));
    } while (e != NILO_JSON_END);
    assert_true(rc != 0 || depth == 0);
    nilo_json_free(j);
}

static void damaged_texts_do_no_harm(void **state)
{
    (void)state;
    static const char good[] = "{\"a\":[1,-2.5e+1,true,\"\\u00e9\\ud83d\\ude00\xe2\x82\xac\"],\"b\":{\"\":null}}";
    const size_t len = sizeof(good) - 1;
    for (size_t at = 0; at < len; at++) {
        char *text = malloc(len), *shorter = malloc(len - 1), *longer = malloc(len + 1);
        for (int byte = 0; byte < 256; byte++) {
            memcpy(text, good, len);
            text[at] = (char)byte;
            assert_sane(text, len);
        }
        memcpy(shorter, good, at);
        memcpy(shorter + at, good + at + 1, len - at - 1);
        assert_sane(shorter, len - 1);
        memcpy(longer, good, at + 1);
        memcpy(longer + at + 1, good + at, len - at);
        assert_sane(longer, len + 1);
        free(text);
        free(shorter);
        free(longer);
    }
}

/* Soup of tokens: far likelier than bytes to form something that nearly parses. */
static void token_soup_does_no_harm(void **state)
{
    (void)state;
    static const char *const tokens[] = {"{",  "}",  "[",  "]",   ",",    ":",       "\"a\"", "\"b\"",
                                         "1",  "-",  "0",  ".",   "e",    "true",    "null",  " ",
                                         "\n", "\"", "\\", "\\u", "d800", "\\udc00", "\xc3",  "\xa9"};
    struct nilo_seeded_random r;
    nilo_seeded_random_init(&r, 2025);
    struct nilo_random random = nilo_seeded_random(&r);
    for (int round = 0; round < 20000; round++) {
        struct nilo_buf text;
        nilo_buf_init(&text, 1000);
        size_t n = (size_t)nilo_random_below(&random, 12);
        for (size_t i = 0; i <= n; i++)
            nilo_buf_adds(&text, tokens[nilo_random_below(&random, COUNT(tokens))]);
        assert_sane(text.data, text.len);
        nilo_buf_done(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_8259_texts_are_accepted),
        cmocka_unit_test(events_tell_what_is_there),
        cmocka_unit_test(numbers_of_any_length_are_kept_to_the_digit),
        cmocka_unit_test(the_end_is_given_for_ever),
        cmocka_unit_test(all_else_is_refused_for_the_right_reason),
        cmocka_unit_test(every_prefix_of_a_document_is_refused),
        cmocka_unit_test(errors_tell_where),
        cmocka_unit_test(an_error_is_given_for_ever_and_outputs_stay),
        cmocka_unit_test(long_names_are_shown_in_part_and_whole_characters),
        cmocka_unit_test(depth_is_limited_exactly),
        cmocka_unit_test(a_zero_limit_means_the_default),
        cmocka_unit_test(a_hundred_thousand_brackets_do_no_harm),
        cmocka_unit_test(members_are_limited_exactly),
        cmocka_unit_test(names_are_limited_exactly_in_bytes_unescaped),
        cmocka_unit_test(a_name_of_a_mebibyte_is_refused_and_a_value_is_not),
        cmocka_unit_test(a_duplicate_is_found_wherever_it_stands),
        cmocka_unit_test(large_objects_nest_and_follow_each_other),
        cmocka_unit_test(a_hundred_thousand_similar_names),
        cmocka_unit_test(nul_is_allowed_in_strings_on_demand_and_never_in_names),
        cmocka_unit_test(raw_gives_a_value_exactly_as_written),
        cmocka_unit_test(skip_and_raw_finish_what_has_begun),
        cmocka_unit_test(skip_refuses_where_no_value_follows),
        cmocka_unit_test(skip_checks_what_it_skips),
        cmocka_unit_test(damaged_texts_do_no_harm),
        cmocka_unit_test(token_soup_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
