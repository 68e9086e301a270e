/* A request as one text, whichever it is: a relation with filters, or rpc/FUNCTION with its arguments, as behind /rest/v1/. The query string of a call
 * holds arguments (where they are not in a body) and what is asked of the rows; a name is an argument where the function has one of that name. */
#include <string.h>

#include "base/json.h"
#include "query/query_priv.h"

#define RPC            "rpc/"
#define ARGUMENTS_MOST 64

struct taking {
    const struct nilo_function *f;
    bool url, body; /* body: the arguments are there */
    struct nilo_arena *arena;
    struct nilo_arg args[ARGUMENTS_MOST + 1];
    size_t n;
    struct nilo_buf shape; /* what is asked of the rows, as it came */
    struct nilo_arg unsure[ARGUMENTS_MOST]; /* columns that only the arguments bring, or names of nothing */
    size_t n_unsure;
};

static bool is_parameter(const struct nilo_function *f, const char *name)
{
    for (size_t i = 0; f && i < f->n_parameters; i++) {
        const struct nilo_parameter *p = &f->parameters[i];
        if (p->prefix ? strncmp(name, p->name, strlen(p->name)) == 0 : strcmp(name, p->name) == 0)
            return true;
    }
    return false;
}

static bool is_word(const char *name)
{
    static const char *const words[] = {"select", "order", "limit", "offset", "and", "or", "not.and", "not.or", "columns"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(name, words[i]) == 0)
            return true;
    return false;
}

/* Also "column->key". */
static size_t column_len(const char *name)
{
    const char *arrow = strstr(name, "->");
    return arrow ? (size_t)(arrow - name) : strlen(name);
}

static bool is_column(const struct nilo_function *f, const char *name)
{
    size_t len = column_len(name);
    for (size_t i = 0; f && i < f->n_columns; i++)
        if (strlen(f->columns[i].name) == len && memcmp(f->columns[i].name, name, len) == 0)
            return true;
    return false;
}

static int add_argument(struct taking *t, const char *name, const char *value, struct nilo_err *err)
{
    if (t->n == ARGUMENTS_MOST)
        return nilo_err_set(err, NILO_EPARSE, "more than %d arguments", ARGUMENTS_MOST);
    t->args[t->n++] = (struct nilo_arg){name, value};
    return 0;
}

static int take_pair(struct taking *t, const char *at, const char *to, struct nilo_err *err)
{
    const char *equals = memchr(at, '=', (size_t)(to - at));
    if (!equals || equals == at)
        return nilo_err_set(err, NILO_EPARSE, "\"%.*s\" is no argument; write name=value", (int)(to - at < 60 ? to - at : 60), at);
    char *name = nilo_arena_alloc(t->arena, (size_t)(equals - at) + 1), *value = nilo_arena_alloc(t->arena, (size_t)(to - equals));
    if (!name || !value)
        return nilo_err_nomem(err);
    if (nilo__decode(name, at, (size_t)(equals - at), t->url) == SIZE_MAX ||
        nilo__decode(value, equals + 1, (size_t)(to - equals - 1), t->url) == SIZE_MAX)
        return nilo_err_set(err, NILO_EPARSE, "invalid byte sequence for encoding \"UTF8\" in the request");
    bool parameter = !t->body && is_parameter(t->f, name);
    if (parameter || (!t->body && !is_word(name) && !is_column(t->f, name) && !(t->f && t->f->more_columns)))
        return add_argument(t, name, value, err);
    if (!t->body && !is_word(name) && !is_column(t->f, name)) {
        if (t->n_unsure == ARGUMENTS_MOST)
            return nilo_err_set(err, NILO_EPARSE, "more than %d arguments", ARGUMENTS_MOST);
        t->unsure[t->n_unsure++] = (struct nilo_arg){name, value};
    }
    nilo_buf_addc(&t->shape, '&');
    return nilo_buf_add(&t->shape, at, (size_t)(to - at)) < 0 ? nilo_err_nomem(err) : 0;
}

