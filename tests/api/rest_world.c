/* See rest_world.h. */
#include "rest_world.h"

#include <stdlib.h>
#include <string.h>

#include "api/admit.h"
#include "api/rest_cache.h"
#include "record/record.h"
#include "support/tmp.h"

#define SECRET "0123456789abcdef0123456789abcdef"

static struct nilo_jwt_keys *tokens;
static struct nilo_credential_rules rules;

static int admit(void *ctx, struct nilo_exchange *x, struct nilo_err *err)
{
    struct nilo_api *api = ctx;
    (void)err;
    return nilo_admit(x, &rules, api->env->clock.wall(api->env->clock.ctx));
}

static nilo_us wall(void *ctx)
{
    struct rest_world *r = ctx;
    return atomic_load(&r->wall) + atomic_load(&r->passed);
}

static nilo_us mono(void *ctx)
{
    struct rest_world *r = ctx;
    return NILO_US_HOUR + atomic_load(&r->passed);
}

void rest_pass(struct rest_world *r, nilo_us span)
{
    atomic_fetch_add(&r->passed, span);
    /* a kept connection that was idle for so long may be cut at any moment from now on */
    if (r->c.fd > 0) {
        client_close(&r->c);
        client_open(&r->c, &r->w);
    }
}

static int open_store(void *ctx, struct nilo_store **ret, struct nilo_err *err)
{
    struct rest_world *r = ctx;
    return nilo_store_open(nilo_store_target(r->f.store), NILO_STORE_READ, &r->env, ret, err);
}

int rest_world_open(struct rest_world *r, enum nilo_db_engine engine)
{
    static int serial;
    char name[32];
    struct nilo_err err = {0};
    memset(r, 0, sizeof(*r));
    if (filled_open(&r->f, engine) != 0)
        return -1;
    atomic_store(&r->wall, r->f.clock.wall);
    if (nilo_jwt_keys_new(&tokens, &err) != 0 || nilo_jwt_keys_add_secret(tokens, SECRET, 32, NULL, &err) != 0)
        fail_msg("%s", err.msg);
    rules = (struct nilo_credential_rules){.tokens = tokens, .anonymous = true};
    world_init(&r->w);
    r->env = r->f.env;
    r->env.clock = (struct nilo_clock){wall, mono, NULL, r};
    r->api = (struct nilo_api){.env = &r->env, .open = open_store, .open_ctx = r};
    if (nilo_rest_cache_new(1 << 20, &r->api.cache, &err) != 0)
        fail_msg("%s", err.msg);
    r->w.config.env = &r->env;
    r->w.config.routes = nilo_api_routes;
    r->w.config.n_routes = nilo_api_routes_n;
    r->w.config.hooks = nilo_api_hooks(&r->api);
    r->w.config.hooks.admit = admit;
    snprintf(name, sizeof(name), "rest%d.sock", ++serial);
    snprintf(r->socket, sizeof(r->socket), "unix:%s", nilo_test_path(name));
    r->w.listen[1].address = r->socket;
    r->w.config.n_listen = 2;
    world_start(&r->w);
    client_open(&r->c, &r->w);
    return 0;
}

void rest_world_close(struct rest_world *r)
{
    client_close(&r->c);
    world_stop(&r->w);
    nilo_rest_cache_free(r->api.cache);
    filled_close(&r->f);
    nilo_jwt_keys_free(tokens);
    tokens = NULL;
}

/* "authenticated acme beta" */
static void put_token(struct nilo_buf *out, const char *as, int64_t now)
{
    char copy[200], *places[4], *save = NULL;
    size_t n = 0;
    struct nilo_err err = {0};
    snprintf(copy, sizeof(copy), "%s", as);
    const char *role = strtok_r(copy, " ", &save);
    while (n < 4 && (places[n] = strtok_r(NULL, " ", &save)) != NULL)
        n++;
    const struct nilo_jwt_issue issue = {
        .role = role, .sub = "u", .workspaces = n > 0 ? (const char *const *)places : NULL, .n_workspaces = n, .iat = 1, .exp = now + 3600};
    nilo_buf_adds(out, "Authorization: Bearer ");
    if (nilo_jwt_sign(SECRET, 32, NULL, &issue, out, &err) != 0)
        fail_msg("%s", err.msg);
    nilo_buf_adds(out, "\r\n");
}

