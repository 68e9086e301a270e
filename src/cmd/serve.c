/* nilometer serve: the API over HTTP, until a signal ends it. The server is api/; here are options, signals and what systemd wants to hear. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "api/api.h"
#include "api/events.h"
#include "api/scheduler.h"
#include "api/rest_cache.h"
#include "api/systemd.h"
#include "base/log.h"
#include "cmd/daemon.h"

#define KEYS_EVERY (250000) /* microseconds between two looks at the file of keys */
#define DRAIN (10 * NILO_US_SECOND)
#define PROXIES_MAX 32
#define LISTEN_MAX (NILO_LISTEN_MAX - 1) /* and where commands find it */

struct serving {
    struct nilo_cmd_ctx *ctx;
    struct nilo__daemon daemon;
    struct nilo_listen listen[NILO_LISTEN_MAX];
    char unix_address[300];
    size_t n;
    const char *proxies[PROXIES_MAX + 1];
    int64_t cache_mib;
    struct nilo__ring_watch keys;
    bool stuck; /* a thread did not end: nothing that it uses may be freed */
};

/* ---- where to listen --------------------------------------------------------------------------------------------------------------- */

static bool is_local(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strncmp(address, "[::1]:", 6) == 0 || strncmp(address, "unix:", 5) == 0;
}

/* What a proxy asks over a Unix socket it asks for others: they show credentials like anybody. */
static bool behind_proxy(const struct serving *s)
{
    for (int i = 0; i < nilo_args_count(s->ctx->args, "proxy"); i++) {
        if (strcmp(nilo_args_nth(s->ctx->args, "proxy", i), "unix") == 0)
            return true;
    }
    return false;
}

static int add(struct serving *s, struct nilo_listen l, struct nilo_err *err)
{
    if (s->n == LISTEN_MAX)
        return nilo_err_set(err, NILO_EUSAGE, "serve listens at %d addresses at most", LISTEN_MAX);
    l.proxied = behind_proxy(s);
    s->listen[s->n++] = l;
    return 0;
}

static int add_address(struct serving *s, const char *address, bool tls, struct nilo_err *err)
{
    if (nilo_listen_check(address, err) != 0) {
        err->code = NILO_EUSAGE;
        return -1;
    }
    if (!tls && !is_local(address) && nilo_args_get(s->ctx->args, "allow-plain") == NULL)
        return nilo_err_set(err, NILO_EUSAGE,
                            "%s can be reached from other machines, and without TLS anybody on the way reads the keys; give --tls-certificate and "
                            "--tls-key, or listen at 127.0.0.1 behind a proxy, or say --allow-plain", address);
    return add(s, (struct nilo_listen){.address = address, .tls = tls && strncmp(address, "unix:", 5) != 0}, err);
}

static int addresses(struct serving *s, struct nilo_err *err)
{
    const struct nilo_args *args = s->ctx->args;
    const char *path = nilo_args_get(args, "socket");
    bool tls = nilo_args_get(args, "tls-certificate") != NULL;
    if (tls != (nilo_args_get(args, "tls-key") != NULL))
        return nilo_err_set(err, NILO_EUSAGE, "--tls-certificate and --tls-key go together");
    int handed = nilo_systemd_listen(), rc = 0;
    for (int i = 0; i < handed && rc == 0; i++)
        rc = add(s, (struct nilo_listen){.fd = 3 + i, .tls = tls}, err);
    for (int i = 0; i < nilo_args_count(args, "listen") && rc == 0; i++)
        rc = add_address(s, nilo_args_nth(args, "listen", i), tls, err);
    if (path != NULL && rc == 0) {
        if (snprintf(s->unix_address, sizeof(s->unix_address), "unix:%s", path) >= (int)sizeof(s->unix_address))
            return nilo_err_set(err, NILO_EINVAL, "the path of the socket is too long");
        rc = add(s, (struct nilo_listen){.address = s->unix_address}, err);
    }
    if (s->n == 0 && rc == 0)
        rc = add_address(s, "127.0.0.1:8080", tls, err);
    return rc;
}

