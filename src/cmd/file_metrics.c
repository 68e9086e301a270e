/* The configuration file is the truth about the metrics that it defines: one that is gone from it is no longer collected (is_active = false) and
 * keeps its history; back in the file it is collected again. What somebody else set inactive stays so.
 *
 * Which metrics came from the file, and which of them the file itself put to rest, is one text in meta: a line "NAME TYPE in" or "NAME TYPE gone"
 * each. Names, because numbers of metrics are others in a store that an export was brought into. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd_priv.h"
#include "store/store.h"

#define KEY       "metrics_of_file"
#define TEXT_MAX  (16u << 20)
#define LINE_BYTES 300

/* The connections' metrics, expanded; one array each. */
struct listed {
    const struct nilo_config *config;
    struct nilo_config_sql_metric **metrics;
    int *n;
};

static void listed_done(struct listed *l)
{
    for (int i = 0; i < l->config->n_connections && l->metrics != NULL && l->n != NULL; i++)
        nilo_config_sql_free(l->metrics[i], l->n[i]);
    free(l->metrics);
    free(l->n);
}

static int listed_init(struct listed *l, const struct nilo_config *c, struct nilo_err *err)
{
    *l = (struct listed){.config = c};
    l->metrics = calloc((size_t)c->n_connections + 1, sizeof(struct nilo_config_sql_metric *));
    l->n = calloc((size_t)c->n_connections + 1, sizeof *l->n);
    if (l->metrics == NULL || l->n == NULL)
        return nilo_err_nomem(err);
    for (int i = 0; i < c->n_connections; i++) {
        if (strcmp(c->connections[i].platform, "sql") == 0 && nilo_config_sql_expand(&c->connections[i], &l->metrics[i], &l->n[i], err) != 0)
            return -1;
    }
    return 0;
}

static bool is_listed(const struct listed *l, const char *name, const char *type)
{
    for (int i = 0; i < l->config->n_metrics; i++) {
        if (strcmp(l->config->metrics[i].name, name) == 0 && strcmp(l->config->metrics[i].type, type) == 0)
            return true;
    }
    for (int i = 0; i < l->config->n_connections; i++) {
        for (int k = 0; k < l->n[i]; k++) {
            if (strcmp(l->metrics[i][k].name, name) == 0 && strcmp(l->metrics[i][k].type, type) == 0)
                return true;
        }
    }
    return false;
}

enum was { NOT_OF_FILE, IN, GONE };
static const char *const words[] = {"", "in", "gone"};

static enum was was(const char *text, const char *name, const char *type)
{
    char line[LINE_BYTES];
    for (enum was w = IN; text != NULL && w <= GONE; w++) {
        snprintf(line, sizeof line, "%s %s %s\n", name, type, words[w]);
        const char *at = strstr(text, line);
        while (at != NULL && at != text && at[-1] != '\n')
            at = strstr(at + 1, line);
        if (at != NULL)
            return w;
    }
    return NOT_OF_FILE;
}

/* What becomes of it: *ret_active is changed where the file says something new. */
static enum was now(enum was before, bool listed, bool *ret_active)
{
    if (listed) {
        if (before == GONE)
            *ret_active = true;
        return IN;
    }
    if (before == NOT_OF_FILE)
        return NOT_OF_FILE;
    /* one that somebody else put to rest, or woke again, is no longer the file's */
    if (before == IN ? !*ret_active : *ret_active)
        return NOT_OF_FILE;
    *ret_active = false;
    return GONE;
}

struct change {
    int32_t metric;
    bool active;
};

/* The new text, and what it changes. The catalogue is read anew by every change, so they are gathered first. */
static int compare(const struct nilo_catalog *all, const struct listed *l, const char *before, struct nilo_buf *text, struct change *changes, size_t *ret_n,
                   struct nilo_err *err)
{
    *ret_n = 0;
    for (size_t i = 0; i < all->n; i++) {
        const struct nilo_metric *m = &all->metrics[i];
        const char *type = nilo_metric_type_name((int)m->type);
        if (m->builtin || strpbrk(m->name, " \n") != NULL) /* no such name is in a file */
            continue;
        bool active = m->active;
        enum was then = now(was(before, m->name, type), is_listed(l, m->name, type), &active);
        if (then != NOT_OF_FILE)
            nilo_buf_addf(text, "%s %s %s\n", m->name, type, words[then]);
        if (active != m->active)
            changes[(*ret_n)++] = (struct change){m->id, active};
    }
    return text->failed ? nilo_err_nomem(err) : 0;
}

int nilo__file_metrics(struct nilo_store *s, const struct nilo_config *c, struct nilo_err *err)
{
    const struct nilo_catalog *all = nilo_store_catalog(s);
    struct change *changes = calloc(all->n + 1, sizeof *changes);
    struct listed l;
    struct nilo_buf text;
    char *before = NULL;
    size_t n = 0;
    nilo_buf_init(&text, TEXT_MAX);
    int rc = listed_init(&l, c, err);
    if (rc == 0 && changes == NULL)
        rc = nilo_err_nomem(err);
    if (rc == 0)
        rc = nilo_store_meta_get(s, KEY, &before, err);
    if (rc == 0)
        rc = compare(all, &l, before, &text, changes, &n, err);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = nilo_store_metric_active(s, changes[i].metric, changes[i].active, err);
    if (rc == 0 && strcmp(nilo_buf_str(&text), before != NULL ? before : "") != 0)
        rc = nilo_store_meta_set(s, KEY, nilo_buf_str(&text), err);
    free(before);
    free(changes);
    nilo_buf_done(&text);
    listed_done(&l);
    return rc;
}
