/* The sets and their bindings. See compat.h; the tables are in compat_*.c, how one becomes SQL in view.c. */
#include "query/compat.h"

#include <stdlib.h>
#include <string.h>

#define META   "compat."
#define NUMBERS "compat_numbers."
#define TENANT "*"

extern const struct nilo_compat_set nilo__compat_analytics, nilo__compat_creator, nilo__compat_studio, nilo__compat_youtube;
const struct nilo_compat_set *const nilo_compat_sets[] = {
    &nilo__compat_analytics, &nilo__compat_creator, &nilo__compat_studio, &nilo__compat_youtube, NULL,
};

const struct nilo_compat_set *nilo_compat_set_find(const char *name)
{
    for (size_t i = 0; nilo_compat_sets[i]; i++)
        if (strcmp(nilo_compat_sets[i]->name, name) == 0)
            return nilo_compat_sets[i];
    return NULL;
}

const struct nilo_relation *nilo_compat_relation(const char *name)
{
    for (size_t i = 0; nilo_compat_sets[i]; i++)
        for (size_t k = 0; k < nilo_compat_sets[i]->n; k++)
            if (strcmp(nilo_compat_sets[i]->relations[k].name, name) == 0)
                return &nilo_compat_sets[i]->relations[k];
    return NULL;
}

static void key_of(const char *set, char out[64])
{
    snprintf(out, 64, META "%s", set);
}

/* "workspace 0x1f connection", or "*" */
static int read_binding(struct nilo_store *s, const char *text, struct nilo_compat *ret, struct nilo_err *err)
{
    struct nilo_workspace w;
    const char *mark = strchr(text, '\x1f');
    *ret = (struct nilo_compat){.tenant = strcmp(text, TENANT) == 0};
    if (ret->tenant)
        return 0;
    snprintf(ret->workspace_name, sizeof ret->workspace_name, "%.*s", (int)(mark ? mark - text : (int)strlen(text)), text);
    snprintf(ret->connection, sizeof ret->connection, "%s", mark ? mark + 1 : "");
    if (nilo_store_workspace(s, ret->workspace_name, false, NULL, &w, err) < 0)
        return -1;
    ret->workspace = w.id;
    return 0;
}

int nilo_compat_find(struct nilo_store *s, const char *set, struct nilo_compat *ret, bool *ret_bound, struct nilo_err *err)
{
    char key[64], *text;
    key_of(set, key);
    if (nilo_store_meta_get(s, key, &text, err) < 0)
        return -1;
    int rc = text ? read_binding(s, text, ret, err) : 0;
    *ret_bound = text != NULL;
    free(text);
    if (rc < 0 || !*ret_bound)
        return rc;
    snprintf(key, sizeof key, NUMBERS "%s", set);
    if (nilo_store_meta_get(s, key, &text, err) < 0)
        return -1;
    ret->numbers = text != NULL;
    free(text);
    return 0;
}

int nilo_compat_numbers(struct nilo_store *s, const char *set, bool numbers, struct nilo_err *err)
{
    char key[64];
    snprintf(key, sizeof key, NUMBERS "%s", set);
    return nilo_store_meta_set(s, key, numbers ? "1" : NULL, err);
}

int nilo_compat_bind(struct nilo_store *s, const char *set, const char *workspace, const char *connection, struct nilo_err *err)
{
    char key[64], text[600];
    struct nilo_workspace w;
    const struct nilo_compat_set *known = nilo_compat_set_find(set);
    if (!known)
        return nilo_err_set(err, NILO_EINVAL, "there is no compatibility set \"%.60s\"", set);
    if (!workspace && !known->tenant)
        return nilo_err_set(err, NILO_EINVAL, "the tables of the set %s do not name their tenant: it needs a workspace", set);
    if (workspace && nilo_store_workspace(s, workspace, false, NULL, &w, err) < 0)
        return -1;
    if (connection && !workspace)
        return nilo_err_set(err, NILO_EINVAL, "a set that is bound to a connection needs its workspace");
    key_of(set, key);
    snprintf(text, sizeof text, "%s%s%s", workspace ? workspace : TENANT, connection ? "\x1f" : "", connection ? connection : "");
    return nilo_store_meta_set(s, key, text, err);
}

int nilo_compat_unbind(struct nilo_store *s, const char *set, struct nilo_err *err)
{
    char key[64];
    key_of(set, key);
    return nilo_store_meta_set(s, key, NULL, err);
}
