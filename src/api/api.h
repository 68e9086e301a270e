/* What `nilometer serve` serves: the table of routes, what a worker has, who is let in. The server under it is server.h. */
#ifndef NILO_API_API_H
#define NILO_API_API_H

#include "api/gate.h"
#include "api/hooks.h"
#include "api/server.h"
#include "store/store.h"

/* The hooks' ctx of the daemon. */
struct nilo_api {
    const struct nilo_env *env;
    /* opens the store for reading; called in each worker's thread, again after a connection was lost */
    int (*open)(void *ctx, struct nilo_store **ret, struct nilo_err *err);
    void *open_ctx;
    /* who is let in; NULL: nobody but who runs the server, over its Unix socket */
    struct nilo_gate *gate;
    struct nilo_rest_cache *cache;  /* rest_cache.h; NULL: every answer is made anew */
    /* what writes; all NULL: this server writes nothing */
    struct nilo_store_share *share;
    struct nilo_tasks *tasks;       /* task.h */
    struct nilo_settings *settings; /* settings.h */
    /* runs a command for whoever sent it over the Unix socket; a handler with a ctx of its own. NULL: none are taken */
    int (*command)(void *ctx, struct nilo_exchange *x, struct nilo_err *err);
    void *command_ctx;
    struct nilo_events *events;     /* events.h; NULL: nobody is told of any */
    struct nilo_api_writer *writer; /* writer.h; NULL: this server writes nothing */
    struct nilo_hook_counts hooks;
};

/* A worker's own: nilo_req_worker(x) in a handler. NULL there: the store cannot be opened at present (answer 503). */
struct nilo_api_worker {
    struct nilo_store *store;
    uint64_t seen[2]; /* the state that the store's memory of metrics and calendars is of: rest_cache.h */
    uint64_t lost;    /* how often the database had been found to be away when it was opened */
};

extern const struct nilo_route nilo_api_routes[];
extern const size_t nilo_api_routes_n;

/* The hooks for the table above; api must outlive the server. */
struct nilo_server_hooks nilo_api_hooks(struct nilo_api *api);

/** nilo_api_open - a worker's store: behind the second wall where there is one (nilo_store_wall()). owner: caller */
int nilo_api_open(const struct nilo_api *api, struct nilo_store **ret, struct nilo_err *err);
/** nilo_api_worker - the worker's store, or NULL with err: the store is not reachable. A handler whose store failed calls nilo_req_worker_broken() */
struct nilo_api_worker *nilo_api_worker(struct nilo_exchange *x, struct nilo_err *err);

#endif