/* What is neither an argument nor a column is told as an argument that there is not. */
static int check_unsure(struct taking *t, const char *function, const struct nilo_query *q, const struct nilo_request *request, struct nilo_notes *notes,
                        struct nilo_err *err)
{
    for (size_t i = 0; i < t->n_unsure; i++) {
        struct nilo_query *none;
        if (q && nilo__column_find(q, t->unsure[i].name, column_len(t->unsure[i].name)))
            continue;
        t->args[t->n] = t->unsure[i];
        return nilo_query_call(function, t->args, t->n + 1, request, &none, notes, err);
    }
    return 0;
}

static int run(struct taking *t, const char *function, const char *at, const char *end, const struct nilo_request *request, struct nilo_query **ret,
               struct nilo_notes *notes, struct nilo_err *err)
{
    struct nilo_query *q = NULL;
    for (; at < end;) {
        const char *to = memchr(at, '&', (size_t)(end - at));
        if (!to)
            to = end;
        if (to > at && take_pair(t, at, to, err) < 0)
            return -1;
        at = to + 1;
    }
    if (nilo_query_call(function, t->args, t->n, request, &q, notes, err) < 0)
        return t->n_unsure && err->code != NILO_ENOMEM ? check_unsure(t, function, NULL, request, notes, err) : -1;
    int rc = check_unsure(t, function, q, request, notes, err);
    if (rc == 0)
        rc = nilo__parse_shape(q, nilo_buf_str(&t->shape), t->shape.len, notes, err);
    if (rc < 0)
        nilo_query_free(q);
    else
        *ret = q;
    return rc;
}

int nilo_query_rpc(const char *function, const char *text, size_t len, const struct nilo_arg *body, size_t n, bool in_body,
                   const struct nilo_request *request, struct nilo_query **ret, struct nilo_notes *notes, struct nilo_err *err)
{
    struct nilo_arena arena;
    if (notes)
        *notes = (struct nilo_notes){0};
    if (n > ARGUMENTS_MOST)
        return nilo_err_set(err, NILO_EPARSE, "more than %d arguments", ARGUMENTS_MOST);
    nilo_arena_init(&arena, (size_t)64 << 20);
    struct taking *t = nilo_arena_alloc(&arena, sizeof *t);
    int rc = t ? 0 : nilo_err_nomem(err);
    if (rc == 0) {
        *t = (struct taking){.f = nilo_function_find(function), .url = request->url, .body = in_body, .arena = &arena, .n = n};
        nilo_buf_init(&t->shape, NILO__TEXT_MAX);
        for (size_t i = 0; i < n; i++)
            t->args[i] = body[i];
        rc = run(t, function, text, text + len, request, ret, notes, err);
        nilo_buf_done(&t->shape);
    }
    nilo_arena_done(&arena);
    return rc;
}

int nilo_query_text(struct nilo_store *s, const char *text, size_t len, const struct nilo_request *request, struct nilo_query **ret,
                    struct nilo_notes *notes, struct nilo_err *err)
{
    size_t rpc = strlen(RPC);
    char name[200];
    if (len < rpc || memcmp(text, RPC, rpc) != 0)
        return nilo_query_parse(s, text, len, request, ret, notes, err);
    const char *mark = memchr(text, '?', len), *end = text + len;
    size_t n = (size_t)((mark ? mark : end) - text) - rpc;
    snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : sizeof name - 1), text + rpc);
    if (!nilo_utf8_valid(name, strlen(name), NULL))
        return nilo_err_set(err, NILO_EPARSE, "invalid byte sequence for encoding \"UTF8\" in the request");
    return nilo_query_rpc(name, mark ? mark + 1 : end, mark ? (size_t)(end - mark - 1) : 0, NULL, 0, false, request, ret, notes, err);
}

int nilo_query_table(const struct nilo_function *f, const char *text, size_t len, const struct nilo_request *request, struct nilo_query **ret,
                     struct nilo_notes *notes, struct nilo_err *err)
{
    struct nilo_query *q;
    if (notes)
        *notes = (struct nilo_notes){0};
    if (nilo__call_new(f, NULL, 0, request, &q, notes, err) < 0)
        return -1;
    if (nilo__parse_shape(q, text, len, notes, err) < 0) {
        nilo_query_free(q);
        return -1;
    }
    *ret = q;
    return 0;
}
