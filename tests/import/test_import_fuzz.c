/* Random tables must come back as they were written; broken ones must do no harm, and mean the same however they are cut into pieces. */
#include "support/nilo_test.h"

#include "import/fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/env.h"
#include "base/json.h"
#include "support/tmp.h"

#define SEED 20170913
#define TABLES 80
#define MUTANTS 250

static struct nilo_seeded_random seeded;
static struct nilo_random random_source;

static size_t below(size_t n)
{
    return (size_t)nilo_random_below(&random_source, n);
}

static void import_text(const struct nilo_buf *text, bool ndjson, const char *map, size_t read_size, const char *refused, struct fake_result *r)
{
    const char *file = nilo_test_path("fuzz");
    nilo_test_write(file, nilo_buf_str(text), text->len);
    struct nilo_import_options o = {.files = &file, .n_files = 1, .format = ndjson ? NILO_IMPORT_NDJSON : NILO_IMPORT_CSV, .maps = &map,
                                    .n_maps = map != NULL, .catalog = &fake_catalog, .read_size = read_size, .refused = refused};
    if (refused != NULL)
        nilo_test_remove(refused);
    fake_import(&o, r);
}

/* ---- round trips ---------------------------------------------------------------------------------------------------------- */

/* A title of pieces that a careless reader stumbles over. */
static void random_title(struct nilo_buf *b)
{
    static const char *const pieces[] = {",", "\"", "\n", "\r\n", "\r", "a", "word ", "\xc3\xa4", "\xf0\x9f\x8e\x84", "\\", "\\n", "'", ";", "\t", "{", "\"\"", " "};
    nilo_buf_reset(b);
    nilo_buf_adds(b, "t"); /* neither empty nor blank */
    for (size_t n = below(12); n > 0; n--)
        nilo_buf_adds(b, pieces[below(sizeof pieces / sizeof pieces[0])]);
}

static void add_quoted(struct nilo_buf *out, const struct nilo_buf *cell)
{
    bool needs = strpbrk(cell->data, ",\"\n\r") != NULL;
    if (!needs && below(2) == 0) {
        nilo_buf_add(out, cell->data, cell->len);
        return;
    }
    nilo_buf_addc(out, '"');
    for (size_t i = 0; i < cell->len; i++) {
        if (cell->data[i] == '"')
            nilo_buf_addc(out, '"');
        nilo_buf_addc(out, cell->data[i]);
    }
    nilo_buf_addc(out, '"');
}

static void add_csv_row(struct nilo_buf *out, int i, int64_t views, const struct nilo_buf *title, const char *end)
{
    nilo_buf_addf(out, "i%04d,2025-01-01,%lld,", i, (long long)views);
    add_quoted(out, title);
    nilo_buf_adds(out, end);
}

static void add_json_row(struct nilo_buf *out, int i, int64_t views, const struct nilo_buf *title, const char *end)
{
    struct nilo_json_out o;
    char id[16];
    snprintf(id, sizeof id, "i%04d", i);
    nilo_json_out_init(&o, out);
    nilo_json_object_begin(&o);
    nilo_json_key(&o, "title");
    nilo_json_strn(&o, title->data, title->len);
    nilo_json_key(&o, "views");
    nilo_json_int(&o, views);
    nilo_json_key(&o, "external_id");
    nilo_json_str(&o, id);
    nilo_json_key(&o, "day");
    nilo_json_str(&o, "2025-01-01");
    nilo_json_object_end(&o);
    nilo_buf_adds(out, end);
}

static void round_trip(bool ndjson)
{
    static const char *const ends[] = {"\n", "\r\n"};
    struct nilo_buf text, expected, title;
    struct fake_result r;
    nilo_buf_init(&text, 1u << 22);
    nilo_buf_init(&expected, 1u << 22);
    nilo_buf_init(&title, 1u << 12);
    if (!ndjson)
        nilo_buf_adds(&text, "external_id,day,views,title\n");
    int rows = 1 + (int)below(40);
    for (int i = 0; i < rows; i++) {
        int64_t views = (int64_t)(nilo_random_u64(&random_source) >> below(64));
        random_title(&title);
        (ndjson ? add_json_row : add_csv_row)(&text, i, views, &title, ends[below(2)]);
        nilo_buf_addf(&expected, "i%04d day 2025-01-01 at - views=%lld | title=%s\n", i, (long long)views, title.data);
    }
    import_text(&text, ndjson, NULL, 1 + below(300), NULL, &r);
    if (r.rc != 0)
        fail_msg("%s", r.err.msg);
    assert_string_equal(nilo_buf_str(&r.readings), nilo_buf_str(&expected));
    fake_done(&r);
    nilo_buf_done(&text);
    nilo_buf_done(&expected);
    nilo_buf_done(&title);
}

static void random_tables_come_back(void **state)
{
    (void)state;
    for (int i = 0; i < TABLES; i++) {
        round_trip(false);
        round_trip(true);
    }
}

