/* Calls of functions that read: arguments from the query string or from the body, and what the clients may ask of the rows (select, limit, offset). */
#include <stdlib.h>
#include <string.h>

#include "api/rest_priv.h"
#include "api/rest_read.h"
#include "base/json.h"

#define ARGUMENTS_MAX 64
#define SELECT_MAX    200

struct arguments {
    struct nilo_arg list[ARGUMENTS_MAX];
    size_t n;
    struct nilo_arena *arena;
};

static int add_argument(struct arguments *a, const char *name, size_t name_n, const char *value, size_t value_n, struct nilo_err *err)
{
    if (a->n == ARGUMENTS_MAX)
        return nilo_err_set(err, NILO_EPARSE, "more than %d arguments", ARGUMENTS_MAX);
    struct nilo_arg *arg = &a->list[a->n++];
    arg->name = nilo_arena_strndup(a->arena, name, name_n);
    arg->value = value != NULL ? nilo_arena_strndup(a->arena, value, value_n) : NULL;
    return arg->name == NULL || (value != NULL && arg->value == NULL) ? nilo_err_nomem(err) : 0;
}

/* One member of the body: scalars as their text, what is structured as JSON. */
static int take_member(struct nilo_json *j, const char *name, size_t name_n, struct arguments *a, struct nilo_err *err)
{
    enum nilo_json_event event;
    const char *text, *raw;
    size_t n, raw_n;
    char *key = nilo_arena_strndup(a->arena, name, name_n);
    if (key == NULL)
        return nilo_err_nomem(err);
    if (nilo_json_raw(j, &raw, &raw_n, err) != 0)
        return -1;
    if (raw_n > 0 && (raw[0] == '{' || raw[0] == '['))
        return add_argument(a, key, name_n, raw, raw_n, err);
    struct nilo_json *one;
    if (nilo_json_new(raw, raw_n, NILO_JSON_DEFAULT_LIMITS, &one, err) != 0)
        return -1;
    int rc = nilo_json_next(one, &event, &text, &n, err);
    if (rc == 0)
        rc = add_argument(a, key, name_n, event == NILO_JSON_NULL ? NULL : text, n, err);
    nilo_json_free(one);
    return rc;
}

static int take_object(struct nilo_json *j, struct arguments *a, struct nilo_err *err)
{
    enum nilo_json_event event;
    const char *text;
    size_t n;
    if (nilo_json_next(j, &event, &text, &n, err) != 0)
        return -1;
    if (event != NILO_JSON_OBJECT_BEGIN)
        return nilo_err_set(err, NILO_EBODY, "the body has to be a JSON object with the arguments");
    while (nilo_json_next(j, &event, &text, &n, err) == 0) {
        if (event == NILO_JSON_OBJECT_END)
            return nilo_json_next(j, &event, &text, &n, err); /* and nothing behind it */
        if (take_member(j, text, n, a, err) != 0)
            return -1;
    }
    return -1;
}

/* Bodies that cannot be read have one message in the dialect; what is wrong where goes into the details. */
static int bad_body(struct nilo__reading *r, struct nilo_err *err)
{
    if (err->code != NILO_EBODY)
        return -1;
    snprintf(r->notes.details, sizeof(r->notes.details), "%.250s", err->msg);
    return nilo_err_set(err, NILO_EBODY, "Empty or invalid json");
}

static int arguments_of_body(struct nilo__reading *r, struct arguments *a, struct nilo_err *err)
{
    struct nilo_json *j;
    size_t n;
    const char *body = nilo_req_body(r->x, &n);
    if (n == 0)
        return 0;
    if (nilo_json_new(body, n, NILO_JSON_DEFAULT_LIMITS, &j, err) != 0)
        return bad_body(r, err);
    int rc = take_object(j, a, err);
    nilo_json_free(j);
    return rc == 0 ? 0 : bad_body(r, err);
}

/* "cannot execute X in a read-only transaction" is what PostgREST's callers know. 1: answered */
static int refuse_writing(struct nilo__reading *r, const struct nilo_function *f)
{
    char message[160];
    snprintf(message, sizeof(message), "cannot execute %.80s in a read-only transaction", f->name);
    nilo_answer_error(r->x, 405, "25006", message, "the function writes", "call it with POST");
    nilo_answer_header(r->x, "Allow", "POST, OPTIONS");
    return 1;
}

