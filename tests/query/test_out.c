/* How answers are spelled: CSV, JSON, one object, NDJSON and tables. */
#include "support/nilo_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "query/query.h"

struct text {
    char *p;
    size_t len;
    int calls;
    size_t largest;
};

static int take(void *ctx, const char *p, size_t n, struct nilo_err *err)
{
    struct text *t = ctx;
    (void)err;
    t->p = realloc(t->p, t->len + n + 1);
    assert_non_null(t->p);
    memcpy(t->p + t->len, p, n);
    t->len += n;
    t->p[t->len] = '\0';
    t->calls++;
    t->largest = n > t->largest ? n : t->largest;
    return 0;
}

static int refuse(void *ctx, const char *p, size_t n, struct nilo_err *err)
{
    (void)ctx;
    (void)p;
    (void)n;
    return nilo_err_set(err, NILO_EIO, "the client is gone");
}

static struct nilo_datum json(const char *s)
{
    struct nilo_datum d = nilo_datum_str(s);
    d.type = NILO_T_JSON;
    return d;
}

/* rows times n cells; owner of the text: caller */
static int write_rows(enum nilo_format f, bool strip, bool one, const struct nilo_out_column *columns, size_t n,
                      const struct nilo_datum *cells, size_t rows, struct text *ret, struct nilo_err *err)
{
    struct nilo_writer *w;
    const struct nilo_head head = {.columns = columns, .n = n, .total = -1, .page = -1, .one = one};
    *ret = (struct text){0};
    assert_int_equal(nilo_writer_new(f, strip, take, ret, &w, err), 0);
    struct nilo_sink sink = nilo_writer_sink(w);
    int rc = sink.head(sink.ctx, &head, err);
    for (size_t i = 0; rc == 0 && i < rows; i++)
        rc = sink.row(sink.ctx, cells + i * n, err);
    if (rc == 0)
        rc = nilo_writer_end(w, err);
    if (rc == 0)
        assert_int_equal(nilo_writer_rows(w), (int64_t)rows);
    nilo_writer_free(w);
    if (!ret->p)
        ret->p = strdup("");
    return rc;
}

#define CHECK(format, strip, one, columns, n, cells, rows, expected)                                                   \
    do {                                                                                                               \
        struct text text_;                                                                                             \
        struct nilo_err err_ = {.code = NILO_OK};                                                                      \
        assert_int_equal(write_rows(format, strip, one, columns, n, cells, rows, &text_, &err_), 0);                   \
        assert_string_equal(text_.p, expected);                                                                        \
        free(text_.p);                                                                                                 \
    } while (0)

static void csv_cells_are_quoted_where_they_need_it(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"plain", "plain"},
        {"", "\"\""},
        {NULL, ""},
        {"a,b", "\"a,b\""},
        {"say \"hi\"", "\"say \"\"hi\"\"\""},
        {"two\nlines", "\"two\nlines\""},
        {"cr\rhere", "\"cr\rhere\""},
        {" led", "\" led\""},
        {"trailed ", "\"trailed \""},
        {"a b", "a b"},
        {"=1+1", "'=1+1"},
        {"+1", "'+1"},
        {"-1", "'-1"},
        {"@x", "'@x"},
        {"\tx", "\"'\tx\""},
        {"\rx", "\"'\rx\""},
        {"'=1", "''=1"},
        {"'@", "''@"},
        {"''=1", "'''=1"}, /* else it would read as the one before */
        {"''", "''"},
        {"'plain", "'plain"},
        {"'", "'"},
        {"a=1", "a=1"},
        {"=a,b", "\"'=a,b\""},
        {"日本", "日本"},
    };
    const struct nilo_out_column column = {.name = "c", .type = NILO_T_TEXT};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char expected[128];
        struct nilo_datum d = nilo_datum_str(cases[i].in);
        snprintf(expected, sizeof expected, "c\n%s\n", cases[i].out);
        CHECK(NILO_FORMAT_CSV, false, false, &column, 1, &d, 1, expected);
    }
}

