/* Columns of an app's tables that are its own: kept as one JSON object, shown again as `metadata`. A later write replaces those that it names. */
#include <string.h>

#include "base/json.h"
#include "write/write_priv.h"

static bool unknown(const struct nilo__job *j, const char *name, size_t len)
{
    for (size_t i = 0; i < j->body.n_columns; i++)
        if (!j->columns[i] && j->body.columns[i].len == len && memcmp(j->body.columns[i].p, name, len) == 0)
            return nilo__member(&j->body.rows[j->row], i) != NULL;
    return false;
}

/* What was kept of columns that this row does not name. */
static int copy_old(const struct nilo__job *j, const char *was, struct nilo_json_out *o, struct nilo_err *err)
{
    struct nilo_json *json;
    enum nilo_json_event event;
    const char *text;
    size_t len;
    if (!was)
        return 0;
    if (nilo_json_new(was, strlen(was), NILO_JSON_DEFAULT_LIMITS, &json, err) < 0)
        return -1;
    int rc = nilo_json_next(json, &event, NULL, NULL, err);
    while (rc == 0 && (rc = nilo_json_next(json, &event, &text, &len, err)) == 0 && event == NILO_JSON_KEY) {
        char *name = nilo_arena_strndup((struct nilo_arena *)&j->arena, text, len);
        const char *raw;
        size_t n;
        rc = !name ? nilo_err_nomem(err) : nilo_json_raw(json, &raw, &n, err);
        if (rc == 0 && !unknown(j, name, len)) {
            nilo_json_key(o, name);
            nilo_json_text(o, raw, n);
        }
    }
    nilo_json_free(json);
    return rc;
}

static int copy_new(struct nilo__job *j, struct nilo_json_out *o, bool *ret_any, struct nilo_err *err)
{
    for (size_t i = 0; i < j->body.n_columns; i++) {
        const struct nilo__member *m = j->columns[i] ? NULL : nilo__member(&j->body.rows[j->row], i);
        const char *json = "null";
        if (!m)
            continue;
        *ret_any = true;
        if (nilo__said(m) && nilo__json(j, m, &json, err) < 0)
            return -1;
        nilo_json_key(o, j->body.columns[i].p);
        nilo_json_text(o, json, strlen(json));
    }
    return 0;
}

int nilo__extra(struct nilo__job *j, const char *was, const char **ret, struct nilo_err *err)
{
    struct nilo_buf b;
    struct nilo_json_out o;
    bool any = false;
    nilo_buf_init(&b, (size_t)1 << 20);
    nilo_json_out_init(&o, &b);
    nilo_json_object_begin(&o);
    *ret = NULL;
    int rc = copy_old(j, was, &o, err) < 0 ? -1 : copy_new(j, &o, &any, err);
    nilo_json_object_end(&o);
    if (rc == 0 && b.failed)
        rc = nilo_err_set(err, NILO_EINVAL, "the columns of %s that are the app's own are more than 1 MiB", j->relation->name);
    if (rc == 0 && any && !(*ret = nilo_arena_strndup(&j->arena, b.data, b.len)))
        rc = nilo_err_nomem(err);
    nilo_buf_done(&b);
    return rc;
}
