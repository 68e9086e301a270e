/* Lines of a file, one at a time, each bounded; blank ones are left out. */
#include "import/import_priv.h"

#include <string.h>

void nilo__text_lines_init(struct nilo__text_lines *l, struct nilo__input *in)
{
    *l = (struct nilo__text_lines){.in = in};
    nilo_buf_init(&l->raw, NILO_IMPORT_ROW_MAX);
}

void nilo__text_lines_done(struct nilo__text_lines *l)
{
    nilo_buf_done(&l->raw);
}

static int keep_raw(struct nilo__text_lines *l, size_t len, struct nilo_err *err)
{
    if (l->large || len > l->raw.max - l->raw.len)
        l->large = true;
    else if (nilo_buf_add(&l->raw, l->p, len) != 0)
        return nilo_err_nomem(err);
    l->p += len;
    l->left -= len;
    return 0;
}

/* 1 a line is in raw, 0 the end */
static int read_line(struct nilo__text_lines *l, struct nilo_err *err)
{
    nilo_buf_reset(&l->raw);
    l->large = false;
    l->whole = false;
    l->line++;
    while (!l->ended) {
        if (l->left == 0) {
            if (nilo__input_read(l->in, &l->p, &l->left, err) != 0)
                return -1;
            l->ended = l->left == 0;
            continue;
        }
        const char *nl = memchr(l->p, '\n', l->left);
        if (keep_raw(l, nl != NULL ? (size_t)(nl - l->p) : l->left, err) != 0)
            return -1;
        if (nl == NULL)
            continue;
        l->p++;
        l->left--;
        l->whole = true;
        return 1;
    }
    return l->raw.len > 0 || l->large;
}

static bool blank(const struct nilo_buf *b)
{
    return strspn(nilo_buf_str(b), " \t\r") == b->len;
}

int nilo__text_lines_next(struct nilo__text_lines *l, struct nilo_err *err)
{
    int rc;
    do
        rc = read_line(l, err);
    while (rc == 1 && !l->large && blank(&l->raw));
    return rc;
}
