/* `publish:` - tables of sources that are shown to service_role: which, under which name, in which database. */
#include "config/config_priv.h"

#include <string.h>

const struct nilo_config_connection *nilo_config_publish_source(const struct nilo_config *c, const struct nilo_config_publish *p)
{
    const struct nilo_config_admin same = {.connection = p->connection};
    return nilo_config_admin_source(c, &same);
}

const char *nilo_config_publish_name(const struct nilo_config_publish *p)
{
    const char *dot = p->table[0] != '"' ? strrchr(p->table, '.') : NULL;
    return p->name != NULL ? p->name : dot != NULL ? dot + 1 : p->table;
}

/* Letters, digits and _: what a path and a client take without thinking. */
static bool plain(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    return name[0] != '\0' && strspn(name, letters) == strlen(name) && (name[0] < '0' || name[0] > '9');
}

static int check_one(const struct nilo_config *c, int i, const struct nilo__config_node *node, const struct nilo__config_place *at, struct nilo_err *err)
{
    const struct nilo_config_publish *p = &c->publish[i];
    const char *name = nilo_config_publish_name(p), *key = p->name != NULL ? "name" : "table";
    struct nilo_err why = {0};
    struct nilo_buf quoted;
    nilo_buf_init(&quoted, 1024);
    int rc = nilo_config_sql_quote(p->table, &quoted, &why);
    nilo_buf_done(&quoted);
    if (rc != 0)
        return nilo__config_fail(at, nilo__config_line(node, "table"), "table", err, "%s", why.msg);
    if (!plain(name))
        return nilo__config_fail(at, nilo__config_line(node, key), key, err, "%s: say a name of letters, digits and _ under which it is published (name)",
                                 nilo__config_show(name).text);
    for (int k = 0; k < i; k++) {
        if (strcmp(nilo_config_publish_name(&c->publish[k]), name) == 0)
            return nilo__config_fail(at, nilo__config_line(node, key), key, err, "%s is in the list already", nilo__config_show(name).text);
    }
    if (nilo_config_publish_source(c, p) == NULL)
        return nilo__config_fail(at, nilo__config_line(node, "connection"), "connection", err,
                                 p->connection != NULL ? "is not the name of exactly one connection of platform sql in this file"
                                                       : "is required: this file has not exactly one connection of platform sql");
    return 0;
}

int nilo__config_publish_rules(const struct nilo_config *c, const struct nilo__config_node *root, const struct nilo__config_place *top, struct nilo_err *err)
{
    const struct nilo__config_node *list = nilo__config_get(root, "publish"), *node = list != NULL ? list->first : NULL;
    for (int i = 0; i < c->n_publish && node != NULL; i++, node = node->next) {
        struct nilo__config_place at = nilo__config_at(top, "publish", i);
        if (check_one(c, i, node, &at, err) != 0)
            return -1;
    }
    return 0;
}
