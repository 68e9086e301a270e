/* Kinds of items: a platform tells other things of a story than of an album, and where one name of a metric is not known for a kind it refuses the whole
 * question. So each request has items of one kind, and what was found out of a kind (the connector's variant) is kept for the connection, for a month: a name that
 * was refused may be taken then.
 *
 * Where nothing is known of a kind yet, or what was known is refused, one item alone is asked for until it was answered; then a refused name costs one call, not one
 * for each item. */
#include <string.h>

#include "collect/platform_priv.h"

#define LEARN_AGAIN (30 * NILO_US_DAY)

static nilo_us wall(const struct nilo__job_p *job)
{
    return job->all->env->clock.wall(job->all->env->clock.ctx);
}

int nilo__kind_of(const struct nilo__job_p *job, const char *media_type)
{
    for (size_t i = 0; media_type != NULL && i < job->connector->n_kinds && i < NILO_KINDS; i++) {
        if (strcmp(job->connector->kinds[i].media_type, media_type) == 0)
            return (int)i + 1;
    }
    return 0;
}

bool nilo__ended(const struct nilo__job_p *job, int kind, nilo_us posted_at, nilo_us now)
{
    int64_t after = kind > 0 ? job->connector->kinds[kind - 1].ends_after_s : 0;
    return after > 0 && posted_at != NILO_US_NONE && now - posted_at >= after * NILO_US_SECOND;
}

/* ---- what is known ------------------------------------------------------------------------------------------------------------------------- */

int nilo__kinds_load(struct nilo__job_p *job, struct nilo_err *err)
{
    struct nilo_kind_state *rows;
    const nilo_us now = wall(job);
    size_t n;
    if (job->connector->n_kinds == 0)
        return 0;
    if (nilo_store_kinds(job->all->o.store, job->connection.id, &job->arena, &rows, &n, err) != 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        int kind = strcmp(rows[i].op, nilo_op_word(NILO_OP_METRICS)) == 0 ? nilo__kind_of(job, rows[i].kind) : 0;
        bool old = rows[i].variant != 0 && (now - rows[i].learned_at >= LEARN_AGAIN || rows[i].learned_at > now);
        if (kind > 0 && !old)
            job->kinds[kind] = (struct nilo__kind){.variant = (unsigned)rows[i].variant, .known = true, .learned_at = rows[i].learned_at};
    }
    return 0;
}

int nilo__kinds_keep(struct nilo__job_p *job, struct nilo_err *err)
{
    for (size_t i = 1; i <= job->connector->n_kinds && i <= NILO_KINDS; i++) {
        const struct nilo__kind *k = &job->kinds[i];
        const struct nilo_kind_state state = {.op = nilo_op_word(NILO_OP_METRICS), .kind = job->connector->kinds[i - 1].media_type, .variant = (int64_t)k->variant,
                                              .learned_at = k->learned_at};
        if (k->known && k->changed && nilo_store_kind_put(job->all->o.store, job->connection.id, &state, err) != 0)
            return -1;
    }
    return 0;
}

/* ---- asking ------------------------------------------------------------------------------------------------------------------------------------- */

/* Kind 0 asks for nothing that could be refused. */
static struct nilo__kind *of_task(const struct nilo__task *t)
{
    return t->op == NILO_OP_METRICS && t->kind > 0 && !t->doubt ? &t->job->kinds[t->kind] : NULL;
}

int nilo__kind_may(struct nilo__task *t, bool *ret, struct nilo_err *err)
{
    const struct nilo__kind *k = of_task(t);
    *ret = true;
    if (k == NULL) {
        if (!t->doubt)
            t->variant = t->job->variants[t->op];
        return 0;
    }
    t->variant = k->variant;
    if (k->known)
        return 0;
    *ret = k->under_way == 0;
    return *ret && t->n_ids > 1 ? nilo__split(t, 1, err) : 0;
}

void nilo__kind_sent(struct nilo__task *t)
{
    struct nilo__kind *k = of_task(t);
    if (k != NULL)
        k->under_way++;
}

void nilo__kind_came(struct nilo__task *t, const struct nilo_result *r)
{
    struct nilo__kind *k = of_task(t);
    if (k == NULL)
        return;
    k->under_way--;
    if (r == NULL || r->class != NILO_CLASS_OK || r->again || k->known || t->variant != k->variant)
        return;
    for (size_t i = 0; i < r->n_items && !k->known; i++)
        k->known = r->items[i].class == NILO_CLASS_OK && r->items[i].n_values > 0;
    k->changed = k->changed || k->known;
    k->learned_at = t->ask.now;
}

void nilo__kind_turn(struct nilo__task *t, unsigned variant)
{
    struct nilo__kind *k = of_task(t);
    if (k == NULL) {
        if (!t->doubt)
            t->job->variants[t->op] = variant;
    } else if (k->variant == t->variant) { /* else somebody else has turned it meanwhile */
        k->variant = variant;
        k->known = false;
    }
    t->variant = variant;
}
