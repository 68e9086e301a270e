/* `nilometer status`: what is used of the platforms' budgets, when one ends at this pace, and what that costs. */
#include <inttypes.h>
#include <string.h>

#include "cmd/status.h"
#include "collect/budget.h"
#include "store/collecting.h"

int nilo__status_budgets(struct nilo_store *s, struct nilo_arena *arena, struct nilo__status_budget **ret, size_t *ret_n, struct nilo_err *err)
{
    const struct nilo_env *env = nilo_store_env(s);
    nilo_us now = env->clock.wall(env->clock.ctx);
    struct nilo_budget_row *rows;
    size_t n, k = 0;
    if (nilo_store_budgets(s, arena, &rows, &n, err) != 0)
        return -1;
    struct nilo__status_budget *all = nilo_arena_array(arena, n + 1, sizeof *all);
    if (all == NULL)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < n; i++) {
        /* one that fills up within the hour is of no interest between two runs, and neither is a period that is over */
        if (rows[i].period_end - rows[i].period_start < NILO_US_HOUR || rows[i].period_end <= now || rows[i].most <= 0)
            continue;
        all[k++] = (struct nilo__status_budget){.row = rows[i], .forecast = nilo_budget_outlook(&rows[i], now),
                                                 .blocked = rows[i].blocked_until != NILO_US_NONE && rows[i].blocked_until > now};
    }
    *ret = all;
    *ret_n = k;
    return 0;
}

static void print_time(FILE *out, const char *before, nilo_us at)
{
    char text[NILO_US_TEXT];
    nilo_us_format(at, text);
    fprintf(out, "%s%.10s %.5s UTC", before, text, text + 11);
}

void nilo__status_print_budgets(const struct nilo__status_budget *all, size_t n, FILE *out)
{
    for (size_t i = 0; i < n; i++) {
        const struct nilo_budget_row *b = &all[i].row;
        const struct nilo_forecast *f = &all[i].forecast;
        fprintf(out, "%sBudget %s of %s: %" PRId64 " of %" PRId64 " used", i == 0 ? "\n" : "", b->bucket, b->owner, b->used, b->most);
        print_time(out, "; it is renewed at ", b->period_end);
        if (all[i].blocked) {
            print_time(out, ", nothing is asked before ", b->blocked_until);
            fprintf(out, "%s%s", b->reason != NULL ? ": " : "", b->reason != NULL ? b->reason : "");
        } else if (f->ends_at != NILO_US_NONE) {
            print_time(out, ". At this pace it ends at ", f->ends_at);
            fprintf(out, "; %" PRId64 " of %" PRId64 " calls until then are too many, and old items wait (not_due)", f->needed - f->left, f->needed);
        }
        fputs(".\n", out);
    }
}

void nilo__status_json_budgets(const struct nilo__status_budget *all, size_t n, struct nilo_json_out *o)
{
    nilo_json_key(o, "budgets");
    nilo_json_array_begin(o);
    for (size_t i = 0; i < n; i++) {
        const struct nilo_budget_row *b = &all[i].row;
        const struct nilo_forecast *f = &all[i].forecast;
        const struct {
            const char *key;
            int64_t value;
        } numbers[] = {{"limit", b->most}, {"used", b->used}, {"left", f->left}, {"needed", f->needed}, {"lacking", f->needed > f->left ? f->needed - f->left : 0}};
        nilo_json_object_begin(o);
        nilo_json_key(o, "owner");
        nilo_json_str(o, b->owner);
        nilo_json_key(o, "bucket");
        nilo_json_str(o, b->bucket);
        for (size_t k = 0; k < sizeof numbers / sizeof numbers[0]; k++) {
            nilo_json_key(o, numbers[k].key);
            nilo_json_int(o, numbers[k].value);
        }
        nilo_json_key(o, "renewed_at");
        nilo__json_us(o, b->period_end);
        nilo_json_key(o, "ends_at");
        nilo__json_us(o, f->ends_at);
        nilo_json_key(o, "blocked_until");
        nilo__json_us(o, b->blocked_until);
        nilo_json_key(o, "reason");
        nilo_json_str(o, b->reason);
        nilo_json_object_end(o);
    }
    nilo_json_array_end(o);
}
