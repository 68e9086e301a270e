/* nilometer import DATABASE --table T: straight from a table that an app kept by hand. What is there decides how: a table of daily metrics has a row a day
 * and metric and goes the way of exported values; any other is read through --map as a file would be. */
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd_priv.h"
#include "cmd/import_priv.h"

#define DEFAULT_WORKSPACE "default"
#define DEFAULT_PLATFORM  "import" /* of a connection that is not there yet: its days close by the rules for imports */

static int check(const struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    static const char *const none[] = {"format", "values", "tap", "mapping", "stream", "names", "config-out"};
    if (nilo__operands(ctx, 1, 1, err) != 0)
        return nilo_err_set(err, NILO_EUSAGE, "--table and --query take one database, like postgres://reader@host/app or env:NAME");
    if (nilo_args_get(ctx->args, "table") != NULL && nilo_args_get(ctx->args, "query") != NULL)
        return nilo_err_set(err, NILO_EUSAGE, "--table and --query do not go together: a query names its own tables");
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
        if (nilo_args_get(ctx->args, none[i]) != NULL)
            return nilo_err_set(err, NILO_EUSAGE, "--%s is for files, not for a table", none[i]);
    }
    return 0;
}

static int daily(struct nilo_cmd_ctx *ctx, struct nilo_sql_rows *rows, struct nilo_err *err)
{
    const char *workspace = nilo_args_get(ctx->args, "workspace"), *platform = nilo_args_get(ctx->args, "platform");
    const struct nilo_sql_daily as = {
        .workspace = workspace != NULL ? workspace : DEFAULT_WORKSPACE,
        .connection = nilo_args_get(ctx->args, "connection"),
        .platform = platform != NULL ? platform : DEFAULT_PLATFORM,
    };
    if (as.connection == NULL)
        return nilo_err_set(err, NILO_EUSAGE,
                            "%s holds an app's metrics by day: say with --connection which connection of the workspace records them from now on, so that "
                            "there is one history (or map its columns with --map)", nilo_sql_rows_name(rows));
    if (nilo_sql_rows_begin(rows, &as, err) != 0)
        return -1;
    return nilo__import_values(ctx, NILO_VALUES_NDJSON, rows, err);
}

static int mapped(struct nilo_cmd_ctx *ctx, struct nilo_sql_rows *rows, struct nilo_err *err)
{
    return nilo_sql_rows_begin(rows, NULL, err) == 0 ? nilo__import_readings(ctx, rows, err) : -1;
}

int nilo__import_table(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    struct nilo_sql_rows *rows = NULL;
    char *database = NULL;
    if (check(ctx, err) != 0 || nilo_config_secret(nilo_args_rest(ctx->args, 0), &database, err) != 0)
        return -1;
    int rc = nilo_sql_rows_open(database, nilo_args_get(ctx->args, "table"), nilo_args_get(ctx->args, "query"), &rows, err);
    if (rc == 0)
        rc = nilo_sql_rows_daily(rows) && nilo_args_get(ctx->args, "map") == NULL ? daily(ctx, rows, err) : mapped(ctx, rows, err);
    nilo_sql_rows_close(rows);
    free(database);
    return rc;
}
