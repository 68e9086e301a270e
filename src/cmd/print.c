/* Printing that commands share: messages, tables of texts, JSON answers. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd_priv.h"

#define ANSWER_MOST ((size_t)64 << 20)
#define CELL_MOST   4096

/* Control characters, of ASCII and of Latin-1 in UTF-8, would move the cursor or start an escape. */
void nilo__put(FILE *to, const char *text)
{
    const unsigned char *p = (const unsigned char *)text;
    for (; *p != '\0'; p++) {
        if (p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0) {
            fputc(' ', to);
            p++;
        } else {
            fputc(*p < 0x20 || *p == 0x7f ? ' ' : *p, to);
        }
    }
}

void nilo__say(FILE *to, const char *cmd, const char *text)
{
    fprintf(to, "nilometer%s%s: ", cmd != NULL ? " " : "", cmd != NULL ? cmd : "");
    nilo__put(to, text);
    fputc('\n', to);
    fflush(to);
}

void nilo__say_text(FILE *to, const char *text)
{
    nilo__put(to, text);
    fputc('\n', to);
}

/* ---- tables --------------------------------------------------------------------------------------------------------------- */

void nilo__table_init(struct nilo__table *t, int columns, unsigned right)
{
    *t = (struct nilo__table){.columns = columns, .right = right};
}

void nilo__table_add(struct nilo__table *t, const char *cell)
{
    if (t->n == t->cap && !t->failed) {
        size_t cap = t->cap > 0 ? 2 * t->cap : 64;
        char **more = realloc(t->cells, cap * sizeof *more);
        if (more == NULL) {
            t->failed = true;
        } else {
            t->cells = more;
            t->cap = cap;
        }
    }
    char *copy = t->failed ? NULL : strdup(cell != NULL ? cell : "");
    if (copy == NULL)
        t->failed = true;
    else
        t->cells[t->n++] = copy;
}

void nilo__table_addf(struct nilo__table *t, const char *fmt, ...)
{
    char text[CELL_MOST];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    nilo__table_add(t, text);
}

/* Characters, not bytes: good enough for names in most scripts. */
static size_t width(const char *s)
{
    size_t n = 0;
    for (; *s != '\0'; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

static void print_row(const struct nilo__table *t, size_t row, const size_t *widths, FILE *out)
{
    for (int c = 0; c < t->columns; c++) {
        const char *cell = t->cells[row * (size_t)t->columns + (size_t)c];
        int pad = (int)(widths[c] - width(cell));
        bool right = (t->right >> c & 1u) != 0;
        if (c > 0)
            fputs("  ", out);
        if (right)
            fprintf(out, "%*s", pad, "");
        nilo__put(out, cell);
        if (!right && c + 1 < t->columns)
            fprintf(out, "%*s", pad, "");
    }
    fputc('\n', out);
}

int nilo__table_print(struct nilo__table *t, FILE *out, struct nilo_err *err)
{
    size_t columns = (size_t)t->columns, rows = t->n / columns;
    size_t *widths = calloc(columns, sizeof *widths);
    int rc = 0;
    if (t->failed || widths == NULL) {
        rc = nilo_err_nomem(err);
    } else {
        for (size_t i = 0; i < rows * columns; i++) {
            size_t w = width(t->cells[i]);
            if (w > widths[i % columns])
                widths[i % columns] = w;
        }
        for (size_t r = 0; r < rows; r++)
            print_row(t, r, widths, out);
    }
    free(widths);
    nilo__table_done(t);
    return rc;
}

void nilo__table_done(struct nilo__table *t)
{
    for (size_t i = 0; i < t->n; i++)
        free(t->cells[i]);
    free(t->cells);
    *t = (struct nilo__table){.columns = t->columns, .right = t->right};
}

/* ---- JSON ------------------------------------------------------------------------------------------------------------------- */

void nilo__answer_init(struct nilo__answer *a)
{
    nilo_buf_init(&a->buf, ANSWER_MOST);
    nilo_json_out_init(&a->json, &a->buf);
}

int nilo__answer_print(struct nilo__answer *a, FILE *out, struct nilo_err *err)
{
    int rc = 0;
    if (a->buf.failed) {
        rc = nilo_err_nomem(err);
    } else {
        fwrite(nilo_buf_str(&a->buf), 1, a->buf.len, out);
        fputc('\n', out);
    }
    nilo_buf_done(&a->buf);
    return rc;
}

const char *nilo__connection_state(const struct nilo_connection *c)
{
    if (c->paused_at == NILO_US_NONE)
        return c->status;
    return strcmp(c->status, "disabled") == 0 ? "disabled, paused" : "paused";
}

void nilo__json_day(struct nilo_json_out *o, nilo_day d)
{
    char text[NILO_DAY_TEXT];
    nilo_day_format(d, text);
    nilo_json_str(o, nilo_day_is_none(d) ? NULL : text);
}

void nilo__json_us(struct nilo_json_out *o, nilo_us us)
{
    char text[NILO_US_TEXT];
    nilo_us_format(us, text);
    nilo_json_str(o, us == NILO_US_NONE ? NULL : text);
}
