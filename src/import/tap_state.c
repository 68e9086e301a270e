/* The state of a tap as it is handed back: of Singer the last one that came, of Airbyte a list with the newest one of each stream (or the one that is about
 * all of them). Nobody looks into it. */
#include "import/import_priv.h"

#include <stdlib.h>
#include <string.h>

struct entry {
    char *about; /* the stream's descriptor as it came; "" = all */
    char *text;
};
struct nilo__tap_state {
    struct entry *list;
    size_t n, cap;
    bool legacy; /* an object as it is, not in a list */
};

int nilo__tap_state_new(struct nilo__tap_state **ret, struct nilo_err *err)
{
    *ret = calloc(1, sizeof **ret);
    return *ret != NULL ? 0 : nilo_err_nomem(err);
}

static void clear(struct nilo__tap_state *s)
{
    for (size_t i = 0; i < s->n; i++) {
        free(s->list[i].about);
        free(s->list[i].text);
    }
    s->n = 0;
}

void nilo__tap_state_free(struct nilo__tap_state *s)
{
    if (s == NULL)
        return;
    clear(s);
    free(s->list);
    free(s);
}

static int put(struct nilo__tap_state *s, struct nilo__part about, struct nilo__part value, struct nilo_err *err)
{
    char *name = strndup(about.p != NULL ? about.p : "", about.len), *text = strndup(value.p, value.len);
    size_t i = 0;
    if (name == NULL || text == NULL)
        goto no_memory;
    while (i < s->n && strcmp(s->list[i].about, name) != 0)
        i++;
    if (i == s->cap) {
        size_t cap = s->cap > 0 ? 2 * s->cap : 8;
        struct entry *list = realloc(s->list, cap * sizeof *list);
        if (list == NULL)
            goto no_memory;
        s->list = list;
        s->cap = cap;
    }
    if (i < s->n) {
        free(s->list[i].about);
        free(s->list[i].text);
    } else {
        s->n++;
    }
    s->list[i] = (struct entry){name, text};
    return 0;
no_memory:
    free(name);
    free(text);
    return nilo_err_nomem(err);
}

int nilo__tap_state_add(struct nilo__tap_state *s, const struct nilo__message *m, struct nilo_err *err)
{
    struct nilo__part value = m->legacy.p != NULL ? m->legacy : m->state;
    /* One about all streams ends those of single ones, and the other way round. */
    if (m->descriptor.p == NULL || (s->n > 0 && s->list[0].about[0] == '\0'))
        clear(s);
    s->legacy = m->descriptor.p == NULL && m->legacy.p != NULL;
    return put(s, m->descriptor, value, err);
}

static int add_kept(void *ctx, const char *text, size_t len, struct nilo_err *err)
{
    struct nilo__message m;
    struct nilo_buf line;
    int rc;
    nilo__message_init(&m);
    nilo_buf_init(&line, NILO_IMPORT_ROW_MAX);
    nilo_buf_adds(&line, "{\"type\":\"STATE\",\"state\":");
    nilo_buf_add(&line, text, len);
    nilo_buf_addc(&line, '}');
    rc = line.failed ? nilo_err_nomem(err) : nilo__message_read(&m, NILO_IMPORT_AIRBYTE, line.data, line.len, err);
    if (rc == 0)
        rc = nilo__tap_state_add(ctx, &m, err);
    nilo__message_done(&m);
    nilo_buf_done(&line);
    return rc;
}

int nilo__tap_state_kept(struct nilo__tap_state *s, const char *text, struct nilo_err *err)
{
    if (text == NULL || text[0] != '[')
        return 0; /* one of Singer's, or about all: the next one replaces it */
    return nilo__part_list((struct nilo__part){text, strlen(text)}, add_kept, s, err);
}

int nilo__tap_state_text(const struct nilo__tap_state *s, enum nilo_import_format format, struct nilo_buf *ret, struct nilo_err *err)
{
    bool list = format == NILO_IMPORT_AIRBYTE && !s->legacy;
    nilo_buf_reset(ret);
    if (s->n == 0)
        return 0;
    nilo_buf_adds(ret, list ? "[" : "");
    for (size_t i = 0; i < s->n; i++)
        nilo_buf_addf(ret, "%s%s", i > 0 ? "," : "", s->list[i].text);
    nilo_buf_adds(ret, list ? "]" : "");
    return ret->failed ? nilo_err_set(err, NILO_EINVAL, "the state of the tap is larger than 16 MiB") : 0;
}
