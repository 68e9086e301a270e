/* nilometer thin: old closed days keep their values and not every reading. collect does it too, where the configuration says so. */
#include <inttypes.h>
#include <stdio.h>

#include "cmd/old.h"

struct thinning {
    int64_t removed;
    bool all; /* from the first day on, not from where the last one ended */
};

static int thin_one(void *self, struct nilo_store *s, const struct nilo_connection *c, const struct nilo__old *old, struct nilo_err *err)
{
    struct thinning *t = self;
    int64_t removed = 0;
    const struct nilo_thin how = {.connection = c->id, .until = old->until, .all = t->all, .dry_run = old->dry_run, .author = old->author};
    if (nilo_store_thin(s, &how, &removed, err) != 0)
        return -1;
    t->removed += removed;
    return 0;
}

int nilo__thin(struct nilo_store *s, int64_t days, int64_t *ret_removed, struct nilo_err *err)
{
    struct thinning t = {0};
    int rc = nilo__old_age(s, days, "thin_observations_after_days", thin_one, &t, err);
    *ret_removed = t.removed;
    return rc;
}

static int run(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    struct thinning t = {.all = true};
    int connections;
    const bool dry = nilo_args_get(ctx->args, "dry-run") != NULL;
    if (nilo__old_days(ctx, "thinned", thin_one, &t, &connections, err) != 0)
        return -1;
    if (ctx->json)
        return nilo__old_report(ctx, (const struct nilo__old_count[]){{"removed", t.removed}, {"connections", connections}}, 2, err);
    fprintf(ctx->out, "%s %" PRId64 " %s of %d %s; no day, total or best changed.\n", dry ? "Would remove" : "Removed", t.removed, t.removed == 1 ? "reading" : "readings",
            connections, connections == 1 ? "connection" : "connections");
    return 0;
}

const struct nilo_cmd nilo_cmd_thin = {
    .name = "thin",
    .summary = "keep of old closed days their values and not every reading",
    .description =
        "Of closed days before --before only those readings stay that a day's value came from and the greatest of each day; pushed and revised ones, "
        "those of quarantined and rejected runs, and those of GMV and of ratios all stay. Nothing that is shown changes: days, revisions, latest, "
        "best and totals are bit for bit what they were. What goes is what observations lists beside, and what --as-of would show of a moment within "
        "such a day. The act is recorded with its author.\n\n"
        "thin_observations_after_days in the configuration does the same at the end of every nilometer collect. It is off by default.",
    .options = (const struct nilo_option[]){NILO__OLD_OPTIONS("many readings"), {0}},
    .run = run,
    .writes = NILO_CMD_WRITES_LONG,
};
