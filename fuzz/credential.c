/* Headers and query with credentials: first line Authorization, second apikey, third the query. Nothing but the one key and the one token that are good lets
 * anybody in, however they are put together. */
#include <string.h>

#include "api/credential.h"
#include "fuzz.h"

static const char good_key[] = "nilo_user_000000000000_" "0000000000000000000000000000000000000000000";

static const struct nilo_api_key *find(void *ctx, const char *id, struct nilo_arena *arena)
{
    (void)ctx, (void)arena;
    static const struct nilo_api_key kept = {.id = "000000000000", .role = NILO_ROLE_AUTHENTICATED, .hashed_by = "0000000000000000", .expires_at = NILO_US_NONE};
    return strcmp(id, kept.id) == 0 ? &kept : NULL;
}

static const char *line(const char **rest, const char *end, size_t *ret_n)
{
    const char *begin = *rest;
    if (begin == NULL)
        return NULL;
    const char *stop = begin < end ? memchr(begin, '\n', (size_t)(end - begin)) : NULL;
    *ret_n = (size_t)((stop != NULL ? stop : end) - begin);
    *rest = stop != NULL ? stop + 1 : NULL;
    return begin;
}

int nilo_fuzz_credential(const uint8_t *data, size_t n)
{
    struct nilo_arena arena;
    struct nilo_principal p = {.role = NILO_ROLE_SERVICE};
    struct nilo_credential_shown shown = {.authorizations = 1, .apikeys = 1};
    const struct nilo_credential_rules rules = {.book = {.find = find}, .anonymous = true};
    char *copy = malloc(n + 1);
    NILO_FUZZ_CHECK(copy != NULL);
    if (n > 0)
        memcpy(copy + 1, data, n);
    const char *rest = copy + 1, *end = copy + 1 + n;
    shown.authorization = line(&rest, end, &shown.authorization_n);
    shown.apikey = line(&rest, end, &shown.apikey_n);
    shown.query = line(&rest, end, &shown.query_n);
    nilo_arena_init(&arena, 2 * NILO_JWT_ARENA);
    NILO_FUZZ_CHECK(nilo_credential_check(&shown, &rules, 0, &arena, &p) == NILO_CREDENTIAL_BAD && p.role == NILO_ROLE_SERVICE);
    (void)nilo_cron_allows(&shown, good_key, true);
    NILO_FUZZ_CHECK(shown.authorization_n >= sizeof("Bearer ") - 1 + sizeof(good_key) - 1 || memmem(copy + 1, n, "secret=", 7) != NULL ||
                    !nilo_cron_allows(&shown, good_key, false));
    nilo_arena_done(&arena);
    free(copy);
    return 0;
}
