/* See rest_quick.h. A loop's part is touched by its own thread alone. */
#include "api/rest_quick.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS       64u              /* questions that a loop knows; two that fall on one place take turns */
#define BODY_MOST   ((size_t)16 << 10)
#define LOOKS_MOST  24               /* of SQLite at took_long(), one each thousand steps of its machine, while a question runs */
#define TIME_MOST   20000            /* us; where a lock is in the way, or the machine has no time for us */
#define SPACES_MOST 64
#define TEXT_MOST   4096

struct slot {
    struct nilo_rest_key key;
    struct nilo_rest_mark mark;
    bool used;
    nilo_us until;
    struct nilo_quick *quick; /* NULL: not to be asked here */
    struct nilo_buf lines;
};

struct lane {
    const struct nilo_api *api;
    struct nilo_store *store;
    struct nilo_rest_mark seen; /* what the store's memory is of */
    nilo_us began;
    int looks;
    struct slot slots[SLOTS];
};

struct nilo_rest_quick {
    struct lane *lanes[NILO_LOOPS_MAX]; /* made by the loop that needs it */
};

/* What a worker leaves for the loops, in front of the request's text. */
struct recipe {
    enum nilo_role role;
    bool all, any_range;
    size_t n, text_n;
    int64_t workspaces[SPACES_MOST];
};

struct nilo_rest_quick *nilo_rest_quick_new(void)
{
    return calloc(1, sizeof(struct nilo_rest_quick));
}

static void empty(struct slot *s)
{
    nilo_quick_free(s->quick);
    nilo_buf_done(&s->lines);
    *s = (struct slot){0};
}

static void forget(struct lane *l)
{
    for (size_t i = 0; i < SLOTS; i++)
        empty(&l->slots[i]);
    nilo_store_close(l->store);
    l->store = NULL;
}

void nilo_rest_quick_free(struct nilo_rest_quick *q)
{
    for (int i = 0; q != NULL && i < NILO_LOOPS_MAX; i++) {
        if (q->lanes[i] != NULL)
            forget(q->lanes[i]);
        free(q->lanes[i]);
    }
    free(q);
}

/* ---- recipes -------------------------------------------------------------------------------------------------------------------------------- */

/* Beside the answer's own place in the cache. */
static struct nilo_rest_key place_of(const struct nilo__reading *r)
{
    struct nilo_rest_key key = r->key;
    key.bytes[0] ^= 0x5a;
    return key;
}

/* Is the request one that loops may know? */
static bool plain(const struct nilo__reading *r)
{
    return nilo_req_method(r->x) == NILO_GET && r->accept.format == NILO_FORMAT_JSON && r->published == NULL && r->scope.scope.n <= SPACES_MOST;
}

void nilo_rest_quick_keep(const struct nilo__reading *r, size_t lines)
{
    if (!plain(r) || nilo_query_relation(r->query) == NULL || !nilo_query_quick_fits(r->query, r->store))
        return;
    const struct nilo_rest_key place = place_of(r);
    const struct nilo_rest_kept *there = nilo_rest_cache_find(r->api, &place);
    nilo_rest_cache_drop(there);
    if (there != NULL)
        return;
    const struct nilo_scope *scope = &r->scope.scope;
    struct recipe recipe = {.role = scope->role, .all = scope->all, .any_range = r->request.any_range, .n = scope->n};
    size_t n;
    const char *query = nilo_req_query(r->x, &n);
    struct nilo_buf body;
    nilo_buf_init(&body, sizeof(recipe) + TEXT_MOST);
    if (scope->n > 0)
        memcpy(recipe.workspaces, scope->workspaces, scope->n * sizeof(*scope->workspaces));
    recipe.text_n = n;
    nilo_buf_add(&body, &recipe, sizeof(recipe));
    nilo_buf_add(&body, query, n);
    const struct nilo_rest_kept keep = {.until = r->until, .headers = nilo_buf_str(&r->headers), .headers_n = lines, .body = nilo_buf_str(&body), .body_n = body.len};
    if (!body.failed)
        nilo_rest_cache_put(r->api, &place, r->mark, &keep);
    nilo_buf_done(&body);
}

/* ---- on a loop ------------------------------------------------------------------------------------------------------------------------------ */

static bool took_long(void *ctx)
{
    struct lane *l = ctx;
    return ++l->looks > LOOKS_MOST || l->api->env->clock.mono(l->api->env->clock.ctx) - l->began > TIME_MOST;
}

