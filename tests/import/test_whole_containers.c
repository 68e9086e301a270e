/* A whole export as a table and as objects: the same store comes out of each, to the byte, on either engine; what is not as it was written is refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "import/whole.h"
#include "record/record.h"
#include "store/put.h"
#include "support/tmp.h"

static const struct {
    const char *name;
    enum nilo_whole_container container;
} containers[] = {{"csv", NILO_WHOLE_CSV}, {"json", NILO_WHOLE_JSON}, {"ndjson", NILO_WHOLE_NDJSON}};
#define CONTAINERS (sizeof containers / sizeof containers[0])

/* What CSV has to quote, what a spreadsheet would run, what looks as if it had been marked; empty is not missing. */
static const char *const texts[] = {
    "", "=1+1", "+1", "-1", "@sum(1)", "\tx", "\rx", "'=1", "''=1", "'+", "'''-1", "'@", "'\t", "''\r", "'", "''", "'a", "a'=", " =1", "\n=1", "\"", "\"\"", "=\"a\"",
    "a,b", "a\nb", "a\r\nb", "\n", "\r\n", " ", " a", "a ", "\t", "a\t", "null", "NULL", "0", "1e3", "2026-01-01", "\\N", "\\", "{\"a\":[1,2]}", "[1]", "table", "end", "export",
    "table,id,name", "\x01\x02\x1f\x7f", "\xe2\x80\xa8\xe2\x80\xa9", "\xf0\x9f\x8e\xac\xf4\x8f\xbf\xbf", "\xef\xbb\xbf!", "\xef\xbf\xbd", "e\xcc\x81", ";", "|", "a;b",
};

static void set_title(struct stores *s, const char *title, int item)
{
    struct nilo_buf b;
    nilo_buf_init(&b, SIZE_MAX);
    nilo_buf_adds(&b, "UPDATE content SET caption = title, title = '");
    for (const char *p = title; *p; p++)
        nilo_buf_addf(&b, *p == '\'' ? "''" : "%c", *p);
    nilo_buf_addf(&b, "' WHERE entity_id = %d", item);
    stores_exec(s, nilo_buf_str(&b));
    nilo_buf_done(&b);
}

/* Titles of every kind, one an item, one of 1 MiB that is all quotes, and one that is missing. */
static void fill_with_texts(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "=w, \"x\"", "Europe/Berlin", "'push", "push", "db");
    char id[40];
    for (size_t i = 0; i < sizeof texts / sizeof texts[0] + 2; i++) {
        snprintf(id, sizeof id, "%c%zu", "=+-@'ab\"," [i % 9], i);
        put(s, &c, id, 20160, 1, (int64_t)i - 3);
    }
    stores_exec(s, "INSERT INTO content (bucket, entity_id, attrs_at) SELECT bucket, id, 5 FROM entity e WHERE NOT EXISTS (SELECT 1 FROM content c WHERE c.entity_id = e.id)");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        set_title(s, texts[i], (int)i + 1);
    set_title(s, "=\"\"\"", (int)(sizeof texts / sizeof texts[0]) + 1);
    for (int i = 0; i < 18; i++)
        stores_exec(s, "UPDATE content SET title = title || title WHERE title LIKE '=\"\"\"%'");
    assert_int_equal(stores_int(s, "SELECT max(length(title)) FROM content"), 1 << 20);
    put_close(s, &c, 20161);
}

/* A rendering says the same, to the byte, of a store that came out of another rendering. */
static void same_in_every_container(struct stores *a, struct stores *b)
{
    for (size_t i = 0; i < CONTAINERS; i++) {
        size_t na, nb;
        char *ta = whole_as(a, containers[i].container, &na), *tb = whole_as(b, containers[i].container, &nb);
        assert_int_equal(na, nb);
        whole_same(ta, tb, containers[i].name);
        free(ta);
        free(tb);
    }
}