static void numbers_are_no_formulas(void **state)
{
    const struct nilo_out_column columns[] = {{.name = "=n", .type = NILO_T_INT}, {.name = "a,b", .type = NILO_T_DECIMAL}, {.name = "j", .type = NILO_T_JSON}};
    const struct nilo_datum cells[] = {nilo_datum_int(-5), nilo_datum_decimal(-150, 2), json("{\"a\": \"=1\"}")};
    (void)state;
    CHECK(NILO_FORMAT_CSV, false, false, columns, 3, cells, 1, "'=n,\"a,b\",j\n-5,-1.50,\"{\"\"a\"\": \"\"=1\"\"}\"\n");
}

static const struct nilo_out_column every[] = {{.name = "t", .type = NILO_T_TEXT},  {.name = "i", .type = NILO_T_INT},   {.name = "d", .type = NILO_T_DECIMAL},
                                               {.name = "day", .type = NILO_T_DAY}, {.name = "at", .type = NILO_T_TIME}, {.name = "j", .type = NILO_T_JSON},
                                               {.name = "b", .type = NILO_T_BOOL},  {.name = "n\"", .type = NILO_T_TEXT}};
#define N_EVERY 8
static void fill_every(struct nilo_datum cells[N_EVERY])
{
    cells[0] = nilo_datum_str("a\"\n\x01ü");
    cells[1] = nilo_datum_int(INT64_MIN);
    cells[2] = nilo_datum_decimal((nilo_i128)INT64_MAX * 1000, 3);
    cells[3] = nilo_datum_day(nilo_day_from_civil(2025, 2, 28));
    cells[4] = nilo_datum_time(INT64_C(1736553615120000));
    cells[5] = json("{\"x\": [1.50]}");
    cells[6] = nilo_datum_bool(true);
    cells[7] = nilo_datum_null(NILO_T_TEXT);
}

#define EVERY_JSON                                                                                                     \
    "{\"t\":\"a\\\"\\n\\u0001ü\",\"i\":-9223372036854775808,\"d\":9223372036854775807.000,\"day\":\"2025-02-28\","    \
    "\"at\":\"2025-01-11T00:00:15.12+00:00\",\"j\":{\"x\": [1.50]},\"b\":true"

static void values_keep_their_spelling_in_json(void **state)
{
    struct nilo_datum cells[2 * N_EVERY];
    (void)state;
    fill_every(cells);
    fill_every(cells + N_EVERY);
    CHECK(NILO_FORMAT_JSON, false, false, every, N_EVERY, cells, 0, "[]\n");
    CHECK(NILO_FORMAT_JSON, false, false, every, N_EVERY, cells, 1, "[" EVERY_JSON ",\"n\\\"\":null}]\n");
    CHECK(NILO_FORMAT_JSON, false, false, every, N_EVERY, cells, 2,
          "[" EVERY_JSON ",\"n\\\"\":null},\n " EVERY_JSON ",\"n\\\"\":null}]\n");
    CHECK(NILO_FORMAT_JSON, true, false, every, N_EVERY, cells, 1, "[" EVERY_JSON "}]\n");
    CHECK(NILO_FORMAT_NDJSON, false, false, every, N_EVERY, cells, 2,
          EVERY_JSON ",\"n\\\"\":null}\n" EVERY_JSON ",\"n\\\"\":null}\n");
    CHECK(NILO_FORMAT_NDJSON, false, false, every, N_EVERY, cells, 0, "");
    CHECK(NILO_FORMAT_OBJECT, true, false, every, N_EVERY, cells, 1, EVERY_JSON "}\n");
    CHECK(NILO_FORMAT_JSON, true, true, every, N_EVERY, cells, 1,
          EVERY_JSON "}\n"); /* a function that answers one object */
}

