/* From a parsed head to a request that may be served: whose it is, which route takes it, whether the caller is let in. On the loop, before the
 * body is read; what is refused has its answer already. */
#include "api/loop_priv.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

/* The proxy is one of ours: what it says about its client, if that is an address. */
static void forwarded(struct nilo_exchange *x, const struct nilo_server *s)
{
    bool trusted = false;
    for (char **p = s->proxies; p != NULL && *p != NULL && !trusted; p++)
        trusted = strcmp(*p, x->address) == 0;
    const struct nilo_http_line *last = NULL, *h;
    for (int i = 0; trusted && (h = nilo_http_find(&x->head, x->bytes, "X-Forwarded-For", i)) != NULL; i++)
        last = h;
    if (last == NULL)
        return;
    const char *begin = x->bytes + last->value.at, *end = begin + last->value.n, *from = end;
    while (from > begin && from[-1] != ',')
        from--;
    while (from < end && (*from == ' ' || *from == '\t'))
        from++;
    char text[64];
    unsigned char parsed[16];
    if (end == from || (size_t)(end - from) >= sizeof(text))
        return;
    memcpy(text, from, (size_t)(end - from));
    text[end - from] = '\0';
    if (inet_pton(AF_INET, text, parsed) == 1 || inet_pton(AF_INET6, text, parsed) == 1) {
        memcpy(x->address, text, sizeof(text));
        x->flow = nilo__peer_key_of(text);
    }
}

struct nilo_exchange *nilo__request_new(struct nilo__conn *c, const char *bytes)
{
    struct nilo_server *s = c->loop->server;
    const struct nilo_http_head *h = &c->parser.head;
    struct nilo_exchange *x = nilo__exchange_new(s, c->loop);
    if (x == NULL)
        return NULL;
    x->bytes = malloc(h->size + 1u);
    x->path = malloc(h->path.n + 1u);
    if (x->bytes == NULL || x->path == NULL) {
        nilo__exchange_unref(x);
        return NULL;
    }
    memcpy(x->bytes, bytes, h->size);
    x->bytes[h->size] = '\0';
    x->head = *h;
    x->conn = c;
    x->tls = c->tls;
    x->local = !c->counted && !c->proxied;
    memcpy(x->address, c->address, sizeof(x->address));
    x->flow = c->key;
    x->begun = c->first;
    x->deadline = c->first + s->limits.deadline_us;
    x->keep_alive = h->keep_alive;
    forwarded(x, s);
    return x;
}

bool nilo__request_route(struct nilo_exchange *x)
{
    struct nilo_server *s = x->server;
    struct nilo__match m = {0};
    int n = x->head.path.n == 1 && x->bytes[x->head.path.at] == '*' ? 0 : nilo_http_path(x->bytes + x->head.path.at, x->head.path.n, x->path);
    if (n <= 0)
        snprintf(x->path, x->head.path.n + 1u, "%s", n == 0 ? "*" : "");
    else
        nilo__route_find(s->routes, s->n_routes, x->head.method, x->path, &m);
    struct nilo_buf allow;
    nilo_buf_init(&allow, 256);
    x->route = m.route;
    if (m.route == NULL)
        nilo__allow(n == 0 ? NILO_METHODS_ALL : m.allowed, &allow);
    if (m.route == NULL && x->head.method == NILO_OPTIONS && (n == 0 || m.allowed != 0)) {
        nilo_answer_header(x, "Allow", "%s", nilo_buf_str(&allow));
    } else if (m.route == NULL && m.allowed != 0) {
        nilo_answer_error(x, 405, "PGRST117", "this path does not take the method", nilo_buf_str(&allow), "use one of the methods in details");
        nilo_answer_header(x, "Allow", "%s", nilo_buf_str(&allow));
    } else if (m.route == NULL) {
        nilo_answer_error(x, 404, "PGRST125", n < 0 ? "the path is not canonical: dots, empty segments and encoded slashes are not taken"
                                                     : "there is nothing under this path", NULL, NULL);
    }
    nilo_buf_done(&allow);
    for (int i = 0; i < m.n_segments && m.route != NULL; i++) {
        x->segments[i] = nilo_arena_strndup(&x->arena, x->path + m.segments[i].at, m.segments[i].n);
        if (x->segments[i] == NULL)
            return nilo_answer_error(x, 500, "53200", "out of memory", NULL, NULL) != 0;
        x->n_segments = i + 1;
    }
    return m.route != NULL;
}

bool nilo__request_admit(struct nilo_exchange *x)
{
    struct nilo_server *s = x->server;
    struct nilo_err err = {0};
    int rc = 0;
    if (x->route->who == NILO_WHO_EVERYONE)
        return true;
    if (s->hooks.admit == NULL) {
        nilo_answer_error(x, 401, "PGRST302", "nobody is let in here: the server knows no credentials", NULL, NULL);
        return false;
    }
    rc = s->hooks.admit(s->hooks.ctx, x, &err);
    if (rc == -1)
        nilo_answer_error(x, nilo_code_http(err.code), nilo_code_sqlstate(err.code), err.msg, NULL, NULL);
    return rc == 0;
}