static int proxies(struct serving *s, struct nilo_err *err)
{
    const struct nilo_args *args = s->ctx->args;
    int n = nilo_args_count(args, "proxy");
    if (n > PROXIES_MAX)
        return nilo_err_set(err, NILO_EUSAGE, "--proxy is taken %d times at most", PROXIES_MAX);
    for (int i = 0; i < n; i++) {
        unsigned char parsed[16];
        const char *p = nilo_args_nth(args, "proxy", i);
        if (strcmp(p, "unix") != 0 && inet_pton(AF_INET, p, parsed) != 1 && inet_pton(AF_INET6, p, parsed) != 1)
            return nilo_err_set(err, NILO_EUSAGE, "--proxy takes the address of a proxy, or unix; \"%s\" is neither", p);
        s->proxies[i] = p;
    }
    return 0;
}

/* ---- running ---------------------------------------------------------------------------------------------------------------------------- */

static int open_store(void *arg, struct nilo_store **ret, struct nilo_err *err)
{
    const struct nilo_api *api = arg;
    return nilo_store_open_beside(api->share, NILO_STORE_READ, ret, err);
}

/* A server without the second wall is as safe as its statements: it starts, and says so. */
static void look_for_wall(struct nilo_api *api)
{
    struct nilo_store *store = NULL;
    struct nilo_err err = {0};
    char *lacks = NULL;
    if (open_store(api, &store, &err) == 0 && nilo_store_wall_lacks(store, &lacks, &err) == 0 && lacks != NULL)
        nilo_log(NILO_LOG_WARNING, "no row-level security", {"why", lacks});
    free(lacks);
    nilo_store_close(store);
}

/* Where to ask; that commands find it is nobody's concern. */
static void announce(struct nilo_cmd_ctx *ctx, const struct nilo_server *server, const char *own, bool tls)
{
    struct nilo__answer a;
    struct nilo_err err = {0};
    const char *address;
    nilo__answer_init(&a);
    nilo_json_object_begin(&a.json);
    nilo_json_key(&a.json, "listening");
    nilo_json_array_begin(&a.json);
    for (size_t i = 0; (address = nilo_server_address(server, i)) != NULL; i++) {
        char url[320];
        if (own != NULL && strcmp(address, own) == 0)
            continue;
        bool local = strncmp(address, "unix:", 5) == 0;
        snprintf(url, sizeof(url), "%s%s", local ? "" : tls ? "https://" : "http://", address);
        nilo_json_str(&a.json, url);
        if (!ctx->json)
            fprintf(ctx->out, "Listening at %s\n", url);
    }
    nilo_json_array_end(&a.json);
    nilo_json_object_end(&a.json);
    if (ctx->json)
        nilo__answer_print(&a, ctx->out, &err);
    else
        nilo_buf_done(&a.buf);
    fflush(ctx->out);
}

/* The certificate, keys, who is let in, and the configuration: each as a whole, or as it was. */
static int reload_all(struct serving *s, struct nilo_server *server, struct nilo_gate *gate, struct nilo_err *err)
{
    struct nilo_store *store = NULL;
    int rc = nilo_server_reload(server, err);
    if (rc == 0)
        rc = open_store(s->daemon.api, &store, err);
    if (rc == 0)
        rc = nilo__gate_load(s->ctx, store, gate, &s->keys, err);
    nilo_store_close(store);
    return rc == 0 ? nilo__daemon_reload(&s->daemon, err) : rc;
}

static void reload(struct serving *s, struct nilo_server *server, struct nilo_gate *gate)
{
    struct nilo_err err = {0};
    nilo_systemd_notify("RELOADING=1");
    bool fine = reload_all(s, server, gate, &err) == 0;
    nilo__daemon_reloaded(&s->daemon, fine);
    if (fine)
        nilo_log(NILO_LOG_NOTICE, "reloaded", {"what", "configuration, certificate, keys and who is let in"});
    else
        nilo_log(NILO_LOG_ERROR, "reload failed, what was there stays", {"error", err.msg});
    nilo_systemd_notify("READY=1");
}

