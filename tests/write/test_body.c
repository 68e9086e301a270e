/* Bodies of writes: what is a list of rows and what is not, at the limits and one beyond (G26, B07-B11). */
#include "support/nilo_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "write/write_priv.h"

static struct nilo_arena arena;
static struct nilo__body body;
static struct nilo_notes notes;
static struct nilo_err err;

static int parse_n(const char *text, size_t n)
{
    nilo_arena_reset(&arena);
    memset(&notes, 0, sizeof notes);
    err = (struct nilo_err){.code = NILO_OK};
    return nilo__body_parse(text, n, NULL, 0, false, &arena, &body, &notes, &err);
}
static int parse(const char *text)
{
    return parse_n(text, strlen(text));
}

static void bodies_that_are_none(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"", "Empty or invalid json"},
        {" ", "Empty or invalid json"},
        {"null", "Empty or invalid json"},
        {"1", "Empty or invalid json"},
        {"\"a\"", "Empty or invalid json"},
        {"[1]", "Empty or invalid json"},
        {"[[]]", "Empty or invalid json"},
        {"[{}", "Empty or invalid json"},
        {"{} {}", "Empty or invalid json"},
        {"{\"a\":1,}", "Empty or invalid json"},
        {"{\"a\":01}", "Empty or invalid json"},
        {"{\"a\":NaN}", "Empty or invalid json"},
        {"{\"role\":1,\"role\":2}", "Empty or invalid json"},                     /* B09 */
        {"{\"role\":1,\"r\\u006fle\":2}", "Empty or invalid json"},
        {"{\"a\":{\"x\":1,\"x\":2}}", "Empty or invalid json"},
        {"{\"a\":\"\xff\"}", "Empty or invalid json"},                            /* B10 */
        {"{\"a\":\"\xed\xa0\x80\"}", "Empty or invalid json"},
        {"{\"a\":\"\\ud800\"}", "Empty or invalid json"},
        {"{\"a\\u0000\":1}", "Empty or invalid json"},
        {"{\"a\":\"\\u0000\"}", "Empty or invalid json"},
        {"[{\"a\":1},{\"b\":1}]", "All object keys must match"},
        {"[{\"a\":1},{\"a\":1,\"b\":1}]", "All object keys must match"},
        {"[{\"a\":1,\"b\":1},{\"a\":1}]", "All object keys must match"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (parse(rows[i].text) != -1 || strcmp(err.msg, rows[i].message) != 0 || err.code != NILO_EBODY)
            fail_msg("%s gave \"%s\"", rows[i].text, err.msg);
    }
}

static void rows_and_members(void **state)
{
    (void)state;
    assert_int_equal(parse("[{\"a\":1e400,\"b\":\"x\\ny\"},{\"b\":null,\"a\":[1, {}]}]"), 0);
    assert_true(body.array);
    assert_int_equal(body.n_rows, 2);
    assert_int_equal(body.n_columns, 2);
    const struct nilo__member *m = nilo__member(&body.rows[0], 0);
    assert_int_equal(m->kind, NILO__NUMBER);
    assert_memory_equal(m->p, "1e400", m->len);
    m = nilo__member(&body.rows[0], 1);
    assert_int_equal(m->len, 3);
    assert_memory_equal(m->p, "x\ny", 3);
    assert_int_equal(nilo__member(&body.rows[1], 1)->kind, NILO__NULL);
    m = nilo__member(&body.rows[1], 0);
    assert_int_equal(m->kind, NILO__NESTED);
    assert_memory_equal(m->p, "[1, {}]", 7);
    assert_int_equal(parse("{}"), 0);
    assert_false(body.array);
    assert_int_equal(body.n_rows, 1);
    assert_int_equal(parse(" [ ] "), 0);
    assert_int_equal(body.n_rows, 0);
}

