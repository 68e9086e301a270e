/* What import.c hands to import_report.c. */
#ifndef NILO_CMD_IMPORT_PRIV_H
#define NILO_CMD_IMPORT_PRIV_H

#include "cmd/cmd.h"
#include "import/import.h"
#include "store/collecting.h"

struct nilo__import_result {
    const struct nilo_run *run;
    const struct nilo_import_report *report;
    const struct nilo_connection *connection;
    size_t n_files;
    bool dry_run;
    const char *refused_path; /* NULL = refused rows are not kept */
    /* of taps */
    const char *tap;          /* the name by which its state is asked for; NULL = it is none */
    bool has_state, state_kept, config_kept;
};
/* The last two lines of the summary's text. */
void nilo__import_tap_text(struct nilo__table *t, const struct nilo__import_result *r);
void nilo__import_tap_json(struct nilo_json_out *o, const struct nilo__import_result *r);
/** nilo__import_print - the summary on ctx->out, as text or (--json) as one object */
int nilo__import_print(struct nilo_cmd_ctx *ctx, const struct nilo__import_result *r, struct nilo_err *err);

/** nilo__import_whole - `import` of a whole export in any container: what it holds, back into the store; returns the exit status or -1 */
int nilo__import_whole(struct nilo_cmd_ctx *ctx, struct nilo_err *err);
/** nilo__restore_whole - the export at path becomes the store, which is made where there is none. errors: NILO_EEXIST it holds something already;
 *  NILO_ECORRUPT the file is not complete; then nothing was restored */
int nilo__restore_whole(struct nilo_cmd_ctx *ctx, const char *path, struct nilo_err *err);

/** nilo__import_is_values - does the command line name values of an export (by its options, or the file's first bytes)? */
bool nilo__import_is_values(const struct nilo_cmd_ctx *ctx, enum nilo_values_format *ret);
/** nilo__import_values - such a file, or (table not NULL: begun) such rows, into the record; returns the exit status or -1 */
int nilo__import_values(struct nilo_cmd_ctx *ctx, enum nilo_values_format format, struct nilo_sql_rows *table, struct nilo_err *err);

/** nilo__import_readings - files, or the rows of a table, of readings into the record; returns the exit status or -1 */
int nilo__import_readings(struct nilo_cmd_ctx *ctx, struct nilo_sql_rows *table, struct nilo_err *err);
/* What is to be imported of a tap, and how. */
struct nilo__import_tap {
    enum nilo_import_format format;
    const char *workspace, *platform, *connection; /* NULL = not said by the tap */
    struct nilo_import_stream *streams;
    size_t n_streams;
    const char *const *metrics; /* --define of the mapping */
    const char *config_path;    /* where a new configuration goes; NULL = nowhere */
};
/** nilo__import_tap - by the command line and the configuration. owner: arena, and c */
int nilo__import_tap(const struct nilo_cmd_ctx *ctx, const struct nilo_config *c, struct nilo_arena *arena, struct nilo__import_tap *ret, struct nilo_err *err);
/** nilo__tap_find - the tap of the configuration; *ret NULL = there is none.  errors: NILO_EUSAGE several */
int nilo__tap_find(const struct nilo_config *c, const char *name, const char *workspace, const struct nilo_config_tap **ret, struct nilo_err *err);
int nilo__import_tap_config(void *path, const char *json, size_t len, struct nilo_err *err); /* a new file in the place of the old one, 0600 */
/** nilo__import_tap_state - what is kept; *ret_known: is there such a connection? */
int nilo__import_tap_state(struct nilo_store *s, const char *workspace, const char *connection, struct nilo_arena *arena, struct nilo_tap_state *ret, bool *ret_known,
                           struct nilo_err *err);
int nilo__import_tap_keep(struct nilo_store *s, int64_t connection, const struct nilo_tap_state *state, struct nilo_err *err);

/** nilo__import_table - `import DATABASE --table T`; returns the exit status or -1 */
int nilo__import_table(struct nilo_cmd_ctx *ctx, struct nilo_err *err);

#endif