void rest_ask(struct rest_world *r, const struct rest_row *row, struct answer *a)
{
    struct nilo_buf b;
    nilo_buf_init(&b, 1 << 25);
    nilo_buf_addf(&b, "%s %s HTTP/1.1\r\nHost: h\r\n", row->method, row->target);
    if (row->as != NULL)
        put_token(&b, row->as, wall(r) / NILO_US_SECOND);
    for (const char *at = row->headers; at != NULL && *at != '\0';) {
        size_t n = strcspn(at, "\n");
        nilo_buf_addf(&b, "%.*s\r\n", (int)n, at);
        at += n + (at[n] == '\n');
    }
    if (row->body != NULL)
        nilo_buf_addf(&b, "Content-Type: application/json\r\nContent-Length: %zu\r\n", strlen(row->body));
    nilo_buf_addf(&b, "\r\n%s", row->body != NULL ? row->body : "");
    client_send(&r->c, b.data);
    nilo_buf_done(&b);
    if (!client_answer(&r->c, a, strcmp(row->method, "HEAD") == 0) || !a->whole)
        fail_msg("no whole answer to %s %s", row->method, row->target);
    if (strstr(a->head.data, "Connection: close") != NULL) {
        client_close(&r->c);
        client_open(&r->c, &r->w);
    }
}

static void check_lines(const struct rest_row *row, const struct answer *a)
{
    for (const char *at = row->wanted; at != NULL && *at != '\0';) {
        char line[600], absent[600];
        size_t n = strcspn(at, "\n");
        snprintf(line, sizeof(line), "\r\n%.*s\r\n", (int)n, at);
        snprintf(absent, sizeof(absent), "\r\n%.*s: ", (int)n - 1, at + 1);
        if (*at == '!' ? strstr(a->head.data, absent) != NULL : strstr(a->head.data, line) == NULL)
            fail_msg("%s %s: not %.*s but\n%s", row->method, row->target, (int)n, at, a->head.data);
        at += n + (at[n] == '\n');
    }
}

void rest_check(struct rest_world *r, const struct rest_row *row)
{
    struct answer a;
    rest_ask(r, row, &a);
    const char *body = nilo_buf_str(&a.body);
    if (a.status != row->status)
        fail_msg("%d instead of %d for %s %s as %s: %s", a.status, row->status, row->method, row->target, row->as != NULL ? row->as : "nobody", body);
    check_lines(row, &a);
    if (row->text != NULL && (row->text[0] == '~' ? strstr(body, row->text + 1) == NULL : strcmp(body, row->text) != 0))
        fail_msg("%s %s as %s: not\n%s\nbut\n%s", row->method, row->target, row->as != NULL ? row->as : "nobody", row->text, body);
    answer_done(&a);
}

void rest_record(struct rest_world *r, int64_t views)
{
    struct nilo_connection c;
    struct nilo_recorder *recorder;
    struct nilo_run run;
    struct nilo_arena arena;
    struct nilo_err err = {0};
    const struct nilo_metric *m = nilo_catalog_by_name(nilo_store_catalog(r->f.store), "views");
    const struct nilo_reading_value value = {.metric = m->id, .value = views};
    const struct nilo_reading reading = {.kind = NILO_CONTENT, .external_id = "v1", .captured_at = r->f.clock.wall, .day = NILO_DAY_NONE,
                                         .values = &value, .n_values = 1};
    const struct nilo_run_options o = {.kind = NILO_RUN_COLLECT, .provenance = NILO_OBSERVED, .platform = true, .target_day = NILO_DAY_NONE,
                                       .read_until = NILO_DAY_NONE};
    nilo_virtual_clock_advance(&r->f.clock, 1); /* no two readings of one instant */
    atomic_store(&r->wall, r->f.clock.wall);
    nilo_arena_init(&arena, 0);
    if (nilo_store_connection(r->f.store, r->f.a, "yt", false, NULL, NULL, &c, &err) != 0 || nilo_record_begin(r->f.store, &c, &o, &recorder, &err) != 0 ||
        nilo_record_add(recorder, &reading, &err) != 0 || nilo_record_finish(recorder, NULL, &arena, &run, &err) != 0)
        fail_msg("%s", err.msg);
    nilo_arena_done(&arena);
}