static void columns_that_are_asked_for(void **state)
{
    (void)state;
    static const struct nilo__name wanted[] = {{"a", 1}, {"c", 1}, {"a", 1}};
    static const char text[] = "[{\"a\":1,\"b\":{\"x\":[2]}},{\"c\":3},{}]";
    nilo_arena_reset(&arena);
    assert_int_equal(nilo__body_parse(text, sizeof text - 1, wanted, 3, false, &arena, &body, &notes, &err), 0);
    assert_int_equal(body.n_columns, 2);
    assert_int_equal(body.n_rows, 3);
    assert_non_null(nilo__member(&body.rows[0], 0));
    assert_null(nilo__member(&body.rows[0], 1));
    assert_null(nilo__member(&body.rows[1], 0));
    assert_non_null(nilo__member(&body.rows[1], 1));
    assert_null(nilo__member(&body.rows[2], 0));
}

/* n - 1, n, n + 1 */
static void depth_is_bounded(void **state)
{
    (void)state;
    char text[300];
    for (int depth = 30; depth <= 33; depth++) { /* the row is the first of them */
        int n = snprintf(text, sizeof text, "{\"a\":");
        for (int i = 1; i < depth; i++)
            text[n++] = '[';
        for (int i = 1; i < depth; i++)
            text[n++] = ']';
        text[n++] = '}';
        assert_int_equal(parse_n(text, (size_t)n), depth <= 32 ? 0 : -1);
    }
    char *deep = malloc(100000);
    memset(deep, '[', 100000); /* B07 */
    assert_int_equal(parse_n(deep, 100000), -1);
    free(deep);
}

static void keys_are_bounded(void **state)
{
    (void)state;
    struct nilo_buf b;
    nilo_buf_init(&b, 1 << 22);
    for (int keys = 999; keys <= 1001; keys++) {
        nilo_buf_reset(&b);
        for (int i = 0; i < keys; i++)
            nilo_buf_addf(&b, "%c\"k%d\":0", i ? ',' : '{', i);
        nilo_buf_addc(&b, '}');
        assert_int_equal(parse_n(b.data, b.len), keys <= 1000 ? 0 : -1);
    }
    nilo_buf_reset(&b); /* B11 */
    nilo_buf_adds(&b, "{\"");
    for (int i = 0; i < 1 << 20; i++)
        nilo_buf_addc(&b, 'k');
    nilo_buf_adds(&b, "\":1}");
    assert_int_equal(parse_n(b.data, b.len), -1);
    nilo_buf_done(&b);
}

/* Many columns over many empty rows: what is not there costs nothing. */
static void empty_rows_are_cheap(void **state)
{
    (void)state;
    static char names[1000][16];
    static struct nilo__name wanted[1000];
    struct nilo_buf b;
    struct nilo_arena small;
    nilo_buf_init(&b, 1 << 22);
    for (int i = 0; i < 1000; i++) {
        snprintf(names[i], sizeof names[i], "c%d", i);
        wanted[i] = (struct nilo__name){names[i], strlen(names[i])};
    }
    for (int i = 0; i < 20000; i++)
        nilo_buf_adds(&b, i ? ",{}" : "[{}");
    nilo_buf_adds(&b, "]");
    nilo_arena_init(&small, 4 << 20);
    assert_int_equal(nilo__body_parse(b.data, b.len, wanted, 1000, false, &small, &body, &notes, &err), 0);
    assert_int_equal(body.n_rows, 20000);
    nilo_arena_done(&small);
    nilo_buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_that_are_none), cmocka_unit_test(rows_and_members),     cmocka_unit_test(columns_that_are_asked_for),
        cmocka_unit_test(depth_is_bounded),     cmocka_unit_test(keys_are_bounded),     cmocka_unit_test(empty_rows_are_cheap),
    };
    nilo_arena_init(&arena, 0);
    int rc = cmocka_run_group_tests(tests, NULL, NULL);
    nilo_arena_done(&arena);
    return rc;
}
