/* The rows of a whole export as a table (CSV) or as objects (JSON, NDJSON). Each is the lines of the format nilometer in other words, nothing more
 * and nothing less: whole_lines.c makes those lines of them again, to the byte, so that one checksum holds for all. */
#include "import/import_priv.h"

#include <string.h>

/* ---- objects -------------------------------------------------------------------------------------------------------------------- */

/* An array has a line an object as well, so that people and line tools can look into it. */
static void begin_object(const struct nilo__whole_out *o, const char *table, bool first, struct nilo_buf *b)
{
    if (o->container == NILO_WHOLE_JSON)
        nilo_buf_adds(b, first ? "[\n" : ",\n");
    nilo_buf_addf(b, "{\"table\":\"%s\"", table);
}

static void end_object(const struct nilo__whole_out *o, struct nilo_buf *b)
{
    nilo_buf_adds(b, o->container == NILO_WHOLE_JSON ? "}" : "}\n");
}

static void put_string(const char *p, size_t len, struct nilo_buf *b)
{
    struct nilo_json_out out;
    nilo_json_out_init(&out, b);
    nilo_json_strn(&out, p, len);
}

static void put_hex(const struct nilo_whole_cell *cell, struct nilo_buf *b)
{
    for (size_t i = 0; i < cell->len; i++)
        nilo_buf_addf(b, "%02x", (unsigned char)cell->p[i]);
}

static void put_member(const struct nilo_whole_column *c, const struct nilo_whole_cell *cell, struct nilo_buf *b)
{
    nilo_buf_adds(b, ",\"");
    nilo_buf_adds(b, c->name);
    nilo_buf_adds(b, "\":");
    if (cell->null) {
        nilo_buf_adds(b, "null");
    } else if (c->type == NILO_WHOLE_INT) {
        nilo_buf_addi(b, cell->i);
    } else if (c->type == NILO_WHOLE_TEXT) {
        put_string(cell->p, cell->len, b);
    } else {
        nilo_buf_addc(b, '"');
        put_hex(cell, b);
        nilo_buf_addc(b, '"');
    }
}

static void put_text_member(const char *name, const char *text, struct nilo_buf *b)
{
    nilo_buf_addf(b, ",\"%s\":", name);
    if (text != NULL)
        put_string(text, strlen(text), b);
    else
        nilo_buf_adds(b, "null");
}

static void put_head_object(const struct nilo__whole_out *o, const struct nilo__whole_head *h, struct nilo_buf *b)
{
    begin_object(o, "export", true, b);
    put_text_member("format", NILO_WHOLE_FORMAT, b);
    nilo_buf_addf(b, ",\"version\":%d", NILO_WHOLE_VERSION);
    put_text_member("program", h->program, b);
    put_text_member("store", h->store, b);
    put_text_member("workspace", h->workspace, b);
    put_text_member("from", h->from, b);
    put_text_member("to", h->to, b);
    nilo_buf_adds(b, ",\"rows\":");
    nilo_buf_adds(b, h->rows);
    end_object(o, b);
}

/* ---- CSV -------------------------------------------------------------------------------------------------------------------------- */

/* As in the answers of query/out.c: what a spreadsheet would take for a formula gets one ' before it, and so does what would look as if it had one. */
static bool is_formula(const char *p, size_t len)
{
    static const char first[] = "=+-@\t\r";
    size_t quotes = 0;
    while (quotes < len && p[quotes] == '\'')
        quotes++;
    return quotes < len && memchr(first, p[quotes], sizeof first - 1) != NULL;
}

static bool needs_quotes(const char *p, size_t len)
{
    bool blank_end = len == 0 || p[0] == ' ' || p[0] == '\t' || p[len - 1] == ' ' || p[len - 1] == '\t';
    for (size_t i = 0; i < len && !blank_end; i++)
        if (p[i] == ',' || p[i] == '"' || p[i] == '\n' || p[i] == '\r')
            return true;
    return blank_end;
}