static void wait_for_the_end(struct serving *s, struct nilo_server *server, struct nilo_gate *gate, const sigset_t *signals)
{
    nilo_us due = nilo_systemd_watchdog();
    nilo_us step = due > 0 && due < KEYS_EVERY ? due : KEYS_EVERY;
    for (;;) {
        const struct timespec moment = {step / NILO_US_SECOND, step % NILO_US_SECOND * 1000};
        int sig = sigtimedwait(signals, NULL, &moment);
        if (sig == SIGTERM || sig == SIGINT)
            return;
        if (sig == SIGHUP)
            reload(s, server, gate);
        nilo__gate_follow(&s->keys, gate);
        /* a loop that hangs is what the watchdog is for: then nothing is said, and systemd starts us anew */
        if (due > 0 && nilo_server_alive(server, 2 * due))
            nilo_systemd_notify("WATCHDOG=1");
    }
}

static int serve(struct serving *s, struct nilo_api *api, const struct nilo_server_config *config, struct nilo_err *err)
{
    struct nilo_server *server = NULL;
    struct nilo_scheduler *scheduler = NULL;
    sigset_t signals, before;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    if (nilo_server_new(config, &server, err) != 0)
        return -1;
    pthread_sigmask(SIG_BLOCK, &signals, &before);
    int rc = nilo__daemon_start(&s->daemon, err);
    if (rc == 0)
        rc = nilo_rest_cache_new((size_t)s->cache_mib << 20, &api->cache, err);
    if (rc == 0)
        rc = nilo_gate_watch(api->gate, open_store, api, err);
    if (rc == 0)
        rc = nilo_events_new(&(struct nilo_events_config){.env = api->env, .gate = api->gate}, &api->events, err);
    if (rc == 0)
        rc = nilo_events_watch(api->events, open_store, api, err);
    if (rc == 0)
        rc = nilo_server_start(server, err);
    if (rc == 0)
        rc = nilo_scheduler_new(api, &scheduler, err);
    if (rc == 0) {
        look_for_wall(api);
        announce(s->ctx, server, s->daemon.socket, config->tls_certificate != NULL);
        nilo_systemd_notify("READY=1");
        wait_for_the_end(s, server, api->gate, &signals);
        nilo_systemd_notify("STOPPING=1");
        nilo_scheduler_free(scheduler);
        int cut = nilo_server_drain(server, DRAIN);
        if (cut > 0)
            nilo_cmd_notice(s->ctx, "%d requests were cut: they took longer than 10 s", cut);
        if (cut < 0) {
            s->stuck = true;
            nilo_err_set(err, NILO_ETIMEOUT, "a request could not be stopped");
            return -1;
        }
    }
    if (!nilo__daemon_stop(&s->daemon, DRAIN)) {
        s->stuck = true;
        return nilo_err_set(err, NILO_ETIMEOUT, "a task could not be stopped; what it has recorded stays");
    }
    nilo_events_free(api->events);
    nilo_server_free(server);
    nilo_rest_cache_free(api->cache);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

/* Each connection is a descriptor. */
static void raise_descriptors(void)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur < l.rlim_max) {
        l.rlim_cur = l.rlim_max < 65536 ? l.rlim_max : 65536;
        setrlimit(RLIMIT_NOFILE, &l);
    }
}

