/* Calls of functions that read: arguments from the query string or from the body. What is asked of the rows is query's (shape.c). */
#include <stdlib.h>
#include <string.h>

#include "api/rest_priv.h"
#include "api/rest_read.h"
#include "base/json.h"

#define ARGUMENTS_MAX 64

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

/* ---- the call --------------------------------------------------------------------------------------------------------------------------------- */

static int parse_call(struct nilo__reading *r, struct nilo_err *err)
{
    const char *name = nilo_rest_name(r->x), *query;
    const struct nilo_function *f = nilo_function_find(name);
    struct arguments a = {.arena = nilo_req_arena(r->x)};
    bool post = nilo_req_method(r->x) == NILO_POST;
    size_t n;
    if (f != NULL && f->writes && !post)
        return refuse_writing(r, f);
    if (post && arguments_of_body(r, &a, err) != 0)
        return -1;
    query = nilo_req_query(r->x, &n);
    return nilo_query_rpc(name, query, n, a.list, a.n, post, &r->request, &r->query, &r->notes, err);
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
