/* Commands and the daemon: what `serve` holds besides its server, and how a command that writes has it done by the daemon that holds the store. */
#ifndef NILO_CMD_DAEMON_H
#define NILO_CMD_DAEMON_H

#include "api/api.h"
#include "cmd/cmd_priv.h"

/* ---- in the daemon (daemon.c) ---------------------------------------------------------------------------------------------------- */

struct nilo__daemon {
    struct nilo_cmd_ctx *ctx; /* of serve */
    char *socket;             /* where commands find it: "unix:PATH"; NULL: nowhere */
    char *home;               /* the folder it was started in */
    struct nilo_api *api;
};

/** nilo__daemon_open - takes the lock of the store, loads the configuration and brings the store in line with it
 *  errors  NILO_ELOCKED another process holds it, and those of the configuration. owner: caller, nilo__daemon_close(), also on failure */
int nilo__daemon_open(struct nilo__daemon *d, struct nilo_cmd_ctx *ctx, struct nilo_api *api, struct nilo_err *err);
/** nilo__daemon_start - makes the writer and the threads of tasks */
int nilo__daemon_start(struct nilo__daemon *d, struct nilo_err *err);
/** nilo__daemon_stop - after the server was drained, before it is freed: tasks are interrupted. false: one did not end within wait_us, free nothing */
bool nilo__daemon_stop(struct nilo__daemon *d, nilo_us wait_us);
void nilo__daemon_close(struct nilo__daemon *d);
/** nilo__daemon_reload - the configuration anew: valid as a whole and applied to the store, or what was there stays */
int nilo__daemon_reload(struct nilo__daemon *d, struct nilo_err *err);
void nilo__daemon_reloaded(struct nilo__daemon *d, bool fine); /* how a whole reload went, for the counts */

/* ---- where they meet ------------------------------------------------------------------------------------------------------------------ */

/** nilo__socket_path - the socket of whoever serves this store: beside an SQLite file (real path + ".sock"), else, or where that is too long, in
 *  $XDG_RUNTIME_DIR or /tmp, named by the user and a hash (on PostgreSQL of the store's id and the database that it lies in). NULL: cannot be told. owner: caller, free() */
char *nilo__socket_path(const char *target, const struct nilo_env *env);

/* ---- in the command (remote.c) ---------------------------------------------------------------------------------------------------------- */

/** nilo__remote - has the daemon that holds the store run this command, and prints what it prints
 *  ret_status  the exit status
 *  returns     true: it did. false: nobody serves the store, so the command runs here */
bool nilo__remote(struct nilo_cmd_ctx *ctx, int *ret_status);

#endif