static void a_store_comes_back_from_every_container(struct stores *s)
{
    struct walk *w = whole_history(s, 31, 150);
    fill_with_texts(s);
    assert_true(whole_drop_old_days(s) > 10);
    for (size_t i = 0; i < CONTAINERS; i++) {
        size_t len;
        char *text = whole_as(s, containers[i].container, &len);
        for (int k = 0; k < 2; k++) {
            struct stores to;
            struct nilo_loaded loaded;
            if (!whole_another(&to, s, (i + (size_t)k) % 2 ? whole_other_engine(s) : s->engine))
                continue;
            ok(&to, whole_take(&to, text, len, &loaded));
            assert_true(loaded.adopted);
            whole_same_store(s, &to);
            same_in_every_container(s, &to);
            ok(&to, whole_take(&to, text, len, &loaded));
            assert_true(loaded.unchanged);
            nilo_store_close(to.store);
        }
        free(text);
    }
    walk_free(w);
}

/* The text of the CSV cell that begins at p. */
static void read_cell(const char *p, char *ret, size_t size)
{
    size_t n = 0;
    bool quoted = *p == '"';
    for (p += quoted; n + 1 < size && (quoted ? *p != '"' || p[1] == '"' : *p != ',' && *p != '\n'); p++) {
        p += quoted && *p == '"';
        ret[n++] = *p;
    }
    ret[n] = '\0';
}

/* The rule of the issue, spelled out once more: one ' where the text is any number of ' and then one of these. */
static void formulas_get_one_apostrophe_and_no_other_text_does(struct stores *s)
{
    size_t len, marked = 0;
    fill_with_texts(s);
    char *csv = whole_as(s, NILO_WHOLE_CSV, &len), *at = strstr(csv, "table,bucket,entity_id,title,");
    assert_non_null(at);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char row[40], sql[80], is[200];
        const char *behind = texts[i] + strspn(texts[i], "'");
        bool formula = *behind != '\0' && strchr("=+-@\t\r", *behind) != NULL;
        snprintf(sql, sizeof sql, "SELECT bucket FROM entity WHERE id = %zu", i + 1);
        snprintf(row, sizeof row, "\ncontent,%d,%zu,", (int)stores_int(s, sql), i + 1);
        const char *cell = strstr(at, row);
        assert_non_null(cell);
        cell += strlen(row);
        read_cell(cell, is, sizeof is);
        if (strcmp(is + formula, texts[i]) != 0 || (formula && is[0] != '\''))
            fail_msg("\"%s\" stands there as %s", texts[i], is);
        if (texts[i][0] == '\0')
            assert_memory_equal(cell, "\"\",", 3);
        marked += formula;
    }
    assert_true(marked > 15);
    free(csv);
}

/* ---- what is not as it was written --------------------------------------------------------------------------------------------------- */

static void refused(struct stores *to, const char *text, size_t len, const char *what, size_t at)
{
    struct nilo_loaded loaded;
    if (whole_take(to, text, len, &loaded) == 0)
        fail_msg("%s at %zu was taken", what, at);
    if (to->err.msg[0] == '\0' || strchr(to->err.msg, '\n') != NULL)
        fail_msg("%s at %zu: said \"%s\"", what, at, to->err.msg);
}

static void a_cut_or_changed_byte_is_refused_in_every_container(struct stores *s)
{
    struct stores to;
    struct nilo_loaded loaded;
    size_t n, len;
    free(whole_small(s, &n));
    assert_true(whole_another(&to, s, s->engine));
    char *empty = whole_all(&to, &n);
    for (size_t i = 0; i < CONTAINERS; i++) {
        char *text = whole_as(s, containers[i].container, &len);
        for (size_t cut = 0; cut + 1 < len; cut += cut < 80 || cut + 120 > len ? 1 + cut % 3 : 307)
            refused(&to, text, cut, "the cut", cut);
        for (size_t at = 0; at < len - 1; at += 97) {
            text[at] ^= 1;
            refused(&to, text, len, "the changed byte", at);
            text[at] ^= 1;
        }
        whole_untouched(&to, empty, containers[i].name);
        free(text);
    }
    for (size_t i = 0; i < CONTAINERS; i++) { /* whole they are taken, also without the last newline, which editors take away */
        char *text = whole_as(s, containers[i].container, &len);
        ok(&to, whole_take(&to, text, len - 1, &loaded));
        assert_int_equal(loaded.unchanged, i > 0);
        free(text);
    }
    nilo_store_close(to.store);
    free(empty);
}