/* ---- what is asked of the rows --------------------------------------------------------------------------------------------------------------- */

struct shaping {
    const char *select; /* decoded; NULL = all columns */
    int64_t limit, offset;
    bool any;
};

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : -1;
}

static char *decode(struct nilo_arena *arena, const char *p, size_t n)
{
    char *out = nilo_arena_alloc(arena, n + 1);
    size_t k = 0;
    for (size_t i = 0; out != NULL && i < n; i++) {
        bool coded = p[i] == '%' && i + 2 < n && hex(p[i + 1]) >= 0 && hex(p[i + 2]) >= 0;
        out[k++] = coded ? (char)(hex(p[i + 1]) * 16 + hex(p[i + 2])) : p[i] == '+' ? ' ' : p[i];
        i += coded ? 2 : 0;
    }
    return out;
}

static int whole_number(const char *name, const char *text, int64_t *ret, struct nilo_err *err)
{
    bool negative = text[0] == '-';
    size_t digits = strspn(text + negative, "0123456789");
    if (digits == 0 || digits > 18 || text[negative + digits] != '\0')
        return nilo_err_set(err, NILO_EPARSE, "\"failed to parse %s parameter (%.60s)\" (line 1, column 1)", name, text);
    *ret = strtoll(text, NULL, 10);
    return 0;
}

/* One of the words that ask something of the rows? 1: yes, taken; 0: it is none */
static int take_word(struct shaping *s, const char *name, const char *value, struct nilo_err *err)
{
    if (strcmp(name, "columns") == 0)
        return 1;
    if (strcmp(name, "order") == 0)
        return nilo_err_set(err, NILO_EPARSE, "the rows of a function come in their own order; order is for tables");
    if (strcmp(name, "select") == 0)
        s->select = value;
    else if (strcmp(name, "limit") == 0 && whole_number(name, value, &s->limit, err) != 0)
        return -1;
    else if (strcmp(name, "offset") == 0 && whole_number(name, value, &s->offset, err) != 0)
        return -1;
    else if (strcmp(name, "limit") != 0 && strcmp(name, "offset") != 0)
        return 0;
    if (s->limit < -1 || (strcmp(name, "limit") == 0 && s->limit < 0))
        return nilo_err_set(err, NILO_ERANGE, "Requested range not satisfiable: the limit is negative");
    s->any = true;
    return 1;
}

static bool has_parameter(const struct nilo_function *f, const char *name)
{
    for (size_t i = 0; f != NULL && i < f->n_parameters; i++) {
        if (strcmp(f->parameters[i].name, name) == 0)
            return true;
    }
    return false;
}

/* The query string: words that ask something of the rows into s; all else is an argument (GET) or a mistake (POST). */
static int take_query(struct nilo__reading *r, const struct nilo_function *f, struct arguments *a, struct shaping *s, struct nilo_err *err)
{
    size_t n;
    const char *query = nilo_req_query(r->x, &n);
    bool post = nilo_req_method(r->x) == NILO_POST;
    for (const char *at = query, *end = query + n; at < end;) {
        const char *to = memchr(at, '&', (size_t)(end - at));
        if (to == NULL)
            to = end;
        const char *equals = memchr(at, '=', (size_t)(to - at));
        if (to > at && (equals == NULL || equals == at))
            return nilo_err_set(err, NILO_EPARSE, "\"%.*s\" is no argument; write name=value", (int)(to - at < 60 ? to - at : 60), at);
        if (to > at) {
            char *name = decode(a->arena, at, (size_t)(equals - at)), *value = decode(a->arena, equals + 1, (size_t)(to - equals - 1));
            if (name == NULL || value == NULL)
                return nilo_err_nomem(err);
            if (!nilo_utf8_valid(name, strlen(name), NULL) || !nilo_utf8_valid(value, strlen(value), NULL))
                return nilo_err_set(err, NILO_EPARSE, "invalid byte sequence for encoding \"UTF8\" in the request");
            int taken = !post && has_parameter(f, name) ? 0 : take_word(s, name, value, err);
            if (taken < 0)
                return -1;
            if (taken == 0 && post)
                return nilo_err_set(err, NILO_EPARSE, "the rows of a function cannot be filtered by %.60s; its arguments go into the body", name);
            if (taken == 0 && add_argument(a, name, strlen(name), value, strlen(value), err) != 0)
                return -1;
        }
        at = to + 1;
    }
    return 0;
}

