/* Values: how a cell is spelled, patterns of like, keys of JSON documents, conditions decided row by row. */
#include <ctype.h>
#include <string.h>

#include "base/json.h"
#include "query/query_priv.h"

/* ---- spelling ------------------------------------------------------------------------------------------------------------------- */

struct nilo_datum nilo_datum_str(const char *s)
{
    return (struct nilo_datum){.type = NILO_T_TEXT, .null = !s, .p = s, .len = s ? strlen(s) : 0};
}

const char *nilo_datum_text(const struct nilo_datum *d, char out[NILO_DATUM_MAX], size_t *ret_len)
{
    out[0] = '\0';
    *ret_len = 0;
    if (d->null)
        return out;
    switch (d->type) {
    case NILO_T_INT:
        *ret_len = nilo_decimal_format(d->i, 0, true, out);
        return out;
    case NILO_T_DECIMAL:
        *ret_len = nilo_decimal_format(d->i, d->scale, true, out);
        return out;
    case NILO_T_DAY:
        nilo_day_format(NILO_DAY((int32_t)d->i), out);
        break;
    case NILO_T_TIME:
        nilo_us_format((nilo_us)d->i, out);
        break;
    case NILO_T_BOOL:
        memcpy(out, d->i ? "true" : "false", d->i ? 5 : 6);
        break;
    default:
        *ret_len = d->len;
        return d->p;
    }
    *ret_len = strlen(out);
    return out;
}

/* ---- like ------------------------------------------------------------------------------------------------------------------------ */

/* The next token of a pattern: % any run, _ one character, \x the character x. */
static enum nilo__token next_token(struct nilo__text p, size_t *at, char *ret)
{
    char c = p.p[(*at)++];
    if (c == '%')
        return NILO__ANY;
    if (c == '_')
        return NILO__ONE;
    if (c == '\\' && *at < p.len)
        c = p.p[(*at)++];
    *ret = c;
    return NILO__CHAR;
}

bool nilo__like_ok(struct nilo__text pattern)
{
    size_t at = 0;
    while (at < pattern.len) {
        if (pattern.p[at] == '\\' && at + 1 == pattern.len)
            return false;
        at += pattern.p[at] == '\\' ? 2 : 1;
    }
    return true;
}

