/* What connectors do alike while a request is put together: its address, parameters, headers, form and body. */
#include "connect/connector_priv.h"

#include <assert.h>
#include <string.h>

enum { QUERY = 16, HEADERS = 4, FORM = 8 };

static void add(struct nilo_http_field *to, size_t *n, size_t room, struct nilo_http_field field)
{
    assert(*n < room);
    if (*n < room)
        to[(*n)++] = field;
}

void nilo__at(struct nilo__making *m, const char *base, const char *path, const char *purpose)
{
    m->call->http.url = path == NULL ? NULL : nilo_arena_printf(m->arena, "%s%s", base, path);
    m->call->http.loopback = nilo_http_is_loopback(base);
    m->call->http.purpose = purpose;
    m->failed = m->failed || m->call->http.url == NULL;
}

void nilo__at_setting(struct nilo__making *m, size_t setting, const char *path, const char *purpose)
{
    nilo__at(m, nilo_connector_setting(m->connector, m->ask, setting), path, purpose);
}

void nilo__add_query(struct nilo__making *m, const char *name, const char *value)
{
    add(m->query, &m->call->http.n_query, QUERY, (struct nilo_http_field){.name = name, .value = value});
    m->failed = m->failed || value == NULL;
}

void nilo__add_query_secret(struct nilo__making *m, const char *name, const char *value)
{
    if (value != NULL)
        add(m->query, &m->call->http.n_query, QUERY, (struct nilo_http_field){.name = name, .value = value, .secret = true});
}

void nilo__add_form(struct nilo__making *m, const char *name, const char *value, bool secret)
{
    if (value != NULL)
        add(m->form, &m->call->http.n_form, FORM, (struct nilo_http_field){.name = name, .value = value, .secret = secret});
}

void nilo__add_header_secret(struct nilo__making *m, const char *name, const char *before, const char *value)
{
    add(m->headers, &m->call->http.n_headers, HEADERS, (struct nilo_http_field){.name = name, .value = value, .before = before, .secret = true});
}

void nilo__add_bearer(struct nilo__making *m, const char *token)
{
    nilo__add_header_secret(m, "Authorization", "Bearer ", token);
}

void nilo__add_json_body(struct nilo__making *m, const struct nilo_buf *body)
{
    m->call->http.method = "POST";
    m->call->http.body = body->failed ? NULL : nilo_arena_strndup(m->arena, nilo_buf_str(body), body->len);
    m->call->http.n_body = body->len;
    m->failed = m->failed || m->call->http.body == NULL;
    add(m->headers, &m->call->http.n_headers, HEADERS, (struct nilo_http_field){.name = "Content-Type", .value = "application/json"});
}

int nilo__make(const struct nilo_connector *c, nilo__make_op *const by_op[NILO_OPS], int bucket, int also, const struct nilo_ask *ask, struct nilo_arena *arena,
               struct nilo_call *ret, struct nilo_err *err)
{
    const bool tokens = ask->op == NILO_OP_EXCHANGE || ask->op == NILO_OP_REFRESH;
    struct nilo_call call = {.http = {.method = "GET"}, .bucket = tokens ? -1 : bucket, .also = tokens ? -1 : also, .cost = tokens ? 0 : 1};
    struct nilo__making m = {.connector = c, .ask = ask, .arena = arena, .call = &call, .query = nilo_arena_array(arena, QUERY, sizeof(*m.query)),
                             .headers = nilo_arena_array(arena, HEADERS, sizeof(*m.headers)), .form = nilo_arena_array(arena, FORM, sizeof(*m.form))};
    if (m.query == NULL || m.headers == NULL || m.form == NULL)
        return nilo_err_nomem(err);
    if (by_op[ask->op] == NULL)
        return nilo_err_set(err, NILO_EINVAL, "%s has no %s", c->title, nilo_op_word(ask->op));
    if (by_op[ask->op](&m, err) != 0)
        return -1;
    if (m.failed)
        return nilo_err_nomem(err);
    call.http.query = m.query;
    call.http.headers = m.headers;
    call.http.form = call.http.n_form > 0 ? m.form : NULL;
    *ret = call;
    return 0;
}
