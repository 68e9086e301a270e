/* Collects from platforms as `nilometer collect` does, all connections at once, and says how long it took: for the emulator of tests/emulator.
 *   collect STORE URL RUNS < connections       a line each: channel id, access token
 * Prints a JSON line a run. Makes the store; every item is due in each run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collect/platform.h"
#include "store/store.h"

#define CONNECTIONS_MAX 1000

static struct nilo_err err;
static struct nilo_env env;

static struct connection {
    char channel[64], token[200], name[24];
    const char *account;
    int64_t requests, retries, read, failed;
} connections[CONNECTIONS_MAX];
static size_t n_connections;

static void must(int result)
{
    if (result == 0)
        return;
    fprintf(stderr, "%s\n", err.msg);
    exit(1);
}

static int token_get(void *ctx, const struct nilo_connection *c, struct nilo_credentials *ret, const char **ret_why, struct nilo_err *e)
{
    (void)ctx;
    (void)e;
    *ret = (struct nilo_credentials){0};
    *ret_why = NULL;
    for (size_t i = 0; i < n_connections; i++)
        if (strcmp(connections[i].name, c->name) == 0)
            ret->access_token = connections[i].token;
    return 0;
}

static int token_refused(void *ctx, const struct nilo_connection *c, bool *ret_new, const char **ret_why, struct nilo_err *e)
{
    (void)ctx;
    (void)c;
    (void)e;
    *ret_new = false;
    *ret_why = "the emulator refused its own token";
    return 0;
}

static void on_outcome(void *ctx, const struct nilo_platform_outcome *o)
{
    struct connection *c = o->ctx;
    (void)ctx;
    c->requests = o->requests;
    c->retries = o->retries;
    c->read = o->read;
    c->failed = o->failed + o->left;
    if (o->error != NULL)
        fprintf(stderr, "%s: %s\n", c->name, o->error);
}

static void read_connections(void)
{
    while (n_connections < CONNECTIONS_MAX && scanf("%63s %199s", connections[n_connections].channel, connections[n_connections].token) == 2) {
        struct connection *c = &connections[n_connections];
        snprintf(c->name, sizeof(c->name), "c%zu", n_connections++);
        c->account = c->channel;
    }
}

static void run(struct nilo_store *store, struct nilo_http *http, const char *const *settings)
{
    const struct nilo_platforms_options o = {.store = store, .http = http, .tokens = {token_get, token_refused, NULL}, .report = on_outcome};
    struct nilo_platforms *p;
    struct nilo_workspace w;
    int64_t requests = 0, retries = 0, read = 0, failed = 0;
    must(nilo_platforms_new(&o, &p, &err));
    must(nilo_store_workspace(store, "bench", true, "UTC", &w, &err));
    nilo_us from = env.clock.mono(env.clock.ctx);
    for (size_t i = 0; i < n_connections; i++) {
        struct nilo_platform_want want = {.settings = settings, .accounts = &connections[i].account, .n_accounts = 1, .request_delay_ms = -1, .all = true,
                                          .ctx = &connections[i]};
        must(nilo_store_connection(store, w.id, connections[i].name, true, "youtube", "file", &want.connection, &err));
        must(nilo_platforms_add(p, &want, &err));
    }
    must(nilo_platforms_run(p, &err));
    nilo_us took = env.clock.mono(env.clock.ctx) - from;
    nilo_platforms_free(p);
    for (size_t i = 0; i < n_connections; i++) {
        requests += connections[i].requests;
        retries += connections[i].retries;
        read += connections[i].read;
        failed += connections[i].failed;
    }
    printf("{\"seconds\":%.3f,\"connections\":%zu,\"requests\":%lld,\"retries\":%lld,\"read\":%lld,\"failed\":%lld}\n", (double)took / 1e6, n_connections,
           (long long)requests, (long long)retries, (long long)read, (long long)failed);
}

int main(int argc, char **argv)
{
    struct nilo_store *store;
    struct nilo_http *http;
    static const char *const hosts[][2] = {{"api_base", "/youtube/v3"}, {"analytics_base", "/v2"}, {"token_url", "/token"}, {"authorize_url", "/o/oauth2/v2/auth"}};
    char addresses[4][200]; /* all of them: nothing real is asked */
    const char *settings[16] = {NULL};
    if (argc != 4) {
        fputs("usage: collect STORE URL RUNS < connections\n", stderr);
        return 2;
    }
    for (size_t i = 0; i < 4; i++) {
        size_t at;
        snprintf(addresses[i], sizeof(addresses[i]), "%s%s", argv[2], hosts[i][1]);
        must(nilo_connector_check_setting(nilo_connector_find("youtube"), hosts[i][0], addresses[i], &at, &err));
        settings[at] = addresses[i];
    }
    must(nilo_env_system(&env, &err));
    must(nilo_store_open(argv[1], NILO_STORE_CREATE, &env, &store, &err));
    must(nilo_http_new(&env, NULL, &http, &err));
    read_connections();
    for (long i = 0; i < strtol(argv[3], NULL, 10); i++)
        run(store, http, settings);
    nilo_http_free(http);
    nilo_store_close(store);
    return 0;
}
