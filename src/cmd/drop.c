/* nilometer drop: old closed days go, every number derived from them stays. collect does it too, where the configuration says so. */
#include <inttypes.h>
#include <stdio.h>

#include "cmd/old.h"

static int drop_one(void *self, struct nilo_store *s, const struct nilo_connection *c, const struct nilo__old *old, struct nilo_err *err)
{
    struct nilo_dropped *sum = self, went = {0};
    const struct nilo_drop how = {.connection = c->id, .until = old->until, .dry_run = old->dry_run, .author = old->author};
    if (nilo_store_drop(s, &how, &went, err) != 0)
        return -1;
    sum->days += went.days;
    sum->values += went.values;
    return 0;
}

int nilo__drop(struct nilo_store *s, int64_t days, struct nilo_dropped *ret, struct nilo_err *err)
{
    return nilo__old_age(s, days, "drop_days_after", drop_one, ret, err);
}

static int run(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    struct nilo_dropped d = {0};
    int connections;
    const bool dry = nilo_args_get(ctx->args, "dry-run") != NULL;
    if (nilo__old_days(ctx, "dropped", drop_one, &d, &connections, err) != 0)
        return -1;
    if (ctx->json)
        return nilo__old_report(ctx, (const struct nilo__old_count[]){{"days", d.days}, {"values", d.values}, {"connections", connections}}, 3, err);
    fprintf(ctx->out, "%s %" PRId64 " %s with %" PRId64 " %s of %d %s; latest, best and totals %s what they are.\n", dry ? "Would drop" : "Dropped", d.days,
            d.days == 1 ? "day" : "days", d.values, d.values == 1 ? "value" : "values", connections, connections == 1 ? "connection" : "connections",
            dry ? "would stay" : "stay");
    return 0;
}

const struct nilo_cmd nilo_cmd_drop = {
    .name = "drop",
    .summary = "let old closed days go; what is derived from them stays",
    .description =
        "The closed days before --before go, with their readings and revisions. Relations have them no more, timeseries and coverage name them "
        "\"dropped\", and no value is taken for them any more. Every derived number stays bit for bit what it was, also behind a rebuild or a later "
        "correction: all-time best, newest values, totals. A series' newest value stays where it is older than the days that are left, as "
        "do the newest snapshot of each item and its first day. The act is recorded with its author.\n\n"
        "drop_days_after in the configuration does the same at the end of every nilometer collect. It is off by default.",
    .options = (const struct nilo_option[]){NILO__OLD_OPTIONS("much"), {0}},
    .run = run,
    .writes = NILO_CMD_WRITES_LONG,
};