/* The text with the lines a and b, a < b, in each other's place; b is NULL: without a; b is a: a twice. */
static char *with_lines(const char *text, const char *a, const char *b, size_t *ret_len)
{
    struct nilo_buf t;
    size_t na = strcspn(a, "\n") + 1, nb = b != NULL ? strcspn(b, "\n") + 1 : 0;
    nilo_buf_init(&t, SIZE_MAX);
    nilo_buf_add(&t, text, (size_t)(a - text));
    if (b == a || b == NULL) {
        nilo_buf_add(&t, a, b == a ? na : 0);
        nilo_buf_adds(&t, b == a ? a : a + na);
    } else {
        nilo_buf_add(&t, b, nb);
        nilo_buf_add(&t, a + na, (size_t)(b - (a + na)));
        nilo_buf_add(&t, a, na);
        nilo_buf_adds(&t, b + nb);
    }
    *ret_len = t.len;
    return nilo_buf_take(&t);
}

static void lines_that_were_moved_left_out_or_doubled_are_refused(struct stores *s)
{
    struct stores to;
    size_t n, len;
    free(whole_small(s, &n));
    assert_true(whole_another(&to, s, s->engine));
    char *empty = whole_all(&to, &n);
    for (size_t i = 0; i < CONTAINERS; i++) {
        char *text = whole_as(s, containers[i].container, &len);
        const char *line = text;
        for (size_t at = 0; line[strcspn(line, "\n") + 1] != '\0'; at++, line += strcspn(line, "\n") + 1) {
            if ((at + i) % 3 != 0)
                continue; /* the next container looks at these */
            const char *next = line + strcspn(line, "\n") + 1, *after = next + strcspn(next, "\n");
            const char *b[] = {next, *after != '\0' && after[1] != '\0' ? after + 1 : next, NULL, line};
            for (size_t k = 0; k < 4; k++) {
                char *edited = with_lines(text, line, b[k], &n);
                refused(&to, edited, n, k < 2 ? "lines moved" : k == 2 ? "a line left out" : "a line twice", at);
                free(edited);
            }
        }
        whole_untouched(&to, empty, containers[i].name);
        free(text);
    }
    nilo_store_close(to.store);
    free(empty);
}

/* Other line ends and a byte order mark; cells that a spreadsheet adds to make all rows as long as the longest; blanks between objects. */
static void what_says_the_same_in_other_bytes_is_taken(struct stores *s)
{
    static const struct {
        const char *begin, *line_end;
        enum nilo_whole_container container;
    } others[] = {
        {"\xef\xbb\xbf", "\r\n", NILO_WHOLE_CSV}, {"", ",,,\n", NILO_WHOLE_CSV},      {"", ",,,,,,\r\n\r\n", NILO_WHOLE_CSV},
        {"\xef\xbb\xbf", "\r\n", NILO_WHOLE_JSON}, {" \n", " \n\t\n", NILO_WHOLE_JSON}, {"\xef\xbb\xbf\n", "\r\n\r\n", NILO_WHOLE_NDJSON},
    };
    struct nilo_loaded loaded;
    size_t len;
    free(whole_small(s, &len));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct stores to;
        struct nilo_buf b;
        char *text = whole_as(s, others[i].container, &len);
        nilo_buf_init(&b, SIZE_MAX);
        nilo_buf_adds(&b, others[i].begin);
        for (const char *p = text; *p != '\0'; p += strcspn(p, "\n") + 1) {
            nilo_buf_add(&b, p, strcspn(p, "\n"));
            nilo_buf_adds(&b, others[i].line_end);
        }
        assert_true(whole_another(&to, s, s->engine));
        ok(&to, whole_take(&to, b.data, b.len, &loaded));
        whole_same_store(s, &to);
        nilo_store_close(to.store);
        nilo_buf_done(&b);
        free(text);
    }
}

#define HEAD_CSV "table,format,version,program,store,workspace,from,to,rows\nexport,nilometer-export,1,9,00112233445566778899aabbccddeeff,,,,{}\n"
#define HEAD_NDJSON "{\"table\":\"export\",\"format\":\"nilometer-export\",\"version\":1,\"program\":\"9\",\"rows\":{}}\n"

static int ignore_head(void *ctx, const struct nilo_whole_head *head, struct nilo_err *err)
{
    (void)ctx, (void)head, (void)err;
    return 0;
}

static int ignore_row(void *ctx, size_t table, const struct nilo_whole_cell *cells, struct nilo_err *err)
{
    (void)ctx, (void)table, (void)cells, (void)err;
    return 0;
}