static void an_object_is_exactly_one_row(void **state)
{
    struct nilo_datum cells[3 * N_EVERY];
    (void)state;
    for (int i = 0; i < 3; i++)
        fill_every(cells + i * N_EVERY);
    for (size_t rows = 0; rows <= 3; rows++) {
        struct text t;
        struct nilo_err err = {.code = NILO_OK};
        int rc = write_rows(NILO_FORMAT_OBJECT, false, false, every, N_EVERY, cells, rows, &t, &err);
        assert_int_equal(rc, rows == 1 ? 0 : -1);
        if (rows != 1) {
            assert_int_equal(err.code, NILO_EONE);
            assert_non_null(strstr(err.msg, "Cannot coerce the result to a single JSON object"));
            assert_string_equal(t.p, ""); /* nothing was sent before that was known */
        }
        free(t.p);
    }
}

static void tables_are_aligned(void **state)
{
    const struct nilo_out_column columns[] = {{.name = "name", .type = NILO_T_TEXT}, {.name = "n", .type = NILO_T_INT}, {.name = "last", .type = NILO_T_TEXT}};
    const struct nilo_datum cells[] = {
        nilo_datum_str("ab"),      nilo_datum_int(5),           nilo_datum_str("x"),
        nilo_datum_str("日本"),    nilo_datum_int(12345),       nilo_datum_str("with \x1b[31mred\tand\nline"),
        nilo_datum_str("e\u0301"), nilo_datum_null(NILO_T_INT), nilo_datum_null(NILO_T_TEXT),
    };
    (void)state;
    CHECK(NILO_FORMAT_TABLE, false, false, columns, 3, cells, 3,
          "name | n     | last\n"
          "-----+-------+-----------------------\n"
          "ab   |     5 | x\n"
          "日本 | 12345 | with  [31mred and line\n"
          "e\u0301    |       | \n"
          "(3 rows)\n");
    CHECK(NILO_FORMAT_TABLE, false, false, columns, 3, cells, 1,
          "name | n | last\n-----+---+-----\nab   | 5 | x\n(1 row)\n");
    CHECK(NILO_FORMAT_TABLE, false, false, columns, 3, cells, 0, "name | n | last\n-----+---+-----\n(0 rows)\n");
}

static void metrics_that_nobody_named_and_nothing_has_are_left_out_of_a_table(void **state)
{
    const struct nilo_out_column columns[] = {
        {.name = "likes", .type = NILO_T_INT, .implied = true}, {.name = "id", .type = NILO_T_TEXT},
        {.name = "title", .type = NILO_T_TEXT},                 {.name = "saves", .type = NILO_T_INT, .implied = true},
        {.name = "views", .type = NILO_T_INT, .implied = true}, {.name = "gmv", .type = NILO_T_INT, .implied = true}};
    const struct nilo_datum no = nilo_datum_null(NILO_T_INT), text = nilo_datum_null(NILO_T_TEXT);
    const struct nilo_datum cells[] = {
        no, nilo_datum_str("a"), text, no, no, no, no, nilo_datum_str("b"), text, no, nilo_datum_int(0), no,
    };
    (void)state;
    CHECK(NILO_FORMAT_TABLE, false, false, columns, 6, cells, 2,
          "id | title | views\n"
          "---+-------+------\n"
          "a  |       |      \n"
          "b  |       |     0\n"
          "(2 rows; left out: 3 metrics without a value)\n");
    CHECK(NILO_FORMAT_TABLE, false, false, columns + 1, 3, cells + 1, 1, "id | title\n---+------\na  | \n(1 row; left out: 1 metric without a value)\n");
    CHECK(NILO_FORMAT_CSV, false, false, columns, 6, cells, 1, "likes,id,title,saves,views,gmv\n,a,,,,\n");
}

