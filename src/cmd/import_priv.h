/* What import.c hands to import_report.c. */
#ifndef NILO_CMD_IMPORT_PRIV_H
#define NILO_CMD_IMPORT_PRIV_H

#include "cmd/cmd.h"
#include "import/import.h"

struct nilo__import_result {
    const struct nilo_run *run;
    const struct nilo_import_report *report;
    const struct nilo_connection *connection;
    size_t n_files;
    bool dry_run;
    const char *refused_path; /* NULL = refused rows are not kept */
};
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
/** nilo__import_table - `import DATABASE --table T`; returns the exit status or -1 */
int nilo__import_table(struct nilo_cmd_ctx *ctx, struct nilo_err *err);

#endif
