/* A request as one text, whichever it is: a relation with filters, or rpc/FUNCTION with its arguments, as behind /rest/v1/. */
#include <string.h>

#include "base/json.h"
#include "query/query_priv.h"

#define RPC            "rpc/"
#define ARGUMENTS_MOST 64

static int take_pair(const char *at, const char *to, bool url, struct nilo_arena *arena, struct nilo_arg *ret, struct nilo_err *err)
{
    const char *equals = memchr(at, '=', (size_t)(to - at));
    if (!equals || equals == at)
        return nilo_err_set(err, NILO_EPARSE, "\"%.*s\" is no argument; write name=value", (int)(to - at < 60 ? to - at : 60), at);
    char *name = nilo_arena_alloc(arena, (size_t)(equals - at) + 1), *value = nilo_arena_alloc(arena, (size_t)(to - equals));
    if (!name || !value)
        return nilo_err_nomem(err);
    if (nilo__decode(name, at, (size_t)(equals - at), url) == SIZE_MAX ||
        nilo__decode(value, equals + 1, (size_t)(to - equals - 1), url) == SIZE_MAX)
        return nilo_err_set(err, NILO_EPARSE, "invalid byte sequence for encoding \"UTF8\" in the request");
    *ret = (struct nilo_arg){name, value};
    return 0;
}

static int call(const char *text, const char *end, const struct nilo_request *request, struct nilo_arena *arena, struct nilo_query **ret,
                struct nilo_notes *notes, struct nilo_err *err)
{
    struct nilo_arg args[ARGUMENTS_MOST];
    size_t n = 0;
    const char *mark = memchr(text, '?', (size_t)(end - text));
    char *name = nilo_arena_strndup(arena, text, (size_t)((mark ? mark : end) - text));
    if (!name)
        return nilo_err_nomem(err);
    if (!nilo_utf8_valid(name, strlen(name), NULL))
        return nilo_err_set(err, NILO_EPARSE, "invalid byte sequence for encoding \"UTF8\" in the request");
    for (const char *at = mark ? mark + 1 : end; at < end;) {
        const char *to = memchr(at, '&', (size_t)(end - at));
        if (!to)
            to = end;
        if (n == ARGUMENTS_MOST)
            return nilo_err_set(err, NILO_EPARSE, "more than %d arguments", ARGUMENTS_MOST);
        if (to > at && take_pair(at, to, request->url, arena, &args[n++], err) < 0)
            return -1;
        at = to + 1;
    }
    return nilo_query_call(name, args, n, request, ret, notes, err);
}

int nilo_query_text(struct nilo_store *s, const char *text, size_t len, const struct nilo_request *request, struct nilo_query **ret,
                    struct nilo_notes *notes, struct nilo_err *err)
{
    struct nilo_arena arena;
    if (len < strlen(RPC) || memcmp(text, RPC, strlen(RPC)) != 0)
        return nilo_query_parse(s, text, len, request, ret, notes, err);
    if (notes)
        *notes = (struct nilo_notes){0};
    nilo_arena_init(&arena, (size_t)64 << 20);
    int rc = call(text + strlen(RPC), text + len, request, &arena, ret, notes, err);
    nilo_arena_done(&arena);
    return rc;
}