/* A long table is laid out by its beginning, and is not kept in memory. */
static void long_answers_are_handed_on_in_pieces(void **state)
{
    const struct nilo_out_column columns[] = {{.name = "name", .type = NILO_T_TEXT}, {.name = "n", .type = NILO_T_INT}};
    (void)state;
    for (int f = 0; f < NILO_FORMAT_N; f++) {
        struct text t = {0};
        struct nilo_err err;
        struct nilo_writer *w;
        const struct nilo_head head = {.columns = columns, .n = 2, .total = -1, .page = -1};
        char wide[200];
        if (f == NILO_FORMAT_OBJECT)
            continue;
        memset(wide, 'w', sizeof wide - 1);
        wide[sizeof wide - 1] = '\0';
        assert_int_equal(nilo_writer_new((enum nilo_format)f, false, take, &t, &w, &err), 0);
        struct nilo_sink sink = nilo_writer_sink(w);
        assert_int_equal(sink.head(sink.ctx, &head, &err), 0);
        for (int i = 0; i < 30000; i++) {
            const struct nilo_datum cells[] = {nilo_datum_str(i == 20000 ? wide : "short"), nilo_datum_int(i)};
            assert_int_equal(sink.row(sink.ctx, cells, &err), 0);
        }
        assert_int_equal(nilo_writer_end(w, &err), 0);
        nilo_writer_free(w);
        assert_true(t.calls > 3);
        assert_true(t.largest < 80000);
        assert_non_null(strstr(t.p, wide));
        assert_non_null(strstr(t.p, "29999"));
        free(t.p);
    }
}

static void a_client_that_left_ends_the_answer(void **state)
{
    struct nilo_writer *w;
    struct nilo_err err;
    const struct nilo_out_column column = {.name = "c", .type = NILO_T_INT};
    const struct nilo_head head = {.columns = &column, .n = 1};
    (void)state;
    assert_int_equal(nilo_writer_new(NILO_FORMAT_CSV, false, refuse, NULL, &w, &err), 0);
    struct nilo_sink sink = nilo_writer_sink(w);
    assert_int_equal(sink.head(sink.ctx, &head, &err), 0);
    int rc = 0, rows = 0;
    for (; rc == 0 && rows < 100000; rows++) {
        const struct nilo_datum d = nilo_datum_int(rows);
        rc = sink.row(sink.ctx, &d, &err);
    }
    assert_int_equal(rc, -1);
    assert_int_equal(err.code, NILO_EIO);
    nilo_writer_free(w);
}

static void content_ranges_are_spelled_as_postgrest_does(void **state)
{
    static const struct {
        int64_t offset, rows, total;
        const char *text;
    } cases[] = {
        {0, 25, -1, "0-24/*"}, {0, 25, 100, "0-24/100"}, {10, 1, 11, "10-10/11"},
        {0, 0, 0, "*/0"},      {5, 0, -1, "*/*"},        {0, 0, 7, "*/7"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char out[NILO_CONTENT_RANGE_TEXT];
        nilo_content_range(cases[i].offset, cases[i].rows, cases[i].total, out);
        assert_string_equal(out, cases[i].text);
    }
}

static void formats_have_names(void **state)
{
    (void)state;
    for (int f = 0; f < NILO_FORMAT_N; f++) {
        assert_int_equal(nilo_format_value(nilo_format_name((enum nilo_format)f)), f);
        assert_non_null(strchr(nilo_format_mime((enum nilo_format)f), '/'));
    }
    assert_int_equal(nilo_format_value("yaml"), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_cells_are_quoted_where_they_need_it),
        cmocka_unit_test(numbers_are_no_formulas),
        cmocka_unit_test(values_keep_their_spelling_in_json),
        cmocka_unit_test(an_object_is_exactly_one_row),
        cmocka_unit_test(tables_are_aligned),
        cmocka_unit_test(metrics_that_nobody_named_and_nothing_has_are_left_out_of_a_table),
        cmocka_unit_test(long_answers_are_handed_on_in_pieces),
        cmocka_unit_test(a_client_that_left_ends_the_answer),
        cmocka_unit_test(content_ranges_are_spelled_as_postgrest_does),
        cmocka_unit_test(formats_have_names),
    };
    return cmocka_run_group_tests_name("query out", tests, NULL, NULL);
}