/* ---- broken ones ------------------------------------------------------------------------------------------------------------ */

static const char *const seeds[] = {
    "external_id,day,views,likes,title,window_days,owner,tag.a\n"
    "a,2025-01-01,1,2,\"x, \"\"y\"\"\",0,o,k\n"
    "b,2025-01-02,,3,\"line\nline\",30,,\n"
    "c,2025-01-03,1234.0,-1,t,,p,\n",
    "\xef\xbb\xbfxternal_id,external_id,day,views\r\n,a,2025-01-01,9223372036854775807\r\n,b,2025-01-01,x\r\n",
    "external_id,day,views\ra,2025-01-01,5\rb,2025-01-01,6\r",
};
static const char *const json_seeds[] = {
    "{\"external_id\":\"a\",\"day\":\"2025-01-01\",\"views\":1,\"x\":{\"y\":[1,2,{\"z\":null}]}}\n"
    "{\"external_id\":\"b\",\"day\":\"2025-01-02\",\"views\":\"2\",\"title\":\"\\u00e4\\n\"}\n\n"
    "{\"external_id\":\"c\",\"day\":null}\n",
};

static void mutate(struct nilo_buf *b)
{
    static const char bytes[] = ",\"\n\r\0{}[]:\\ax0-.\xff\xc3 ";
    for (size_t n = 1 + below(4); n > 0 && b->len > 0; n--) {
        size_t at = below(b->len), len = 1 + below(b->len - at < 8 ? b->len - at : 8);
        switch (below(4)) {
        case 0:
            b->data[at] = bytes[below(sizeof bytes - 1)];
            break;
        case 1: /* take some out */
            memmove(b->data + at, b->data + at + len, b->len - at - len);
            b->len -= len;
            break;
        case 2: { /* repeat some at the end */
            char copy[8];
            memcpy(copy, b->data + at, len);
            nilo_buf_add(b, copy, len);
            break;
        }
        default:
            b->data[at] = (char)(b->data[at] ^ (1 << below(8)));
        }
    }
}

static void assert_same(const struct fake_result *a, const struct fake_result *b)
{
    assert_int_equal(a->rc, b->rc);
    assert_int_equal(a->err.code, b->err.code);
    assert_string_equal(nilo_buf_str(&a->readings), nilo_buf_str(&b->readings));
    assert_string_equal(nilo_buf_str(&a->refused), nilo_buf_str(&b->refused));
    assert_int_equal(a->rows, b->rows);
}

/* Rows that were refused are refused again when they are imported from the file that keeps them. */
static void refused_again(const struct fake_result *first, bool ndjson)
{
    struct fake_result again;
    struct nilo_buf text;
    nilo_buf_init(&text, 1u << 20);
    nilo_buf_add(&text, nilo_buf_str(&first->kept), first->kept.len);
    import_text(&text, ndjson, NULL, 0, NULL, &again);
    if (again.rc == 0) {
        assert_int_equal(again.rows, first->refused_rows);
        assert_int_equal(again.refused_rows, first->refused_rows);
    }
    fake_done(&again);
    nilo_buf_done(&text);
}

static void try_mutant(const char *seed, bool ndjson)
{
    const char *refused = nilo_test_path("fuzz-refused");
    struct nilo_buf text;
    struct fake_result whole, pieces;
    nilo_buf_init(&text, 1u << 16);
    nilo_buf_adds(&text, seed);
    mutate(&text);
    import_text(&text, ndjson, NULL, 0, refused, &whole);
    import_text(&text, ndjson, NULL, 1 + below(9), refused, &pieces);
    assert_same(&whole, &pieces);
    if (whole.rc == 0) {
        assert_int_equal(whole.rows, whole.taken + whole.left_out + whole.refused_rows);
        if (whole.refused_rows > 0 && !ndjson && memchr(text.data, '\r', text.len) == NULL)
            refused_again(&whole, ndjson);
    }
    fake_done(&whole);
    fake_done(&pieces);
    nilo_buf_done(&text);
}

static void broken_tables_do_no_harm(void **state)
{
    (void)state;
    for (int i = 0; i < MUTANTS; i++)
        try_mutant(seeds[below(sizeof seeds / sizeof seeds[0])], false);
}

static void broken_objects_do_no_harm(void **state)
{
    (void)state;
    for (int i = 0; i < MUTANTS; i++)
        try_mutant(json_seeds[0], true);
}

static int begin(void **state)
{
    (void)state;
    printf("# seed %d\n", SEED);
    nilo_seeded_random_init(&seeded, SEED);
    random_source = nilo_seeded_random(&seeded);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(random_tables_come_back, begin),
        cmocka_unit_test_setup(broken_tables_do_no_harm, begin),
        cmocka_unit_test_setup(broken_objects_do_no_harm, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
