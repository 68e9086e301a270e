/* Shared inside cmd: the parsed command line, texts of --help, small printing. */
#ifndef NILO_CMD_CMD_PRIV_H
#define NILO_CMD_CMD_PRIV_H

#include <sys/types.h>
#include <time.h>

#include "base/json.h"
#include "cmd/cmd.h"
#include "keys/keys.h"
#include "query/query.h"

/* ---- the command line ---------------------------------------------------------------------------------------------------- */

struct nilo__given {
    const char *name; /* of the option's row */
    const char *value;
};
struct nilo_args {
    struct nilo__given *given;
    int n_given;
    const char **rest;
    int n_rest;
};

struct nilo__line {
    const struct nilo_cmd *cmd; /* NULL: none was named */
    struct nilo_args args;      /* options of the command and global ones together */
};

/* The options that every command takes. */
extern const struct nilo_option nilo__global_options[];

/** nilo__args_parse - argv by the command table; values point into argv
 *  errors  NILO_EUSAGE unknown command or option (names the nearest), a value missing or too many. ret->cmd is set as far as it was known
 *  owner   caller, nilo__args_done(), also on failure */
int nilo__args_parse(int argc, char *const *argv, const struct nilo_cmd *const *cmds, struct nilo__line *ret, struct nilo_err *err);
void nilo__args_done(struct nilo__line *line);
/** nilo__operands - between min and max of them, else NILO_EUSAGE with what the command wants */
int nilo__operands(const struct nilo_cmd_ctx *ctx, int min, int max, struct nilo_err *err);

const struct nilo_cmd *nilo__cmd_find(const struct nilo_cmd *const *cmds, const char *name);

/** nilo__wrong_name - after a look-up of a name of the command line: what is not there (NILO_ENOENT) makes the command line wrong (NILO_ENAME:
 *  exit status 2). Returns -1 */
int nilo__wrong_name(struct nilo_err *err);

/** nilo__nearest - the candidate that a mistyped word most likely meant, or NULL */
const char *nilo__nearest(const char *word, const char *const *candidates, size_t n);

/** nilo__act_find - what of a command is to be done ("run accept"), among its acts: rows of `size` bytes that begin with their name (const char *)
 *  what    with which it is done, for the message: "a run"
 *  ret     the row, or NULL and NILO_EUSAGE, naming the nearest */
const void *nilo__act_find(const void *acts, size_t n, size_t size, const char *word, const char *what, struct nilo_err *err);

/* ---- help and manual ------------------------------------------------------------------------------------------------------- */

void nilo__help_all(FILE *out);
void nilo__help_cmd(FILE *out, const struct nilo_cmd *cmd);
/* A topic that is no command ("configuration"): false when there is none of that name */
bool nilo__help_topic(FILE *out, const char *name);
const char *const *nilo__help_topics(size_t *ret_n);
void nilo__help_man(FILE *out);

/* ---- printing ---------------------------------------------------------------------------------------------------------------- */

/** nilo__say - "nilometer COMMAND: text" and a newline; control characters become blanks, so that a message stays one line and no
 *  file name or server sends escapes to the terminal. cmd NULL: "nilometer: text" */
void nilo__say(FILE *to, const char *cmd, const char *text);

/* Text and a newline through the same filter. */
void nilo__say_text(FILE *to, const char *text);
void nilo__put(FILE *to, const char *text); /* the same filter */