static void made_up_files_are_refused_with_what_is_wrong(struct stores *s)
{
    static const struct {
        const char *text;
        enum nilo_code code;
        const char *says;
    } files[] = {
        {"table,format,version\nexport,nilometer-export,1\n", NILO_ECORRUPT, "is no export of nilometer"},
        {"table,format,version,program,store,workspace,from,to,rows\n", NILO_ECORRUPT, "is no export of nilometer"},
        {"table,format,version,program,store,workspace,from,to,rows\nmetric,1\n", NILO_ECORRUPT, "not as many cells as its header"},
        {"table,format,version,program,store,workspace,from,to,rows\nexport,nilometer-export,2,9,,,,,\n", NILO_ENEWER, "version 2 of the format"},
        {"table,format,version,program,store,workspace,from,to,rows\nexport,nilometer-export,1,,,,,,\n", NILO_ECORRUPT, "line 2 (the header)"},
        {"table,format,version,program,store,workspace,from,to,rows\nexport,nilometer-export,one,9,,,,,\n", NILO_ECORRUPT, "line 2 (the header)"},
        {HEAD_CSV, NILO_ECORRUPT, "the file is cut off"},
        {HEAD_CSV "table,a\ntable,b\n", NILO_ECORRUPT, "line 4 (a header without rows)"},
        {HEAD_CSV "metric,1,views\n", NILO_ECORRUPT, "not as many cells as its header"},
        {HEAD_CSV "run,nilometer-export,1,9,,,,,\n", NILO_ECORRUPT, "a row of another table"},
        {HEAD_CSV "table,a\nspaceships,1\n", NILO_ENEWER, "the table spaceships"},
        {HEAD_CSV "table,warp\nrun,1\n", NILO_ENEWER, "the column warp"},
        {HEAD_CSV "table,id\nrun,1.0\n", NILO_ECORRUPT, "line 4 (what should be a whole number is none)"},
        {HEAD_CSV "table,id\nrun,1E+18\n", NILO_ECORRUPT, "perhaps a spreadsheet saved it"},
        {HEAD_CSV "table,id\nrun,-\n", NILO_ECORRUPT, "what should be a whole number is none"},
        {HEAD_CSV "table,id\nrun,1\nrun_failure,1\n", NILO_ECORRUPT, "line 5 (a row of another table than the one before, without a header)"},
        {HEAD_CSV "table,id\nrun,1,2\n", NILO_ECORRUPT, "line 4 (not as many cells as its header)"},
        {HEAD_CSV "table,id\nrun,\"1\n", NILO_ECORRUPT, "cut off"},
        {HEAD_CSV "table,format\nend,nilometer-export\n", NILO_ECORRUPT, "the trailer"},
        {HEAD_CSV "table,format,rows,sha256\nend,nilometer-export,0,00\n", NILO_ECORRUPT, "the trailer"},
        {HEAD_CSV "table,format,rows,sha256\nend,nilometer-export,0,0000000000000000000000000000000000000000000000000000000000000000\n", NILO_ECORRUPT, "the checksum is not that"},
        {HEAD_NDJSON, NILO_ECORRUPT, "the file is cut off"},
        {HEAD_NDJSON "[1]\n", NILO_ECORRUPT, "neither an object"},
        {HEAD_NDJSON "{\"id\":1}\n", NILO_ECORRUPT, "line 2 (not an object of an export"},
        {HEAD_NDJSON "{\"table\":\"run\",\"id\":true}\n", NILO_ECORRUPT, "line 2 (not an object of an export"},
        {HEAD_NDJSON "{\"table\":\"run\",\"id\":1}\n{\"table\":\"run\",\"workspace_id\":1}\n", NILO_ECORRUPT, "line 3 (not an object of an export"},
        {HEAD_NDJSON "{\"table\":\"run\",\"id\":1}\n{\"table\":\"run\",\"id\":1,\"workspace_id\":1}\n", NILO_ECORRUPT, "line 3 (not an object of an export"},
        {HEAD_NDJSON "{\"table\":\"run\",\"id\":1,\"workspace_id\":1}\n{\"table\":\"run\",\"id\":1}\n", NILO_ECORRUPT, "line 3 (not an object of an export"},
        {HEAD_NDJSON "{\"table\":\"spaceships\",\"id\":1}\n", NILO_ENEWER, "the table spaceships"},
        {HEAD_NDJSON "{\"table\":\"run\",\"warp\":1}\n", NILO_ENEWER, "the column warp"},
        {HEAD_NDJSON "{\"table\":\"end\",\"format\":\"nilometer-export\"}\n", NILO_ECORRUPT, "the trailer"},
        {HEAD_NDJSON "{\"table\":\"end\",\"format\":\"nilometer-export\",\"rows\":0,\"sha256\":\"0000000000000000000000000000000000000000000000000000000000000000\"}\n",
         NILO_ECORRUPT, "the checksum is not that"},
        {"[" HEAD_NDJSON, NILO_ECORRUPT, "cut off"},
        {"[" HEAD_NDJSON "]\n", NILO_ECORRUPT, "the file is cut off"},
        {"[{\"table\":\"export\",\"format\":\"other\"}]", NILO_ECORRUPT, "is no export of nilometer"},
        /* without their first line, which would make them readings of somebody else's */
        {"{\"table\":\"metric\",\"id\":1,\"name\":\"views\"}\n", NILO_ECORRUPT, "is no export of nilometer"},
        {" [ {\"table\" : \"day_close\"}]", NILO_ECORRUPT, "is no export of nilometer"},
        {"{\"table\":\"export\",\"format\":\"nilometer-export\",\"version\":1,\"program\":\"9\",\"rows\":", NILO_ECORRUPT, "cut off"},
    };
    const struct nilo_whole_reader reader = {.head = ignore_head, .row = ignore_row};
    const char *path = nilo_test_path("made.up");
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        nilo_test_write(path, files[i].text, strlen(files[i].text));
        if (nilo_whole_read(path, &reader, &s->err) == 0)
            fail_msg("%s was taken", files[i].text);
        if (strstr(files[i].text, "{\"table\"") == files[i].text && !nilo_whole_is(path))
            fail_msg("%s is taken for something else", files[i].text);
        if (s->err.code != files[i].code || strstr(s->err.msg, files[i].says) == NULL || strchr(s->err.msg, '\n') != NULL)
            fail_msg("%s: %s", files[i].text, s->err.msg);
    }
}

