/* JSON objects out of a stream, one text each: an array of them however it is laid out, or one after the other as in NDJSON. Only brackets and
 * quotes are looked at; the parser sees each object whole. */
#include "import/import_priv.h"

#include <stdlib.h>

struct nilo__objects {
    struct nilo__input *in;
    const char *p;
    size_t left;
    struct nilo_buf text;
    int64_t line;
    bool array, over;
};

int nilo__objects_new(struct nilo__input *in, struct nilo__objects **ret, struct nilo_err *err)
{
    struct nilo__objects *o = calloc(1, sizeof *o);
    if (o == NULL)
        return nilo_err_nomem(err);
    o->in = in;
    o->line = 1;
    nilo_buf_init(&o->text, NILO_IMPORT_ROW_MAX);
    *ret = o;
    return 0;
}

void nilo__objects_large(struct nilo__objects *o, size_t most)
{
    o->text.max = most;
}

void nilo__objects_free(struct nilo__objects *o)
{
    if (o == NULL)
        return;
    nilo_buf_done(&o->text);
    free(o);
}

/* The next byte, -2 at the end, -1 error. */
static int next_byte(struct nilo__objects *o, struct nilo_err *err)
{
    if (o->left == 0 && nilo__input_read(o->in, &o->p, &o->left, err) != 0)
        return -1;
    if (o->left == 0)
        return -2;
    o->left--;
    int c = (unsigned char)*o->p++;
    o->line += c == '\n';
    return c;
}

static int wrong(const struct nilo__objects *o, const char *what, struct nilo_err *err)
{
    return nilo_err_set(err, NILO_ECORRUPT, "%s:%lld: %s", nilo__input_name(o->in), (long long)o->line, what);
}

/* What may stand between objects: blanks, and the brackets and commas of an array. 1 an object begins, 0 the end */
static int skip_between(struct nilo__objects *o, struct nilo_err *err)
{
    for (;;) {
        int c = next_byte(o, err);
        if (c == -1)
            return -1;
        if (c == -2)
            return o->array && !o->over ? wrong(o, "the file ends in the middle of its array: it is cut off", err) : 0;
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
            continue;
        if (c == '{' && !o->over)
            return 1;
        if (c == '[' && !o->array && !o->over)
            o->array = true;
        else if (c == ']' && o->array && !o->over)
            o->over = true;
        else if (c != ',' || !o->array || o->over)
            return wrong(o, "neither an object nor an array of objects", err);
    }
}

int nilo__objects_next(struct nilo__objects *o, const char **ret, size_t *ret_len, int64_t *ret_line, struct nilo_err *err)
{
    int depth = 1, got = skip_between(o, err);
    bool quoted = false, escaped = false;
    if (got <= 0)
        return got;
    *ret_line = o->line;
    nilo_buf_reset(&o->text);
    nilo_buf_addc(&o->text, '{');
    while (depth > 0) {
        int c = next_byte(o, err);
        if (c == -1)
            return -1;
        if (c == -2)
            return wrong(o, "the file ends in the middle of an object: it is cut off", err);
        if (nilo_buf_addc(&o->text, (char)c) != 0)
            return wrong(o, "an object that is too large", err);
        if (quoted) {
            quoted = escaped || c != '"';
            escaped = !escaped && c == '\\';
        } else {
            quoted = c == '"';
            depth += c == '{' || c == '[';
            depth -= c == '}' || c == ']';
        }
    }
    *ret = o->text.data;
    *ret_len = o->text.len;
    return 1;
}
