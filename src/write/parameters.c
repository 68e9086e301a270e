/* The query string of a write: taken apart here, looked into by query (select and filters). */
#include <string.h>

#include "write/write_priv.h"

#define PARAMETERS_MAX ((size_t)1 << 20)

/* ---- the query string ----------------------------------------------------------------------------------------------------------------- */

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Form encoding to text in the arena; NULL: memory ran out. */
static char *decoded(struct nilo_arena *arena, const char *p, size_t len, size_t *ret_len)
{
    char *out = nilo_arena_alloc(arena, len + 1);
    size_t n = 0;
    for (size_t i = 0; out && i < len; i++) {
        bool coded = p[i] == '%' && i + 2 < len && hex(p[i + 1]) >= 0 && hex(p[i + 2]) >= 0;
        out[n++] = coded ? (char)(16 * hex(p[i + 1]) + hex(p[i + 2])) : p[i] == '+' ? ' ' : p[i];
        i += coded ? 2 : 0;
    }
    *ret_len = n;
    return out;
}

void nilo__encode(struct nilo_buf *out, const char *p, size_t len)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
        if (plain) {
            nilo_buf_addc(out, (char)c);
        } else {
            nilo_buf_addc(out, '%');
            nilo_buf_addc(out, digits[c >> 4]);
            nilo_buf_addc(out, digits[c & 15]);
        }
    }
}

static int bad_list(const char *what, struct nilo_err *err)
{
    return nilo_err_set(err, NILO_EPARSE, "\"failed to parse %s parameter\" (line 1, column 1): names are expected, joined by commas", what);
}

/* a,"b c",d: blanks around commas are allowed. */
static int read_names(const char *what, const char *p, size_t len, struct nilo_arena *arena, struct nilo__name **ret, size_t *ret_n,
                      struct nilo_err *err)
{
    size_t n = 0, most = 1;
    for (size_t i = 0; i < len; i++)
        most += p[i] == ',';
    struct nilo__name *names = nilo_arena_array(arena, most, sizeof *names);
    if (!names)
        return nilo_err_nomem(err);
    const char *end = p + len;
    while (p < end) {
        while (p < end && (*p == ' ' || *p == '\t'))
            p++;
        bool quoted = p < end && *p == '"';
        const char *from = quoted ? ++p : p, *to = memchr(p, quoted ? '"' : ',', (size_t)(end - p));
        if (quoted && !to)
            return bad_list(what, err);
        if (!to)
            to = end;
        p = quoted ? to + 1 : to;
        while (!quoted && to > from && (to[-1] == ' ' || to[-1] == '\t'))
            to--;
        while (p < end && (*p == ' ' || *p == '\t'))
            p++;
        if (to == from || (p < end && *p++ != ','))
            return bad_list(what, err);
        names[n++] = (struct nilo__name){from, (size_t)(to - from)};
    }
    *ret = names;
    *ret_n = n;
    return 0;
}

static bool is(const char *p, size_t len, const char *word)
{
    return len == strlen(word) && memcmp(p, word, len) == 0;
}

static int take(struct nilo__parameters *ps, const char *p, size_t len, struct nilo_arena *arena, struct nilo_err *err)
{
    const char *equals = memchr(p, '=', len);
    size_t key_len, value_len;
    const char *key = decoded(arena, p, equals ? (size_t)(equals - p) : len, &key_len);
    const char *value = equals ? decoded(arena, equals + 1, len - (size_t)(equals + 1 - p), &value_len) : (value_len = 0, "");
    if (!key || !value)
        return nilo_err_nomem(err);
    if (is(key, key_len, "columns")) {
        ps->has_columns = true;
        return read_names("columns", value, value_len, arena, &ps->columns, &ps->n_columns, err);
    }
    if (is(key, key_len, "on_conflict")) {
        ps->has_conflict = true;
        return read_names("on_conflict", value, value_len, arena, &ps->conflict, &ps->n_conflict, err);
    }
    struct nilo_buf *to = is(key, key_len, "select") ? &ps->select : &ps->filter;
    if (to->len)
        nilo_buf_addc(to, '&');
    nilo_buf_add(to, p, len);
    return to->failed ? nilo_err_nomem(err) : 0;
}

int nilo__parameters_parse(const char *query, size_t len, struct nilo_arena *arena, struct nilo__parameters *ret, struct nilo_notes *notes,
                           struct nilo_err *err)
{
    (void)notes;
    *ret = (struct nilo__parameters){0};
    nilo_buf_init(&ret->select, PARAMETERS_MAX);
    nilo_buf_init(&ret->filter, PARAMETERS_MAX);
    for (size_t at = 0; at < len;) {
        const char *to = memchr(query + at, '&', len - at);
        size_t n = to ? (size_t)(to - query) - at : len - at;
        if (n && take(ret, query + at, n, arena, err) < 0)
            return -1;
        at += n + 1;
    }
    return 0;
}

void nilo__parameters_done(struct nilo__parameters *p)
{
    nilo_buf_done(&p->select);
    nilo_buf_done(&p->filter);
}