static void put_text_cell(const char *p, size_t len, struct nilo_buf *b)
{
    bool quotes = needs_quotes(p, len);
    nilo_buf_adds(b, quotes ? ",\"" : ",");
    if (is_formula(p, len))
        nilo_buf_addc(b, '\'');
    for (size_t at = 0; at < len;) {
        const char *quote = memchr(p + at, '"', len - at);
        size_t n = quote != NULL ? (size_t)(quote - (p + at)) + 1 : len - at;
        nilo_buf_add(b, p + at, n);
        if (quote != NULL)
            nilo_buf_addc(b, '"');
        at += n;
    }
    if (quotes)
        nilo_buf_addc(b, '"');
}

static void put_cell(const struct nilo_whole_column *c, const struct nilo_whole_cell *cell, struct nilo_buf *b)
{
    if (!cell->null && c->type == NILO_WHOLE_TEXT) {
        put_text_cell(cell->p, cell->len, b);
        return;
    }
    nilo_buf_addc(b, ',');
    if (cell->null)
        return;
    if (c->type == NILO_WHOLE_INT)
        nilo_buf_addi(b, cell->i);
    else if (cell->len > 0)
        put_hex(cell, b);
    else
        nilo_buf_adds(b, "\"\"");
}

static void put_plain(const char *text, struct nilo_buf *b)
{
    if (text != NULL)
        put_text_cell(text, strlen(text), b);
    else
        nilo_buf_addc(b, ',');
}

static void put_head_rows(const struct nilo__whole_head *h, struct nilo_buf *b)
{
    nilo_buf_adds(b, "table,format,version,program,store,workspace,from,to,rows\nexport");
    put_plain(NILO_WHOLE_FORMAT, b);
    nilo_buf_addf(b, ",%d", NILO_WHOLE_VERSION);
    put_plain(h->program, b);
    put_plain(h->store, b);
    put_plain(h->workspace, b);
    put_plain(h->from, b);
    put_plain(h->to, b);
    put_plain(h->rows, b);
    nilo_buf_addc(b, '\n');
}

/* ---- either --------------------------------------------------------------------------------------------------------------------------- */

void nilo__whole_out_head(const struct nilo__whole_out *o, const struct nilo__whole_head *head, struct nilo_buf *b)
{
    if (o->container == NILO_WHOLE_CSV)
        put_head_rows(head, b);
    else
        put_head_object(o, head, b);
}

void nilo__whole_out_table(struct nilo__whole_out *o, size_t table, struct nilo_buf *b)
{
    const struct nilo_whole_table *t = &nilo_whole_tables[table];
    o->table = table;
    if (o->container != NILO_WHOLE_CSV)
        return;
    nilo_buf_adds(b, "table");
    for (size_t i = 0; i < t->n_columns; i++)
        put_plain(t->columns[i].name, b);
    nilo_buf_addc(b, '\n');
}

void nilo__whole_out_row(const struct nilo__whole_out *o, const struct nilo_whole_cell *cells, struct nilo_buf *b)
{
    const struct nilo_whole_table *t = &nilo_whole_tables[o->table];
    if (o->container != NILO_WHOLE_CSV) {
        begin_object(o, t->name, false, b);
        for (size_t i = 0; i < t->n_columns; i++)
            put_member(&t->columns[i], &cells[i], b);
        end_object(o, b);
        return;
    }
    nilo_buf_adds(b, t->name);
    for (size_t i = 0; i < t->n_columns; i++)
        put_cell(&t->columns[i], &cells[i], b);
    nilo_buf_addc(b, '\n');
}

void nilo__whole_out_end(const struct nilo__whole_out *o, int64_t rows, const char *sha256, struct nilo_buf *b)
{
    if (o->container == NILO_WHOLE_CSV) {
        nilo_buf_addf(b, "table,format,rows,sha256\nend,%s,%lld,%s\n", NILO_WHOLE_FORMAT, (long long)rows, sha256);
        return;
    }
    begin_object(o, "end", false, b);
    put_text_member("format", NILO_WHOLE_FORMAT, b);
    nilo_buf_addf(b, ",\"rows\":%lld", (long long)rows);
    put_text_member("sha256", sha256, b);
    end_object(o, b);
    if (o->container == NILO_WHOLE_JSON)
        nilo_buf_adds(b, "\n]\n");
}