static int run(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    struct serving s = {.ctx = ctx};
    struct nilo_store *store = NULL;
    int64_t workers = 0;
    if (nilo__operands(ctx, 0, 0, err) != 0 || nilo_args_int(ctx->args, "workers", 1, 256, 0, &workers, err) != 0 ||
        nilo_args_int(ctx->args, "cache", 0, 1024, 16, &s.cache_mib, err) != 0 ||
        addresses(&s, err) != 0 || proxies(&s, err) != 0)
        return -1;
    /* first here, so that a missing store, or a secret that is too short, is told before anything listens */
    if (nilo_cmd_store(ctx, NILO_STORE_READ, &store, err) != 0)
        return -1;
    struct nilo_gate *gate = NULL;
    int rc = nilo_gate_new(ctx->env, &gate, err);
    if (rc == 0)
        rc = nilo__gate_load(ctx, store, gate, &s.keys, err);
    nilo_store_close(store);
    if (rc != 0) {
        nilo_gate_free(gate);
        free(s.keys.path);
        return -1;
    }
    raise_descriptors();
    struct nilo_api api = {.env = ctx->env, .open = open_store, .gate = gate};
    api.open_ctx = &api;
    rc = nilo__daemon_open(&s.daemon, ctx, &api, err);
    if (rc == 0 && s.daemon.socket != NULL)
        s.listen[s.n++] = (struct nilo_listen){.address = s.daemon.socket};
    const struct nilo_server_config config = {
        .env = ctx->env,
        .routes = nilo_api_routes,
        .n_routes = nilo_api_routes_n,
        .hooks = nilo_api_hooks(&api),
        .limits = {.workers = workers},
        .listen = s.listen,
        .n_listen = s.n,
        .tls_certificate = nilo_args_get(ctx->args, "tls-certificate"),
        .tls_key = nilo_args_get(ctx->args, "tls-key"),
        .proxies = s.proxies,
    };
    if (rc == 0)
        rc = serve(&s, &api, &config, err);
    if (s.stuck)
        return rc;
    nilo_gate_free(gate); /* it reads the store */
    free(s.keys.path);
    nilo__daemon_close(&s.daemon);
    return rc;
}

const struct nilo_cmd nilo_cmd_serve = {
    .name = "serve",
    .summary = "answer over HTTP until a signal ends it",
    .description =
        "Listens at 127.0.0.1:8080, or where --listen and --socket say. /healthz tells that the process is there, /readyz that the store answers, "
        "/metrics (over the socket) what the server is doing.\n\n"
        "An address that other machines reach needs TLS, or --allow-plain where a proxy in front does it. What a proxy says about its client "
        "(X-Forwarded-For) counts only if the proxy is named with --proxy. Whoever may open --socket is service_role without a key; with --proxy unix nobody is: "
        "what comes over it comes from a proxy.\n\n"
        "SIGTERM and SIGINT end it: no new connections, running requests have 10 seconds, then exit status 0. SIGHUP reads the configuration, certificate, keys and who "
        "is let in again, and keeps what was there where something is wrong with the new. Under systemd it takes sockets that are handed over, says when it is ready, and "
        "answers the watchdog.\n\n"
        "Under /hooks it takes what apps and platforms send by themselves, signed, as hooks: in the configuration says: nothing, where that is not there.\n\n"
        "It holds the store while it runs: commands that write find it by a socket beside the store (.sock) and are run by it, with the same output and exit "
        "status.\n\n"
        "  nilometer serve --listen 127.0.0.1:8080 --socket /run/nilometer/api.sock",
    .options = (const struct nilo_option[]){{"listen", "ADDR:PORT", "where to listen; port 0 takes any free one", true},
                                            {"socket", "PATH", "a Unix socket as well, for whoever runs the server; with --proxy unix for a proxy", false},
                                            {"tls-certificate", "FILE", "certificate chain (PEM); with it --listen speaks TLS", false},
                                            {"tls-key", "FILE", "its private key (PEM)", false},
                                            {"allow-plain", NULL, "listen without TLS where other machines reach it", false},
                                            {"proxy", "ADDR", "a proxy whose X-Forwarded-For is believed; unix: the one that asks at --socket", true},
                                            {"workers", "N", "threads that answer, each with a connection to the store (default: two a core)", false},
                                            {"cache", "MIB", "memory for answers that are given again while nothing has changed (default: 16; 0: none)", false},
                                            {0}},
    .run = run,
};