/* What no container can hold exactly is told when it is written. */
static void a_text_that_cannot_come_back_is_not_exported(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", "UTC", "push", "push", "db");
    if (s->engine != NILO_DB_SQLITE)
        nilo_test_skip("it is SQLite's"); /* PostgreSQL keeps no such text */
    put(s, &c, "a", 20160, 1, 5);
    stores_exec(s, "INSERT INTO content (bucket, entity_id, title, attrs_at) SELECT bucket, id, CAST(x'610062' AS TEXT), 5 FROM entity WHERE true "
                   "ON CONFLICT (bucket, entity_id) DO UPDATE SET title = excluded.title");
    for (int i = 0; i < 4; i++) {
        struct nilo_output *o;
        int64_t rows;
        char *text = NULL;
        size_t len;
        FILE *f = open_memstream(&text, &len);
        ok(s, nilo_output_open(NULL, f, &o, &s->err));
        fails(s, NILO_ECORRUPT, nilo_whole_write(s->store, &(struct nilo_whole_want){.from = NILO_DAY_NONE, .to = NILO_DAY_NONE}, NULL,
                                                 (enum nilo_whole_container)i, o, NULL, NULL, &rows, &s->err));
        assert_non_null(strstr(s->err.msg, "a text in title holds a NUL"));
        nilo_output_abort(o);
        fclose(f);
        free(text);
    }
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(a_store_comes_back_from_every_container),
        STORES_TEST(formulas_get_one_apostrophe_and_no_other_text_does),
        STORES_TEST(a_cut_or_changed_byte_is_refused_in_every_container),
        STORES_TEST(lines_that_were_moved_left_out_or_doubled_are_refused),
        STORES_TEST(what_says_the_same_in_other_bytes_is_taken),
        STORES_TEST(made_up_files_are_refused_with_what_is_wrong),
        STORES_TEST(a_text_that_cannot_come_back_is_not_exported),
    };
    return stores_run("import/whole_containers", tests, sizeof tests / sizeof tests[0]);
}