/* A table of texts, columns as wide as their widest cell; what is printed goes through the same filter. */
struct nilo__table {
    int columns;
    unsigned right; /* a bit a column: numbers stand to the right */
    char **cells;   /* rows * columns, the first row is the heading */
    size_t n, cap;
    bool failed;
};
void nilo__table_init(struct nilo__table *t, int columns, unsigned right);
void nilo__table_add(struct nilo__table *t, const char *cell); /* NULL = "" */
void nilo__table_addf(struct nilo__table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int nilo__table_print(struct nilo__table *t, FILE *out, struct nilo_err *err); /* frees it too */
void nilo__table_done(struct nilo__table *t);

/** nilo__step - nilo_step_fn of store.h for a struct nilo_progress, which may be NULL */
void nilo__step(void *bar, const char *step, int64_t done, int64_t of);

/* Start and end of a JSON answer: one document and a newline on out. */
struct nilo__answer {
    struct nilo_buf buf;
    struct nilo_json_out json;
};
void nilo__answer_init(struct nilo__answer *a);
int nilo__answer_print(struct nilo__answer *a, FILE *out, struct nilo_err *err); /* frees it too */
/* Its status, as people read it: whether it is paused too; one that is disabled stays so after resume. */
const char *nilo__connection_state(const struct nilo_connection *c);
void nilo__json_day(struct nilo_json_out *o, nilo_day d); /* null for NILO_DAY_NONE */
void nilo__json_us(struct nilo_json_out *o, nilo_us us);  /* null for NILO_US_NONE */
void nilo__json_run(struct nilo_json_out *o, const struct nilo_run *r);

/* ---- reading through query ------------------------------------------------------------------------------------------------------ */

extern const struct nilo_scope nilo__everything; /* whoever can read the store's file can read all of it */

/* Append a value to a request, so that it stands for itself. */
void nilo__ask_value(struct nilo_buf *request, const char *value);
/** nilo__ask - run a request ("runs?id=eq.3") over everything; rows go to the sink */
int nilo__ask(struct nilo_store *s, const struct nilo_buf *request, const struct nilo_sink *sink, struct nilo_err *err);
/* The first column of the last row. */
int nilo__ask_number(struct nilo_store *s, const struct nilo_buf *request, int64_t fallback, int64_t *ret, struct nilo_err *err);
int nilo__ask_text(struct nilo_store *s, const struct nilo_buf *request, struct nilo_buf *ret, struct nilo_err *err);
int nilo__ask_print(struct nilo_store *s, const struct nilo_buf *request, enum nilo_format format, FILE *out, struct nilo_err *err);

/* ---- keys ---------------------------------------------------------------------------------------------------------------------- */

struct nilo__ring {
    char *path;
    enum nilo_keys_place place;
    struct nilo_keys *keys; /* NULL: there is no file */
};
/** nilo__ring_open - the keys of a store as far as they are there
 *  errors  those of nilo_keys_path() and nilo_keys_load(), but for a missing file. owner: caller, nilo__ring_done(), also on failure */
int nilo__ring_open(struct nilo_store *s, struct nilo__ring *ret, struct nilo_err *err);
void nilo__ring_done(struct nilo__ring *ring);
/** nilo__ring_make - as nilo__ring_open(), and makes what is missing of the three keys
 *  errors  NILO_EINVAL the folder of keys is the folder of the store: a backup of it would hold both */
int nilo__ring_make(struct nilo_store *s, struct nilo__ring *ret, bool *ret_made, struct nilo_err *err);
/** nilo__ring_check - expires the connections whose secrets cannot be opened and says so on stderr; those that can be again are connected */
int nilo__ring_check(struct nilo_cmd_ctx *ctx, struct nilo_store *s, const struct nilo__ring *ring, struct nilo_err *err);
/** nilo__ring_look - the same where the store has secrets at all; keys that cannot be read are told and count as missing */
int nilo__ring_look(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo_err *err);

struct nilo_gate;
/** nilo__gate_load - who is let in, by the store's keys and the configuration: at the start of serve and on each reload
 *  errors  what is wrong with the configuration or the keys; what was there stays */
struct nilo__ring_watch { /* the file of keys as it was when it was read */
    char *path; /* caller frees; NULL: not loaded yet */
    unsigned char store[16];
    bool there;
    ino_t inode;
    struct timespec changed;
    off_t size;
};
int nilo__gate_load(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo_gate *gate, struct nilo__ring_watch *watch, struct nilo_err *err);
/** nilo__gate_follow - the keys as they are now, where another file lies there than was read: they may be rotated and forgotten while serve runs */
void nilo__gate_follow(struct nilo__ring_watch *watch, struct nilo_gate *gate);

/* ---- the configuration's metrics ---------------------------------------------------------------------------------------------------- */

/** nilo__ring_say - how it stands with the file of keys: missing, readable by others, not ours, damaged; where it is, when it is fine
 *  ret_wrong  a person has to do something: it cannot be used, or is missing and secrets are sealed with it */
int nilo__ring_say(struct nilo_store *s, bool *ret_wrong, struct nilo_buf *text, struct nilo_err *err);

typedef void nilo__erased_fn(void *ctx, const char *sentence);
/** nilo__erased_listed - the connections that the file lists and that were erased from the store; nilo_cmd_apply_config() leaves them out
 *  tell   gets a sentence for each; ret_n how many there are */
int nilo__erased_listed(struct nilo_store *s, const struct nilo_config *c, nilo__erased_fn *tell, void *ctx, int *ret_n, struct nilo_err *err);
/** nilo__file_metrics - metrics that are gone from the file are set inactive, those that are back active again; part of nilo_cmd_apply_config() */
int nilo__file_metrics(struct nilo_store *s, const struct nilo_config *c, struct nilo_err *err);

/** nilo__cmd_main - nilo_cmd_main() for somebody else, in the daemon: of base env, share, out, err_out, err_tty, login and secret count */
int nilo__cmd_main(int argc, char **argv, const struct nilo_cmd_ctx *base);

/* ---- keeping less ------------------------------------------------------------------------------------------------------------------ */

/** nilo__thin - what thin_observations_after_days asks for, on every connection; days <= 0: nothing */
int nilo__thin(struct nilo_store *s, int64_t days, int64_t *ret_removed, struct nilo_err *err);
/** nilo__drop - what drop_days_after asks for, on every connection; days <= 0: nothing. What went is added to *ret */
int nilo__drop(struct nilo_store *s, int64_t days, struct nilo_dropped *ret, struct nilo_err *err);

/** nilo__raw_forget - what raw_answers_days asks for: older kept answers go; 0: all of them */
int nilo__raw_forget(struct nilo_store *s, int64_t days, struct nilo_err *err);

/* ---- the process ---------------------------------------------------------------------------------------------------------------- */

/** nilo__password_hide - overwrite the password in a URL, in place, with '*'. Was there one? */
bool nilo__password_hide(char *url);

#endif