static char folded(char c, bool fold)
{
    return fold && c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

char *nilo__like_sql(struct nilo_arena *arena, struct nilo__text pattern, bool glob, bool fold)
{
    char *out = nilo_arena_alloc(arena, 3 * pattern.len + 1), c = 0;
    size_t n = 0;
    for (size_t at = 0; out && at < pattern.len;) {
        enum nilo__token t = next_token(pattern, &at, &c);
        if (t != NILO__CHAR) {
            out[n++] = t == NILO__ANY ? (glob ? '*' : '%') : glob ? '?' : '_';
            continue;
        }
        c = folded(c, fold);
        bool special = strchr(glob ? "*?[" : "%_\\", c) != NULL;
        if (special)
            out[n++] = glob ? '[' : '\\';
        out[n++] = c;
        if (special && glob)
            out[n++] = ']';
    }
    return out;
}

static size_t utf8_len(const char *s, size_t len)
{
    size_t n = 1;
    while (n < len && ((unsigned char)s[n] & 0xc0) == 0x80)
        n++;
    return n;
}

/* Back to the last % only: earlier ones need no second try. */
bool nilo__like_match(struct nilo__text pattern, const char *s, size_t len, bool fold)
{
    size_t at = 0, i = 0, star = SIZE_MAX, from = 0;
    for (;;) {
        size_t next = at;
        char c = 0;
        bool end = at == pattern.len;
        enum nilo__token t = end ? NILO__CHAR : next_token(pattern, &next, &c);
        if (!end && t == NILO__ANY) {
            star = at = next;
            from = i;
        } else if (!end && i < len && t == NILO__ONE) {
            at = next;
            i += utf8_len(s + i, len - i);
        } else if (!end && i < len && folded(c, fold) == folded(s[i], fold)) {
            at = next;
            i++;
        } else if (end && i == len) {
            return true;
        } else if (star == SIZE_MAX || from >= len) {
            return false;
        } else {
            from += utf8_len(s + from, len - from);
            i = from;
            at = star;
        }
    }
}

/* ---- keys of documents -------------------------------------------------------------------------------------------------------------- */

static bool to_index(struct nilo__text step, size_t *ret)
{
    *ret = 0;
    for (size_t i = 0; i < step.len; i++) {
        if (!isdigit((unsigned char)step.p[i]) || i > 6)
            return false;
        *ret = *ret * 10 + (size_t)(step.p[i] - '0');
    }
    return step.len > 0;
}

/* Steps into the object ahead. 1: the parser stands before the value sought, 0: there is none, -1 error */
static int descend(struct nilo_json *j, struct nilo__text step, struct nilo_err *err)
{
    enum nilo_json_event event;
    const char *text;
    size_t len;
    if (nilo_json_next(j, &event, &text, &len, err) < 0)
        return -1;
    if (event != NILO_JSON_OBJECT_BEGIN)
        return 0;
    for (;;) {
        if (nilo_json_next(j, &event, &text, &len, err) < 0)
            return -1;
        if (event != NILO_JSON_KEY)
            return 0;
        if (len == step.len && memcmp(text, step.p, len) == 0)
            return 1;
        if (nilo_json_skip(j, err) < 0)
            return -1;
    }
}

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The text of an array's element; json begins with the bracket. The parser gives no raw text of a first element, so commas outside of
 * strings and brackets are looked for here. */
static bool element(const char *json, size_t len, size_t index, const char **ret, size_t *ret_len)
{
    size_t from = 1;
    int depth = 0;
    bool string = false;
    for (size_t i = 1; i < len; i++) {
        char c = json[i];
        if (string) {
            i += c == '\\';
            string = c != '"';
        } else if (c == '"') {
            string = true;
        } else if (c == '[' || c == '{') {
            depth++;
        } else if (depth > 0) {
            depth -= c == ']' || c == '}';
        } else if (c == ',' || c == ']') {
            if (index == 0) {
                while (from < i && blank(json[from]))
                    from++;
                while (i > from && blank(json[i - 1]))
                    i--;
                *ret = json + from;
                *ret_len = i - from;
                return i > from; /* [] has none */
            }
            index--;
            from = i + 1;
        }
    }
    return false;
}

/* The raw text of one step's value. 1 found, 0 not, -1 error */
static int find(const char *json, size_t len, struct nilo__text step, const char **ret, size_t *ret_len,
                struct nilo_err *err)
{
    struct nilo_json *j;
    size_t index;
    if (len && *json == '[')
        return to_index(step, &index) && element(json, len, index, ret, ret_len);
    if (nilo_json_new(json, len, NILO_JSON_DEFAULT_LIMITS, &j, err) < 0)
        return -1;
    int rc = descend(j, step, err);
    if (rc == 1 && nilo_json_raw(j, ret, ret_len, err) < 0)
        rc = -1;
    nilo_json_free(j);
    return rc;
}

static int unquoted(const char *raw, size_t len, struct nilo_buf *scratch, struct nilo_datum *ret, struct nilo_err *err)
{
    struct nilo_json *j;
    enum nilo_json_event event;
    const char *text;
    size_t n;
    if (nilo_json_new(raw, len, NILO_JSON_DEFAULT_LIMITS, &j, err) < 0)
        return -1;
    int rc = nilo_json_next(j, &event, &text, &n, err);
    nilo_buf_reset(scratch);
    if (rc == 0 && nilo_buf_add(scratch, text, n) < 0)
        rc = nilo_err_nomem(err);
    nilo_json_free(j);
    if (rc == 0)
        *ret = (struct nilo_datum){.type = NILO_T_TEXT, .p = nilo_buf_str(scratch), .len = scratch->len};
    return rc;
}

int nilo__json_at(const char *json, size_t len, const struct nilo__path *path, struct nilo_buf *scratch,
                  struct nilo_datum *ret, struct nilo_err *err)
{
    *ret = (struct nilo_datum){.type = path->text ? NILO_T_TEXT : NILO_T_JSON, .null = true};
    for (int i = 0; i < path->n; i++) {
        while (len && blank(*json))
            json++, len--;
        int rc = find(json, len, path->step[i], &json, &len, err);
        if (rc <= 0)
            return rc;
    }
    if (len == 4 && memcmp(json, "null", 4) == 0)
        return 0;
    if (path->text && len && *json == '"')
        return unquoted(json, len, scratch, ret, err);
    ret->null = false;
    ret->p = json;
    ret->len = len;
    return 0;
}

/* ---- comparing ------------------------------------------------------------------------------------------------------------------------- */

static int compare_bytes(const char *a, size_t n, const char *b, size_t m)
{
    size_t least = n < m ? n : m;
    int c = least ? memcmp(a, b, least) : 0;
    return c ? c : (n > m) - (n < m);
}

int nilo__datum_compare(const struct nilo_datum *a, const struct nilo_datum *b)
{
    if (a->p || b->p)
        return compare_bytes(a->p, a->len, b->p, b->len);
    int x = a->type == NILO_T_DECIMAL ? a->scale : 0, y = b->type == NILO_T_DECIMAL ? b->scale : 0;
    nilo_i128 p = nilo_pow10(x), q = nilo_pow10(y), whole_a = a->i / p, whole_b = b->i / q;
    if (whole_a != whole_b)
        return whole_a < whole_b ? -1 : 1;
    nilo_i128 rest_a = a->i % p * q, rest_b = b->i % q * p; /* below 10^18 */
    return (rest_a > rest_b) - (rest_a < rest_b);
}

/* Hexadecimal digits in lower case without dashes. */
static size_t plain_uuid(const char *s, size_t len, char out[33])
{
    size_t n = 0;
    for (size_t i = 0; i < len && n < 32; i++)
        if (s[i] != '-')
            out[n++] = (char)tolower((unsigned char)s[i]);
    out[n] = '\0';
    return n;
}

static struct nilo__text trim(struct nilo__text t)
{
    while (t.len && (*t.p == ' ' || *t.p == '\t'))
        t.p++, t.len--;
    while (t.len && (t.p[t.len - 1] == ' ' || t.p[t.len - 1] == '\t'))
        t.len--;
    return t;
}

bool nilo__true_word(struct nilo__text v)
{
    return v.len && (strchr("tTyY1", *v.p) || (v.len == 2 && (v.p[1] | 0x20) == 'n'));
}

/* A literal that was checked when it was parsed, against a number: its floor at the number's own scale decides. */
static int compare_number(const struct nilo_datum *d, struct nilo__text v)
{
    int64_t floor;
    bool exact;
    if (nilo_decimal_bound(v.p, v.len, d->type == NILO_T_DECIMAL ? d->scale : 0, &floor, &exact, NULL) < 0)
        return 1;
    if (d->i != floor)
        return d->i < floor ? -1 : 1;
    return exact ? 0 : -1;
}

static int compare(const struct nilo_datum *d, struct nilo__text v)
{
    char a[33], b[33];
    struct nilo_iso iso = {0};
    struct nilo__text t = trim(v);
    switch (d->type) {
    case NILO_T_UUID:
        plain_uuid(d->p, d->len, a);
        plain_uuid(v.p, v.len, b);
        return strcmp(a, b);
    case NILO_T_INT:
    case NILO_T_DECIMAL:
        return compare_number(d, t);
    case NILO_T_DAY:
    case NILO_T_TIME:
        nilo_iso_parse(t.p, t.len, &iso, NULL);
        return (d->i > (d->type == NILO_T_DAY ? iso.day.n : iso.us)) - (d->i < (d->type == NILO_T_DAY ? iso.day.n : iso.us));
    case NILO_T_BOOL:
        return (int)d->i - (int)nilo__true_word(v);
    default:
        return compare_bytes(d->p, d->len, v.p, v.len);
    }
}

/* Is it one of the array's texts? */
static int has_owner(const struct nilo_datum *d, struct nilo__text v, struct nilo_err *err)
{
    struct nilo_json *j;
    enum nilo_json_event event;
    const char *text;
    size_t n;
    if (nilo_json_new(d->p, d->len, NILO_JSON_DEFAULT_LIMITS, &j, err) < 0)
        return -1;
    int rc = nilo_json_next(j, &event, &text, &n, err), found = 0;
    while (rc == 0 && (rc = nilo_json_next(j, &event, &text, &n, err)) == 0 && event == NILO_JSON_STRING)
        found |= n == v.len && memcmp(text, v.p, n) == 0;
    nilo_json_free(j);
    return rc < 0 ? -1 : found;
}

/* ---- conditions, row by row ------------------------------------------------------------------------------------------------------------- */

#define UNKNOWN 2 /* null */

static int one(const struct nilo__node *n, const struct nilo_datum *d, struct nilo__text v, struct nilo_err *err)
{
    if (n->column->form == NILO_F_OWNERS && n->path.n == 0) {
        int found = has_owner(d, v, err);
        return found < 0 ? -1 : n->op == NILO__NEQ ? !found : found;
    }
    switch (n->op) {
    case NILO__NEQ:
        return compare(d, v) != 0;
    case NILO__GT:
        return compare(d, v) > 0;
    case NILO__GTE:
        return compare(d, v) >= 0;
    case NILO__LT:
        return compare(d, v) < 0;
    case NILO__LTE:
        return compare(d, v) <= 0;
    case NILO__LIKE:
    case NILO__ILIKE:
        return nilo__like_match(v, d->p, d->len, n->op == NILO__ILIKE);
    default:
        return compare(d, v) == 0;
    }
}

static int of_datum(const struct nilo__node *n, const struct nilo_datum *d, struct nilo_err *err)
{
    if (n->op == NILO__IS && (n->is == NILO__IS_TRUE || n->is == NILO__IS_FALSE))
        return !d->null && (d->i != 0) == (n->is == NILO__IS_TRUE);
    if (n->op == NILO__IS)
        return d->null == (n->is != NILO__IS_NOT_NULL);
    if (n->op == NILO__ISDISTINCT)
        return d->null || compare(d, n->values[0]) != 0;
    if (d->null)
        return UNKNOWN;
    int result = n->all;
    for (size_t i = 0; i < n->n_values; i++) {
        int is = one(n, d, n->values[i], err);
        if (is < 0)
            return -1;
        result = n->all ? result && is : result || is;
    }
    return result;
}

/* 0, 1, UNKNOWN as SQL has it, or -1 */
static int truth(const struct nilo__node *n, nilo__value_fn *value, void *ctx, struct nilo_err *err)
{
    int result;
    if (n->kind == NILO__COMPARE) {
        struct nilo_datum d;
        result = value(ctx, n->column, &n->path, &d, err) < 0 ? -1 : of_datum(n, &d, err);
    } else {
        int ends = n->kind == NILO__OR; /* what decides it at once */
        result = !ends;
        for (const struct nilo__node *c = n->first; c && result != ends; c = c->next) {
            int is = truth(c, value, ctx, err);
            if (is < 0)
                return -1;
            result = is == ends ? ends : is == UNKNOWN ? UNKNOWN : result;
        }
    }
    return result < 0 || result == UNKNOWN ? result : result != n->not ;
}

int nilo__holds(const struct nilo__node *n, nilo__value_fn *value, void *ctx, struct nilo_err *err)
{
    int result = truth(n, value, ctx, err);
    return result == UNKNOWN ? 0 : result;
}
