/* The command table and what commands share: options, the store, output. One file a subcommand, one row in cmd_table.c. */
#ifndef NILO_CMD_CMD_H
#define NILO_CMD_CMD_H

#include <stdbool.h>
#include <stdio.h>

#include "base/env.h"
#include "base/err.h"
#include "config/config.h"
#include "store/store.h"

/* One option of a command: parsing, --help and the manual come from these rows. */
struct nilo_option {
    const char *name;  /* "from" for --from */
    const char *arg;   /* "DAY" when it takes an argument, NULL for a flag */
    const char *help;
    bool many;         /* may be given several times */
};

struct nilo_args;
/* The value of --name (last one given), NULL when absent; flags give "" */
const char *nilo_args_get(const struct nilo_args *a, const char *name);
int nilo_args_count(const struct nilo_args *a, const char *name);
const char *nilo_args_nth(const struct nilo_args *a, const char *name, int i);
int nilo_args_rest_n(const struct nilo_args *a);             /* operands */
const char *nilo_args_rest(const struct nilo_args *a, int i);
/* --name as a day; NILO_DAY_NONE when absent. errors: NILO_EDATE, NILO_EDATERANGE naming the option */
int nilo_args_day(const struct nilo_args *a, const char *name, nilo_day *ret, struct nilo_err *err);
int nilo_args_int(const struct nilo_args *a, const char *name, int64_t min, int64_t max, int64_t fallback, int64_t *ret, struct nilo_err *err);

struct nilo_cmd_ctx {
    const struct nilo_env *env;
    const char *store;          /* --store, else NILOMETER_STORE; NULL: nilo_cmd_store() then asks the configuration, else ./nilometer.db */
    const char *config_path;    /* --config or NULL */
    bool json, quiet;           /* --json: machine-readable results; --quiet: no progress and notices */
    FILE *out, *err_out;
    bool err_tty;               /* progress bars only then */
    struct nilo_args *args;
    struct nilo_store_share *share; /* in the daemon, for somebody else: the store that it holds; store is not looked at then. Else NULL */
    const char *login;          /* who called it, for what is recorded with an author; NULL = not known */
    const struct nilo_cmd *cmd; /* the row that is running: progress and notices name it */
    char *secret;               /* what `prepare` read, in secret memory where it is the command's own; NULL = nothing */
    size_t secret_len;
    struct nilo_progress *bar;  /* the newest one that is not done: notices do not stand in it */
};

/** a command's run function - prints results on ctx->out; returns the exit status (0, 1, 2, 3), or -1 with err filled: main prints
 *  "nilometer COMMAND: <sentence>" and exits with the code's exit status */
typedef int nilo_cmd_fn(struct nilo_cmd_ctx *ctx, struct nilo_err *err);

/* What a command needs of the store. While a daemon holds it, commands that write are run by it; LONG: others do not wait for them. */
enum nilo_cmd_writes { NILO_CMD_READS, NILO_CMD_WRITES, NILO_CMD_WRITES_LONG };

struct nilo_cmd {
    const char *name;
    const char *operands;        /* "FILE...|-" */
    const char *summary;         /* one line */
    const char *description;     /* paragraphs for --help and the manual; examples in it */
    const struct nilo_option *options; /* ended by a NULL name */
    nilo_cmd_fn *run;
    enum nilo_cmd_writes writes;
    const char *writes_with;     /* only when this option is given; NULL = always */
    /* NULL, or: does this command line run where it was called, also while a daemon holds the store? */
    bool (*stays)(const struct nilo_cmd_ctx *ctx);
    /* NULL, or: reads what only the caller has (standard input, environment) into ctx->secret, before the command runs, here or in the daemon */
    int (*prepare)(struct nilo_cmd_ctx *ctx, struct nilo_err *err);
};
extern const struct nilo_cmd *const nilo_cmds[]; /* NULL-terminated, in the order of --help */

/** nilo_cmd_process - what main() does first: opens descriptors 0 to 2 where they are closed, no core dumps, no death by SIGPIPE or SIGXFSZ */
void nilo_cmd_process(void);

/** nilo_cmd_main - parse the command line, run the command, print what went wrong; the whole of main() but for the process itself
 *  argv     a password in --store is overwritten there, so that ps does not show it
 *  returns  the exit status. Tests call it with memory streams and a virtual clock. */
int nilo_cmd_main(int argc, char **argv, const struct nilo_env *env, FILE *out, FILE *err_out);

/* Open the store of the context; where only the configuration can tell which, that is read. errors as nilo_store_open() */
int nilo_cmd_store(struct nilo_cmd_ctx *ctx, enum nilo_store_mode mode, struct nilo_store **ret, struct nilo_err *err);
/* Which store that is: what the user wrote, wherever he wrote it, references resolved. owner: caller, free() */
int nilo_cmd_target(struct nilo_cmd_ctx *ctx, char **ret, struct nilo_err *err);
/* The configuration of the context. owner: caller, nilo_config_free() */
int nilo_cmd_config(struct nilo_cmd_ctx *ctx, struct nilo_config **ret, struct nilo_err *err);
/** nilo_cmd_apply_config - what the configuration says, into the store: workspaces with zones, metrics, connections (origin=file; those gone
 *  from the file are disabled, never deleted, those erased from the store are left out). So are metrics: what the file no longer defines is not active until it does again */
int nilo_cmd_apply_config(struct nilo_store *s, const struct nilo_config *c, struct nilo_err *err);

/* One line on stderr, "nilometer COMMAND: ...", that --quiet leaves out: what a person may want to know and a script not. */
void nilo_cmd_notice(struct nilo_cmd_ctx *ctx, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A progress line on stderr: a bar on a terminal, plain lines every few seconds otherwise, nothing with --quiet or --json. On a terminal it moves by
 * itself, too, for as long as one step of the work takes: nilo_progress_done() before ctx goes. */
struct nilo_progress;
struct nilo_progress *nilo_progress_new(struct nilo_cmd_ctx *ctx, const char *what, int64_t of); /* of <= 0: unknown; never NULL-fatal */
void nilo_progress_set(struct nilo_progress *p, int64_t done); /* p NULL is fine */
/* What is being done now, and how much of it; the clock of the whole goes on. `what` is copied */
void nilo_progress_step(struct nilo_progress *p, const char *what, int64_t done, int64_t of);
void nilo_progress_hide(struct nilo_progress *p); /* before a line is printed; it comes back by itself */
void nilo_progress_done(struct nilo_progress *p);

#endif
