/* See book.h. Lists in the order of their ids, searched by halves. */
#include "api/book.h"

#include <stdlib.h>
#include <string.h>

struct nilo_book {
    struct nilo_arena arena;
    struct nilo_access access;
};

int nilo_book_new(struct nilo_store *s, struct nilo_book **ret, struct nilo_err *err)
{
    struct nilo_book *b = calloc(1, sizeof(*b));
    if (b == NULL)
        return nilo_err_nomem(err);
    nilo_arena_init(&b->arena, 0);
    if (nilo_store_access(s, &b->arena, &b->access, err) != 0) {
        nilo_book_free(b);
        return -1;
    }
    *ret = b;
    return 0;
}

void nilo_book_free(struct nilo_book *b)
{
    if (b == NULL)
        return;
    nilo_arena_done(&b->arena);
    free(b);
}

int64_t nilo_book_changes(const struct nilo_book *b)
{
    return b->access.changes;
}

/* ---- asking --------------------------------------------------------------------------------------------------------------------------------- */

static int by_id(const void *id, const void *key)
{
    return strcmp(id, ((const struct nilo_access_key *)key)->id);
}

static bool copy_workspaces(const struct nilo_access_key *from, struct nilo_arena *arena, struct nilo_api_key *to)
{
    const char **names = nilo_arena_array(arena, from->n_workspaces + 1, sizeof(*names));
    for (size_t i = 0; names != NULL && i < from->n_workspaces; i++) {
        names[i] = nilo_arena_strdup(arena, from->workspaces[i]);
        if (names[i] == NULL)
            return false;
    }
    to->workspaces = names;
    to->n_workspaces = from->n_workspaces;
    return names != NULL;
}

static const struct nilo_api_key *find(void *ctx, const char *id, struct nilo_arena *arena)
{
    const struct nilo_book *b = ctx;
    const struct nilo_access_key *k = bsearch(id, b->access.keys, b->access.n_keys, sizeof(*k), by_id);
    struct nilo_api_key *copy = k != NULL ? nilo_arena_alloc(arena, sizeof(*copy)) : NULL;
    if (copy == NULL || strlen(k->id) >= sizeof(copy->id) || strlen(k->hashed_by) >= sizeof(copy->hashed_by) || !copy_workspaces(k, arena, copy))
        return NULL;
    memcpy(copy->id, k->id, strlen(k->id) + 1);
    memcpy(copy->hashed_by, k->hashed_by, strlen(k->hashed_by) + 1);
    memcpy(copy->hash, k->hash, sizeof(copy->hash));
    copy->role = k->role;
    copy->expires_at = k->expires_at;
    copy->revoked = k->revoked_at != NILO_US_NONE;
    copy->workspaces_said = k->workspaces_said;
    return copy;
}

static int by_kind_and_id(const void *a, const void *b)
{
    const struct nilo_access_revoked *x = a, *y = b;
    return x->kind != y->kind ? (x->kind > y->kind) - (x->kind < y->kind) : strcmp(x->id, y->id);
}

static bool has(const struct nilo_book *b, enum nilo_revoked_kind kind, const char *id)
{
    const struct nilo_access_revoked wanted = {.kind = kind, .id = id};
    return id != NULL && bsearch(&wanted, b->access.revoked, b->access.n_revoked, sizeof(wanted), by_kind_and_id) != NULL;
}

static bool revoked(void *ctx, const char *jti, const char *sub)
{
    return has(ctx, NILO_REVOKED_TOKEN, jti) || has(ctx, NILO_REVOKED_USER, sub);
}

static int by_name(const void *name, const void *at)
{
    return strcmp(name, *(const char *const *)at);
}

static bool disabled(void *ctx, const char *workspace)
{
    const struct nilo_book *b = ctx;
    return workspace == NULL ? b->access.all_closed : bsearch(workspace, b->access.closed, b->access.n_closed, sizeof(char *), by_name) != NULL;
}

struct nilo_credential_book nilo_book_view(const struct nilo_book *b)
{
    if (b == NULL)
        return (struct nilo_credential_book){0};
    return (struct nilo_credential_book){.ctx = (void *)(uintptr_t)b, .find = find, .revoked = revoked, .disabled = disabled};
}
