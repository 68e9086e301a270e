/* What the file says of platforms: the app that this installation is there, and connections that an app keeps in a table of its own. */
#include "config/config_priv.h"

#include <stdlib.h>
#include <string.h>

const struct nilo_config_platform *nilo_config_platform(const struct nilo_config *c, const char *platform)
{
    for (int i = 0; i < c->n_platforms; i++) {
        if (strcmp(c->platforms[i].platform, platform) == 0)
            return &c->platforms[i];
    }
    return NULL;
}

const struct nilo_config_connection *nilo_config_from_sql_source(const struct nilo_config *c, const struct nilo_config_from_sql *f)
{
    const struct nilo_config_connection *found = NULL;
    for (int i = 0; i < c->n_connections; i++) {
        const struct nilo_config_connection *one = &c->connections[i];
        if (strcmp(one->platform, "sql") != 0 || strcmp(one->name, f->connection) != 0)
            continue;
        if (found != NULL)
            return NULL;
        found = one;
    }
    return found;
}

/* Platforms show only the present, so they are asked every hour; what is due then is pacing's business. */
const char *nilo_config_schedule(const struct nilo_config_connection *c)
{
    if (c->schedule != NULL)
        return strcmp(c->schedule, "off") == 0 ? NULL : c->schedule;
    return strcmp(c->platform, "sql") == 0 ? NULL : "0 * * * *";
}

int nilo_config_words(const char *text, char ***ret, size_t *ret_n, struct nilo_err *err)
{
    static const char between[] = ", \t\r\n";
    size_t len = text != NULL ? strlen(text) : 0, n = 0;
    char **words = malloc((len / 2 + 2) * sizeof *words + len + 1), *copy;
    if (words == NULL)
        return nilo_err_nomem(err);
    copy = (char *)(words + len / 2 + 2);
    memcpy(copy, text != NULL ? text : "", len + 1);
    for (char *p = copy + strspn(copy, between); *p != '\0'; p += strspn(p, between)) {
        words[n++] = p;
        p += strcspn(p, between);
        if (*p != '\0')
            *p++ = '\0';
    }
    words[n] = NULL;
    *ret = words;
    *ret_n = n;
    return 0;
}

size_t nilo_config_pages(const struct nilo_config_connection *c)
{
    char **words = NULL;
    size_t n = 0;
    if (strcmp(c->platform, "facebook") != 0)
        return 0;
    if (c->pages == NULL || nilo_config_words(c->pages, &words, &n, NULL) != 0)
        return 1;
    free(words);
    return n;
}

/* https, or this machine: what comes back there lets in whoever reads it. */
static bool is_redirect(const char *url)
{
    static const char *const local[] = {"http://127.0.0.1", "http://localhost", "http://[::1]"};
    if (strpbrk(url, "# ") != NULL)
        return false;
    if (strncmp(url, "https://", 8) == 0 && url[8] != '\0' && url[8] != '/')
        return true;
    for (size_t i = 0; i < sizeof local / sizeof local[0]; i++) {
        size_t n = strlen(local[i]);
        if (strncmp(url, local[i], n) == 0 && strchr(":/", url[n]) != NULL)
            return true;
    }
    return false;
}

static int check_platform(const struct nilo_config *c, int i, const struct nilo__config_node *node, const struct nilo__config_place *at, struct nilo_err *err)
{
    const struct nilo_config_platform *p = &c->platforms[i];
    const struct {
        const char *key, *text;
    } references[] = {{"client_secret", p->client_secret}, {"api_key", p->api_key}};
    for (size_t k = 0; k < 2; k++) {
        const char *problem = references[k].text != NULL ? nilo__config_reference_problem(references[k].text) : NULL;
        if (problem != NULL)
            return nilo__config_fail(at, nilo__config_line(node, references[k].key), references[k].key, err, "%s", problem);
    }
    if (nilo_config_platform(c, p->platform) != p)
        return nilo__config_fail(at, nilo__config_line(node, "platform"), "platform", err, "%s is in the list already", nilo__config_show(p->platform).text);
    if (p->redirect != NULL && !is_redirect(p->redirect))
        return nilo__config_fail(at, nilo__config_line(node, "redirect"), "redirect", err,
                                 "is an address of this service that begins with https://, or http://127.0.0.1:PORT/ on a person's own machine");
    return 0;
}

static int check_from_sql(const struct nilo_config *c, int i, const struct nilo__config_node *node, const struct nilo__config_place *at, struct nilo_err *err)
{
    const struct nilo_config_from_sql *f = &c->connections_from_sql[i];
    struct nilo_err why = {0};
    if (nilo_config_from_sql_source(c, f) == NULL)
        return nilo__config_fail(at, nilo__config_line(node, "connection"), "connection", err,
                                 "is not the name of exactly one connection of platform sql in this file");
    if (nilo_config_sql_plain(f->statement, NILO_SQL_ANY, NULL, &why) != 0)
        return why.code == NILO_ENOMEM ? nilo_err_nomem(err)
                                       : nilo__config_fail(at, nilo__config_line(node, "statement"), "statement", err, "%s", why.msg);
    return 0;
}

/* Each page is asked for each day: whoever wants more of them than is usual should say so. */
static int check_pages(const struct nilo_config *c, const struct nilo__config_node *list, const struct nilo__config_place *top, struct nilo_err *err)
{
    const struct nilo__config_node *node = list != NULL ? list->first : NULL;
    for (int i = 0; i < c->n_connections && node != NULL; i++, node = node->next) {
        const struct nilo_config_connection *one = &c->connections[i];
        struct nilo__config_place at = nilo__config_at(top, "connections", i);
        size_t n = 0;
        for (int k = 0; k <= i; k++)
            n += strcmp(c->connections[k].workspace, one->workspace) == 0 ? nilo_config_pages(&c->connections[k]) : 0;
        if (nilo_config_pages(one) > 0 && n > (size_t)c->max_pages)
            return nilo__config_fail(&at, nilo__config_line(node, one->pages != NULL ? "pages" : "platform"), one->pages != NULL ? "pages" : "platform", err,
                                     "makes %zu pages of Facebook in workspace %s, where %d are collected at most; leave some out, or set max_pages at the top of the file", n,
                                     nilo__config_show(one->workspace).text, c->max_pages);
    }
    return 0;
}

int nilo__config_platform_rules(const struct nilo_config *c, const struct nilo__config_node *root, const struct nilo__config_place *top, struct nilo_err *err)
{
    const struct nilo__config_node *list = nilo__config_get(root, "platforms"), *node = list != NULL ? list->first : NULL;
    for (int i = 0; i < c->n_platforms && node != NULL; i++, node = node->next) {
        struct nilo__config_place at = nilo__config_at(top, "platforms", i);
        if (check_platform(c, i, node, &at, err) != 0)
            return -1;
    }
    if (check_pages(c, nilo__config_get(root, "connections"), top, err) != 0)
        return -1;
    list = nilo__config_get(root, "connections_from_sql");
    node = list != NULL ? list->first : NULL;
    for (int i = 0; i < c->n_connections_from_sql && node != NULL; i++, node = node->next) {
        struct nilo__config_place at = nilo__config_at(top, "connections_from_sql", i);
        if (check_from_sql(c, i, node, &at, err) != 0)
            return -1;
    }
    return 0;
}