static int find_column(const struct nilo_out_column *columns, size_t n, const char *p, size_t len)
{
    for (size_t i = 0; i < n; i++) {
        if (strlen(columns[i].name) == len && memcmp(columns[i].name, p, len) == 0)
            return (int)i;
    }
    return -1;
}

/* Column names between commas, or *. */
static int select_columns(struct nilo__reading *r, const char *select, struct nilo__shape *shape, struct nilo_err *err)
{
    size_t n;
    const struct nilo_out_column *all = nilo_query_columns(r->query, &n);
    struct nilo_out_column *columns = nilo_arena_array(nilo_req_arena(r->x), n + SELECT_MAX + 1, sizeof(*columns));
    size_t *from = nilo_arena_array(nilo_req_arena(r->x), n + SELECT_MAX + 1, sizeof(*from));
    if (columns == NULL || from == NULL)
        return nilo_err_nomem(err);
    for (const char *at = select != NULL ? select : "*"; *at != '\0';) {
        size_t len = strcspn(at, ","), from_n = strspn(at, " \t");
        const char *p = at + (from_n < len ? from_n : len);
        size_t word = len - (size_t)(p - at);
        while (word > 0 && (p[word - 1] == ' ' || p[word - 1] == '\t'))
            word--;
        int found = find_column(all, n, p, word);
        bool star = word == 1 && *p == '*';
        if (!star && found < 0)
            return nilo_err_set(err, NILO_ECOLUMN, "column %s.%.*s does not exist", nilo_query_function(r->query)->name, (int)(word < 100 ? word : 100), p);
        for (size_t i = 0; i < (star ? n : 1) && shape->n < n + SELECT_MAX; i++) {
            from[shape->n] = star ? i : (size_t)found;
            columns[shape->n] = all[from[shape->n]];
            shape->n++;
        }
        at += len + (at[len] == ',');
    }
    shape->from = from;
    shape->columns = columns;
    return 0;
}

void nilo__shape_head(const struct nilo__shape *shape, struct nilo_head *head)
{
    head->columns = shape->columns;
    head->n = shape->n;
    head->offset = shape->offset;
}

static int put_shape(struct nilo__reading *r, struct shaping *s, struct nilo_err *err)
{
    if (r->request.range_first >= 0) {
        s->any = true;
        s->offset = r->request.range_first;
        s->limit = r->request.range_last >= 0 ? r->request.range_last - r->request.range_first + 1 : -1;
    }
    if (!s->any)
        return 0;
    struct nilo__shape *shape = nilo_arena_alloc(nilo_req_arena(r->x), sizeof(*shape));
    if (shape == NULL)
        return nilo_err_nomem(err);
    shape->limit = s->limit;
    shape->offset = s->offset > 0 ? s->offset : 0;
    r->shape = shape;
    return select_columns(r, s->select, shape, err);
}

/* ---- the call --------------------------------------------------------------------------------------------------------------------------------- */

static int parse_call(struct nilo__reading *r, struct nilo_err *err)
{
    const char *name = nilo_rest_name(r->x);
    const struct nilo_function *f = nilo_function_find(name);
    struct arguments a = {.arena = nilo_req_arena(r->x)};
    struct shaping s = {.limit = -1};
    bool post = nilo_req_method(r->x) == NILO_POST;
    if (f != NULL && f->writes && !post)
        return refuse_writing(r, f);
    if (take_query(r, f, &a, &s, err) != 0 || (post && arguments_of_body(r, &a, err) != 0) ||
        nilo_query_call(name, a.list, a.n, &r->request, &r->query, &r->notes, err) != 0)
        return -1;
    return put_shape(r, &s, err);
}

int nilo_rest_call(struct nilo_exchange *x, struct nilo_err *err)
{
    return nilo__rest_read_with(x, parse_call, err);
}

int nilo_rest_call_wrong(struct nilo_exchange *x, struct nilo_err *err)
{
    char message[80];
    (void)err;
    snprintf(message, sizeof(message), "Cannot use the %s method on RPC", nilo_method_name(nilo_req_method(x)));
    nilo_answer_error(x, 405, "PGRST101", message, NULL, NULL);
    nilo_answer_header(x, "Allow", "GET, HEAD, POST, OPTIONS");
    return 0;
}
