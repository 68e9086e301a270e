/* Readings of one item, window and day that a tap tells in parts (by country, by device): added up, metric by metric. A part without a value adds nothing. */
#include "import/import_priv.h"

#include <string.h>

static int begin(struct nilo__sum *s, const struct nilo__staged *part, size_t n, struct nilo_err *err)
{
    nilo_arena_reset(&s->texts);
    s->all = nilo_arena_alloc(&s->texts, sizeof *s->all);
    if (s->all == NULL)
        return nilo_err_nomem(err);
    *s->all = *part;
    struct nilo__parsed *p = &s->all->reading;
    const char **const texts[] = {&p->external_id, &p->title, &p->url, &p->media_type, &p->owner, &p->tags};
    bool kept = (p->values = nilo_arena_array(&s->texts, n + 1, sizeof *p->values)) != NULL;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const char *text = *texts[i];
        *texts[i] = nilo_arena_strdup(&s->texts, text);
        kept = kept && (text == NULL || *texts[i] != NULL);
    }
    if (!kept)
        return nilo_err_nomem(err);
    memcpy(p->values, part->reading.values, n * sizeof *p->values);
    s->any = true;
    s->overflow = false;
    s->parts = 1;
    return 1;
}

static bool together(const struct nilo__parsed *a, const struct nilo__parsed *b)
{
    return a->kind == b->kind && a->stream == b->stream && a->win == b->win && a->sort_day.n == b->sort_day.n && a->at == b->at &&
           strcmp(a->external_id, b->external_id) == 0;
}

int nilo__sum_add(struct nilo__sum *s, const struct nilo__staged *part, size_t n, struct nilo_err *err)
{
    if (!s->any)
        return begin(s, part, n, err);
    struct nilo__parsed *all = &s->all->reading;
    if (!together(all, &part->reading))
        return 0;
    for (size_t i = 0; i < n; i++) {
        const struct nilo__value *more = &part->reading.values[i];
        struct nilo__value *sum = &all->values[i];
        if (more->state == NILO__VALUE && sum->state == NILO__VALUE)
            s->overflow |= __builtin_add_overflow(sum->value, more->value, &sum->value);
        else if (more->state == NILO__VALUE || sum->state == NILO__SAYS_NOTHING)
            *sum = *more;
    }
    s->parts++;
    return 1;
}

void nilo__sum_done(struct nilo__sum *s)
{
    nilo_arena_done(&s->texts);
}