static struct lane *lane_of(const struct nilo__reading *r)
{
    struct nilo_rest_quick *q = nilo_rest_cache_quick(r->api);
    int i = nilo_req_loop(r->x);
    if (q == NULL)
        return NULL;
    if (q->lanes[i] == NULL && (q->lanes[i] = calloc(1, sizeof(struct lane))) != NULL)
        q->lanes[i]->api = r->api;
    return q->lanes[i];
}

/* Its connection, which knows of all that the mark stands for. */
static bool current(struct lane *l, struct nilo_rest_mark mark)
{
    struct nilo_err err = {0};
    if (l->store == NULL) {
        if (nilo_api_open(l->api, &l->store, &err) != 0)
            return false;
        nilo_db_watch(nilo_store_db(l->store), took_long, l);
    } else if (!nilo_rest_mark_same(l->seen, mark) && nilo_store_renew(l->store, &err) != 0) {
        forget(l);
        return false;
    }
    l->seen = mark;
    return true;
}

static bool compile(struct lane *l, const struct nilo_rest_kept *kept, struct nilo_quick **ret)
{
    struct recipe recipe;
    struct nilo_query *q = NULL;
    struct nilo_buf text;
    struct nilo_err err = {0};
    struct nilo_request request = NILO_REQUEST_DEFAULT;
    memcpy(&recipe, kept->body, sizeof(recipe));
    request.url = true;
    request.any_range = recipe.any_range;
    request.unasked = true;
    const struct nilo_scope scope = {.role = recipe.role, .all = recipe.all, .workspaces = recipe.workspaces, .n = recipe.n};
    nilo_buf_init(&text, TEXT_MOST + 64);
    nilo_buf_adds(&text, "daily_metrics?");
    nilo_buf_add(&text, kept->body + sizeof(recipe), recipe.text_n);
    bool fine = !text.failed && nilo_query_parse(l->store, text.data, text.len, &request, &q, NULL, &err) == 0 &&
                nilo_query_quick(q, l->store, &scope, ret, &err) == 0;
    nilo_query_free(q);
    nilo_buf_done(&text);
    return fine;
}

/* The slot of a question that a worker has answered in this state; NULL: none has. */
static struct slot *learn(struct lane *l, const struct nilo__reading *r, struct slot *s, struct nilo_rest_mark mark)
{
    const struct nilo_rest_key place = place_of(r);
    const struct nilo_rest_kept *kept = nilo_rest_cache_find(r->api, &place);
    if (kept == NULL)
        return NULL;
    empty(s);
    l->began = INT64_MAX / 2; /* learning may take its time: once a state */
    l->looks = INT32_MIN;
    if (current(l, mark) && compile(l, kept, &s->quick)) {
        s->key = r->key;
        s->mark = mark;
        s->until = kept->until;
        s->used = true;
        nilo_buf_init(&s->lines, kept->headers_n + 1);
        nilo_buf_add(&s->lines, kept->headers, kept->headers_n);
    }
    nilo_rest_cache_drop(kept);
    return s->used ? s : NULL;
}

static struct slot *find(struct lane *l, const struct nilo__reading *r, nilo_us now)
{
    unsigned at;
    memcpy(&at, r->key.bytes + sizeof(at), sizeof(at));
    struct slot *s = &l->slots[at % SLOTS];
    struct nilo_rest_mark mark = nilo_rest_cache_mark(r->api);
    if (s->used && memcmp(&s->key, &r->key, sizeof(s->key)) == 0 && nilo_rest_mark_same(s->mark, mark) && s->until > now)
        return s;
    return learn(l, r, s, mark);
}

bool nilo_rest_quick(struct nilo__reading *r, int64_t *ret_rows)
{
    struct nilo_err err = {0};
    struct lane *l = plain(r) ? lane_of(r) : NULL;
    if (l == NULL)
        return false;
    nilo_us now = r->api->env->clock.mono(r->api->env->clock.ctx);
    struct slot *s = find(l, r, now);
    if (s == NULL || s->quick == NULL)
        return false;
    l->began = now;
    l->looks = 0;
    r->store = l->store;
    r->mark = s->mark; /* of before the values are read */
    int rc = nilo_quick_json(s->quick, &r->held, ret_rows, &err);
    if (rc == 0 && r->held.len <= BODY_MOST) {
        nilo_buf_add(&r->headers, nilo_buf_str(&s->lines), s->lines.len);
        return true;
    }
    nilo_buf_reset(&r->held);
    if (rc == -1 && err.code != NILO_ECANCELLED) {
        forget(l); /* a worker finds out what is wrong */
    } else if (rc != -1 || l->looks > LOOKS_MOST) { /* too much for a loop, until somebody writes */
        nilo_quick_free(s->quick);
        s->quick = NULL;
    }
    return false;
}
