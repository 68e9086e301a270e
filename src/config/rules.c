/* What goes beyond keys and types: names and their uniqueness, zones, platforms, what an SQL connection needs,
 * secrets written inline, and that one metric has one source in a workspace. */
#include "config/config_priv.h"

#include "base/cron.h"
#include "base/names.h"
#include "base/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/decimal.h"

/* Connectors that exist; one row a platform. */
static const char *const platforms[] = {"facebook", "instagram", "sql", "tiktok", "tiktok_research", "tiktok_shop", "youtube"};
#define PLATFORMS ((int)(sizeof(platforms) / sizeof(platforms[0])))

struct rules {
    const struct nilo_config *config;
    const struct nilo__config_place *top;
    const struct nilo_env *env;
    struct nilo_err *err;
};

/* ---- one thing, one name ---- */

struct named {
    const char *group; /* the workspace, or "" */
    const char *name;
    int order; /* in the file */
    int line;
    struct nilo__config_place at;
    const char *key;
};

struct names {
    struct named *items;
    int n, room;
};

static int names_add(struct names *names, struct named item, struct nilo_err *err)
{
    if (names->n == names->room) {
        int room = names->room > 0 ? names->room * 2 : 32;
        struct named *items = reallocarray(names->items, (size_t)room, sizeof(*items));
        if (items == NULL)
            return nilo_err_nomem(err);
        names->items = items;
        names->room = room;
    }
    item.order = names->n;
    names->items[names->n++] = item;
    return 0;
}

static int compare_named(const void *left, const void *right)
{
    const struct named *a = left, *b = right;
    int by = strcmp(a->group, b->group);
    if (by == 0)
        by = strcmp(a->name, b->name);
    return by != 0 ? by : (a->order > b->order) - (a->order < b->order);
}

/* The first entry of the file that has the name of an earlier one; sorts. */
static bool names_twice(struct names *names, const struct named **ret_first, const struct named **ret_second)
{
    const struct named *first = NULL, *second = NULL;
    if (names->n > 1)
        qsort(names->items, (size_t)names->n, sizeof(names->items[0]), compare_named);
    for (int i = 1; i < names->n; i++) {
        const struct named *a = &names->items[i - 1], *b = &names->items[i];
        if (strcmp(a->group, b->group) != 0 || strcmp(a->name, b->name) != 0)
            continue;
        if (second == NULL || b->order < second->order) {
            first = a;
            second = b;
        }
    }
    *ret_first = first;
    *ret_second = second;
    return second != NULL;
}

/* Frees the names. */
static int names_unique(struct names *names, struct nilo_err *err)
{
    const struct named *first, *second;
    int rc = 0;
    if (names_twice(names, &first, &second))
        rc = nilo__config_fail(
            &second->at, second->line, second->key, err, "%s is already the name of %s (line %d)%s; names are unique%s",
            nilo__config_show(second->name).text, first->at.path, first->line,
            second->group[0] != '\0' ? " in this workspace" : "", second->group[0] != '\0' ? " in a workspace" : "");
    free(names->items);
    return rc;
}

/* ---- words ---- */

static int check_label(const struct rules *r, const struct nilo__config_place *at, int line, const char *key,
                       const char *text)
{
    size_t len = strlen(text);
    if (text[0] != ' ' && text[len - 1] != ' ')
        return 0;
    return nilo__config_fail(at, line, key, r->err, "begins or ends with a blank; leave that out");
}

static int check_metric_name(const struct rules *r, const struct nilo__config_place *at, int line, const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
    size_t len = strlen(name);
    if (len <= 48 && strspn(name, letters) == len && name[0] >= 'a' && name[0] <= 'z')
        return 0;
    return nilo__config_fail(
        at, line, "name", r->err,
        "%s is no metric name; write small letters, digits and _ (48 at most), beginning with a letter",
        nilo__config_show(name).text);
}

static int check_address(const struct rules *r, const struct nilo__config_place *at, int line, const char *key,
                         const char *text)
{
    const char *problem = nilo__config_address_problem(text);
    return problem != NULL ? nilo__config_fail(at, line, key, r->err, "%s", problem) : 0;
}

/* ---- workspaces ---- */

static int check_zone(const struct rules *r, const struct nilo__config_place *at, int line, const char *name)
{
    struct nilo_err why = {0};
    struct nilo_zone *zone = NULL;
    if (nilo_zone_load(r->env != NULL ? r->env->zoneinfo : NULL, name, &zone, &why) == 0) {
        nilo_zone_free(zone);
        return 0;
    }
    if (why.code == NILO_ENOMEM)
        return nilo_err_nomem(r->err);
    if (why.code == NILO_EINVAL || why.code == NILO_ENOENT)
        return nilo__config_fail(at, line, "zone", r->err,
                                 "%s is no time zone known here; write one such as Europe/Berlin or UTC",
                                 nilo__config_show(name).text);
    return nilo__config_fail(at, line, "zone", r->err, "%s", why.msg);
}

static int check_workspaces(const struct rules *r, const struct nilo__config_node *list)
{
    const struct nilo_config *c = r->config;
    const struct nilo__config_node *node = list != NULL ? list->first : NULL;
    struct names names = {0};

    for (int i = 0; i < c->n_workspaces && node != NULL; i++, node = node->next) {
        const struct nilo_config_workspace *w = &c->workspaces[i];
        struct nilo__config_place at = nilo__config_at(r->top, "workspaces", i);
        int line = nilo__config_line(node, "name");
        struct named item = {.group = "", .name = w->name, .line = line, .at = at, .key = "name"};
        if (check_label(r, &at, line, "name", w->name) < 0 ||
            check_zone(r, &at, nilo__config_line(node, "zone"), w->zone) < 0 || names_add(&names, item, r->err) < 0) {
            free(names.items);
            return -1;
        }
    }
    return names_unique(&names, r->err);
}

/* ---- metrics of items ---- */

static int check_metric(const struct rules *r, const struct nilo_config_metric *m, const struct nilo__config_node *node,
                        const struct nilo__config_place *at)
{
    int line = nilo__config_line(node, "name");
    if (check_metric_name(r, at, line, m->name) < 0)
        return -1;
    if (nilo_reserved_name(m->name))
        return nilo__config_fail(at, line, "name", r->err,
                                 "\"%s\" is a reserved word (a column or a word of queries); take another name",
                                 m->name);
    if (m->currency != NULL && (strlen(m->currency) != 3 || strspn(m->currency, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != 3))
        return nilo__config_fail(at, nilo__config_line(node, "currency"), "currency", r->err,
                                 "%s is no currency; write three capitals such as EUR",
                                 nilo__config_show(m->currency).text);
    return 0;
}

static int check_metrics(const struct rules *r, const struct nilo__config_node *list)
{
    const struct nilo_config *c = r->config;
    const struct nilo__config_node *node = list != NULL ? list->first : NULL;
    struct names names = {0};

    for (int i = 0; i < c->n_metrics && node != NULL; i++, node = node->next) {
        struct nilo__config_place at = nilo__config_at(r->top, "metrics", i);
        struct named item = {
            .group = "", .name = c->metrics[i].name, .line = nilo__config_line(node, "name"), .at = at, .key = "name"};
        if (check_metric(r, &c->metrics[i], node, &at) < 0 || names_add(&names, item, r->err) < 0) {
            free(names.items);
            return -1;
        }
    }
    return names_unique(&names, r->err);
}

/* ---- connections ---- */

static int check_platform(const struct rules *r, const struct nilo__config_place *at, int line, const char *platform)
{
    char known[256] = "";
    for (int i = 0; i < PLATFORMS; i++) {
        if (strcmp(platform, platforms[i]) == 0)
            return 0;
        size_t used = strlen(known);
        snprintf(known + used, sizeof(known) - used, "%s%s", i > 0 ? ", " : "", platforms[i]);
    }
    return nilo__config_fail(at, line, "platform", r->err, "%s is no platform known here; known: %s",
                             nilo__config_show(platform).text, known);
}

/* A misspelt workspace would be a new tenant. Where the file lists workspaces, connections use these ("default" is
 * always there). */
static int check_workspace(const struct rules *r, const struct nilo__config_place *at, int line, const char *workspace)
{
    const struct nilo_config *c = r->config;
    bool found = c->n_workspaces == 0 || strcmp(workspace, "default") == 0;
    for (int i = 0; i < c->n_workspaces && !found; i++)
        found = strcmp(workspace, c->workspaces[i].name) == 0;
    if (found)
        return check_label(r, at, line, "workspace", workspace);
    return nilo__config_fail(at, line, "workspace", r->err,
                             "%s is not among the workspaces of this file; add it there or write \"default\"",
                             nilo__config_show(workspace).text);
}

/* A statement says by itself what a table's other keys say. */
static int check_statement(const struct rules *r, const struct nilo_config_sql_metric *m,
                           const struct nilo__config_node *node, const struct nilo__config_place *at)
{
    static const char *const others[] = {"table", "timestamp", "filter"};
    struct nilo_sql_shape shape;
    struct nilo_err why = {0};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (nilo__config_get(node, others[i]) != NULL)
            return nilo__config_fail(at, nilo__config_line(node, others[i]), others[i], r->err,
                                     "does not go with a statement, which names its tables itself; drop one of the two");
    }
    if (nilo_config_sql_statement(m->statement, NILO_SQL_ANY, &shape, NULL, &why) == 0)
        return 0;
    if (why.code == NILO_ENOMEM)
        return nilo_err_nomem(r->err);
    return nilo__config_fail(at, nilo__config_line(node, "statement"), "statement", r->err, "%s", why.msg);
}

static int check_count(const struct rules *r, const struct nilo_config_sql_metric *m,
                       const struct nilo__config_node *node, const struct nilo__config_place *at)
{
    struct nilo_err why = {0};
    if (strcmp(m->type, "count") != 0)
        return nilo__config_fail(at, nilo__config_line(node, "type"), "type", r->err,
                                 "%s takes a statement; rows of a table are only counted", m->type);
    if (nilo__config_get(node, "scale") != NULL)
        return nilo__config_fail(at, nilo__config_line(node, "scale"), "scale", r->err,
                                 "goes with a statement; a count of rows has no decimal places");
    if (m->filter == NULL || nilo_config_sql_filter(m->filter, &why) == 0)
        return 0;
    return nilo__config_fail(at, nilo__config_line(node, "filter"), "filter", r->err, "%s", why.msg);
}

/* value * 10^-digits; false: no number that can be compared exactly */
bool nilo_config_bound(const char *text, int64_t *ret, int *ret_digits)
{
    struct nilo_err why;
    const char *dot = strchr(text, '.');
    size_t digits = dot != NULL ? strspn(dot + 1, "0123456789") : 0;
    *ret_digits = (int)digits;
    return strspn(text, "+-.0123456789") == strlen(text) && digits <= NILO_SCALE_MAX && nilo_decimal_parse(text, strlen(text), (int)digits, false, ret, &why) == 0;
}

int nilo_config_compare(int64_t value, int scale, const char *text)
{
    int64_t bound;
    int digits;
    if (!nilo_config_bound(text, &bound, &digits))
        return 0;
    nilo_i128 a = (nilo_i128)value * nilo_pow10(digits), b = (nilo_i128)bound * nilo_pow10(scale);
    return (a > b) - (a < b);
}

static int check_bound(const struct rules *r, const char *key, const char *text, const struct nilo__config_node *node, const struct nilo__config_place *at)
{
    int64_t value;
    int digits;
    if (text == NULL || nilo_config_bound(text, &value, &digits))
        return 0;
    return nilo__config_fail(at, nilo__config_line(node, key), key, r->err, "expected a number with at most %d decimal places, such as 100 or 4.75, found %s", NILO_SCALE_MAX,
                             nilo__config_show(text).text);
}

static int check_expected(const struct rules *r, const struct nilo_config_sql_metric *m,
                          const struct nilo__config_node *node, const struct nilo__config_place *at)
{
    int64_t min;
    int digits;
    if (check_bound(r, "expected_min", m->expected_min, node, at) < 0 || check_bound(r, "expected_max", m->expected_max, node, at) < 0)
        return -1;
    if (m->expected_min != NULL && m->expected_max != NULL && nilo_config_bound(m->expected_min, &min, &digits) && nilo_config_compare(min, digits, m->expected_max) > 0)
        return nilo__config_fail(at, nilo__config_line(node, "expected_min"), "expected_min", r->err,
                                 "is above expected_max (line %d); exchange them",
                                 nilo__config_line(node, "expected_max"));
    return 0;
}

static int check_sql_metric(const struct rules *r, const struct nilo_config_sql_metric *m,
                            const struct nilo__config_node *node, const struct nilo__config_place *at)
{
    if (check_metric_name(r, at, nilo__config_line(node, "name"), m->name) < 0)
        return -1;
    if (m->statement != NULL)
        return check_statement(r, m, node, at) < 0 ? -1 : check_expected(r, m, node, at);
    if (m->table == NULL)
        return nilo__config_fail(at, nilo__config_line(node, "table"), "table", r->err,
                                 "is required (the table whose rows are counted: table or schema.table), or a statement");
    const char *problem = nilo__config_name_problem(m->table, 2);
    if (problem != NULL && nilo__config_table_problem(m->table) == NULL)
        problem = "names a column too; write the column under timestamp";
    if (problem != NULL)
        return nilo__config_fail(at, nilo__config_line(node, "table"), "table", r->err, "%s %s",
                                 nilo__config_show(m->table).text, problem);
    problem = nilo__config_name_problem(m->timestamp, 1);
    if (problem != NULL)
        return nilo__config_fail(at, nilo__config_line(node, "timestamp"), "timestamp", r->err, "%s %s",
                                 nilo__config_show(m->timestamp).text, problem);
    return check_count(r, m, node, at) < 0 ? -1 : check_expected(r, m, node, at);
}

static int check_sql(const struct rules *r, const struct nilo_config_connection *c,
                     const struct nilo__config_node *node, const struct nilo__config_place *at)
{
    const struct {
        const char *key, *text;
    } tables[] = {{"users", c->users}, {"posts", c->posts}, {"comments", c->comments}};

    if (c->database == NULL)
        return nilo__config_fail(
            at, node->line, "database", r->err,
            "is required for platform sql; give a path, a postgres:// URL without password, env:NAME or file:PATH");
    if (check_address(r, at, nilo__config_line(node, "database"), "database", c->database) < 0)
        return -1;
    for (int i = 0; i < 3; i++) {
        const char *problem = tables[i].text != NULL ? nilo__config_table_problem(tables[i].text) : NULL;
        if (problem != NULL)
            return nilo__config_fail(at, nilo__config_line(node, tables[i].key), tables[i].key, r->err, "%s %s",
                                     nilo__config_show(tables[i].text).text, problem);
    }
    if (c->users == NULL && c->posts == NULL && c->comments == NULL && c->n_metrics == 0)
        return nilo__config_fail(at, node->line, NULL, r->err,
                                 "counts nothing; give at least one of users, posts, comments and metrics");

    const struct nilo__config_node *list = nilo__config_get(node, "metrics");
    const struct nilo__config_node *entry = list != NULL ? list->first : NULL;
    for (int i = 0; i < c->n_metrics && entry != NULL; i++, entry = entry->next) {
        struct nilo__config_place below = nilo__config_at(at, "metrics", i);
        if (check_sql_metric(r, &c->metrics[i], entry, &below) < 0)
            return -1;
    }
    return 0;
}

/* ---- connections of platforms ---- */

static int check_schedule(const struct rules *r, const struct nilo_config_connection *c, const struct nilo__config_node *node,
                          const struct nilo__config_place *at)
{
    struct nilo_cron cron;
    struct nilo_err why = {0};
    if (c->schedule == NULL || strcmp(c->schedule, "off") == 0 || nilo_cron_parse(c->schedule, &cron, &why) == 0)
        return 0;
    return nilo__config_fail(at, nilo__config_line(node, "schedule"), "schedule", r->err, "%s", why.msg);
}

/* A key of the other kind would do nothing, and nobody would know. */
static int check_foreign_keys(const struct rules *r, const struct nilo_config_connection *c, const struct nilo__config_node *node,
                              const struct nilo__config_place *at)
{
    static const char *const of_sql[] = {"database", "users", "posts", "comments", "metrics", "timeout_ms", NULL};
    static const char *const of_platforms[] = {"accounts", "pages", "items", "refresh_window_days", "batch", "request_delay_ms", "at_once", "budget", "role", NULL};
    bool sql = strcmp(c->platform, "sql") == 0, facebook = strcmp(c->platform, "facebook") == 0;
    const char *other = facebook ? "accounts" : "pages";
    if (!sql && nilo__config_get(node, other) != NULL)
        return nilo__config_fail(at, nilo__config_line(node, other), other, r->err, facebook ? "is called pages where the platform is %s" : "says nothing about a connection of platform %s; drop it",
                                 c->platform);
    for (const char *const *key = sql ? of_platforms : of_sql; *key != NULL; key++) {
        if (nilo__config_get(node, *key) != NULL)
            return nilo__config_fail(at, nilo__config_line(node, *key), *key, r->err, "says nothing about a connection of platform %s; drop it", c->platform);
    }
    return 0;
}

static int check_lists(const struct rules *r, const struct nilo_config_connection *c, const struct nilo__config_node *node,
                       const struct nilo__config_place *at)
{
    const struct {
        const char *key, *text;
    } lists[] = {{"accounts", c->accounts}, {"pages", c->pages}, {"items", c->items}};
    for (size_t i = 0; i < 3; i++) {
        char **words = NULL;
        size_t n = 0;
        if (nilo_config_words(lists[i].text, &words, &n, r->err) != 0)
            return -1;
        bool empty = lists[i].text != NULL && n == 0, bad = false;
        for (size_t k = 0; k < n; k++)
            bad = bad || strlen(words[k]) > 200 || strstr(words[k], "://") != NULL;
        free(words);
        if (empty || bad)
            return nilo__config_fail(at, nilo__config_line(node, lists[i].key), lists[i].key, r->err,
                                     "holds %s; write ids%s with commas between", empty ? "nothing" : "an address or something very long",
                                     i == 0 ? " or @handles" : "");
    }
    return 0;
}

/* Nobody signs in for a competitor, so what is read has to be named, and be shown to everybody. */
static int check_role(const struct rules *r, const struct nilo_config_connection *c, const struct nilo__config_node *node, const struct nilo__config_place *at)
{
    if (strcmp(c->role, "competitor") != 0)
        return 0;
    if (strcmp(c->platform, "youtube") != 0 && strcmp(c->platform, "tiktok_research") != 0)
        return nilo__config_fail(at, nilo__config_line(node, "role"), "role", r->err,
                                 "cannot be competitor on platform %s, whose numbers are read by whoever signs in for an account; public ones are read of youtube and tiktok_research",
                                 c->platform);
    if (c->accounts == NULL && c->items == NULL)
        return nilo__config_fail(at, nilo__config_line(node, "role"), "role", r->err, "is competitor: say whose numbers, under accounts or items");
    return 0;
}

static int check_connection(const struct rules *r, const struct nilo_config_connection *c,
                            const struct nilo__config_node *node, const struct nilo__config_place *at)
{
    if (check_label(r, at, nilo__config_line(node, "name"), "name", c->name) < 0 ||
        check_workspace(r, at, nilo__config_line(node, "workspace"), c->workspace) < 0 ||
        check_platform(r, at, nilo__config_line(node, "platform"), c->platform) < 0)
        return -1;
    if (check_schedule(r, c, node, at) < 0 || check_foreign_keys(r, c, node, at) < 0 || check_role(r, c, node, at) < 0)
        return -1;
    return strcmp(c->platform, "sql") == 0 ? check_sql(r, c, node, at) : check_lists(r, c, node, at);
}

/* What a connection yields, under its workspace. */
static int add_categories(struct names *names, const struct nilo_config_connection *c,
                          const struct nilo__config_node *node, const struct nilo__config_place *at,
                          struct nilo_err *err)
{
    for (int i = 0; i < NILO__CONFIG_CORES; i++) {
        const struct nilo__config_core *core = &nilo__config_cores[i];
        struct named item = {.group = c->workspace,
                             .name = core->name,
                             .line = nilo__config_line(node, core->key),
                             .at = *at,
                             .key = core->key};
        if (nilo__config_core_table(c, core) != NULL && names_add(names, item, err) < 0)
            return -1;
    }
    const struct nilo__config_node *list = nilo__config_get(node, "metrics");
    const struct nilo__config_node *entry = list != NULL ? list->first : NULL;
    for (int i = 0; i < c->n_metrics && entry != NULL; i++, entry = entry->next) {
        struct named item = {.group = c->workspace,
                             .name = c->metrics[i].name,
                             .line = nilo__config_line(entry, "name"),
                             .at = nilo__config_at(at, "metrics", i),
                             .key = "name"};
        if (names_add(names, item, err) < 0)
            return -1;
    }
    return 0;
}

/* Frees the names. */
static int categories_unique(struct names *names, struct nilo_err *err)
{
    const struct named *first, *second;
    int rc = 0;
    if (names_twice(names, &first, &second))
        rc = nilo__config_fail(&second->at, second->line, second->key, err,
                               "%s already comes from %s.%s (line %d); a metric has one source in a workspace, so drop "
                               "one, rename it under "
                               "metrics, or move it to another workspace",
                               second->name, first->at.path, first->key, first->line);
    free(names->items);
    return rc;
}

static int check_connections(const struct rules *r, const struct nilo__config_node *list)
{
    const struct nilo_config *c = r->config;
    const struct nilo__config_node *node = list != NULL ? list->first : NULL;
    struct names names = {0}, categories = {0};
    int rc = 0;

    for (int i = 0; i < c->n_connections && node != NULL && rc == 0; i++, node = node->next) {
        const struct nilo_config_connection *one = &c->connections[i];
        struct nilo__config_place at = nilo__config_at(r->top, "connections", i);
        struct named item = {.group = one->workspace,
                             .name = one->name,
                             .line = nilo__config_line(node, "name"),
                             .at = at,
                             .key = "name"};
        rc = check_connection(r, one, node, &at);
        if (rc == 0)
            rc = names_add(&names, item, r->err);
        if (rc == 0)
            rc = add_categories(&categories, one, node, &at, r->err);
    }
    if (rc < 0) {
        free(names.items);
        free(categories.items);
        return -1;
    }
    if (names_unique(&names, r->err) < 0) {
        free(categories.items);
        return -1;
    }
    return categories_unique(&categories, r->err);
}

/* ---- taps ---- */

static int check_tap(const struct rules *r, int i, const struct nilo__config_node *node, const struct nilo__config_place *at)
{
    const struct nilo_config *c = r->config;
    const struct nilo_config_tap *one = &c->taps[i];
    int line = nilo__config_line(node, "name");
    if (check_label(r, at, line, "name", one->name) < 0 || check_workspace(r, at, nilo__config_line(node, "workspace"), one->workspace) < 0)
        return -1;
    for (int k = 0; k < i; k++) {
        if (strcmp(c->taps[k].name, one->name) == 0 && strcmp(c->taps[k].workspace, one->workspace) == 0)
            return nilo__config_fail(at, line, "name", r->err, "%s is in the list already", one->name);
    }
    for (int k = 0; k < c->n_connections; k++) {
        if (strcmp(c->connections[k].name, one->name) == 0 && strcmp(c->connections[k].workspace, one->workspace) == 0)
            return nilo__config_fail(at, line, "name", r->err, "%s is a connection of this file; a tap is one of its own", one->name);
    }
    if (one->platform != NULL && strspn(one->platform, "abcdefghijklmnopqrstuvwxyz0123456789_-") != strlen(one->platform))
        return nilo__config_fail(at, nilo__config_line(node, "platform"), "platform", r->err, "is not 1 to 50 of a-z, 0-9, _ and -");
    if (one->mapping == NULL && one->n_streams == 0)
        return nilo__config_fail(at, node->line, NULL, r->err, "says nothing about its streams; give a mapping or streams");
    return 0;
}

static int check_taps(const struct rules *r, const struct nilo__config_node *list)
{
    const struct nilo__config_node *node = list != NULL ? list->first : NULL;
    for (int i = 0; i < r->config->n_taps && node != NULL; i++, node = node->next) {
        struct nilo__config_place at = nilo__config_at(r->top, "taps", i);
        if (check_tap(r, i, node, &at) < 0)
            return -1;
    }
    return 0;
}

/* ---- tables of apps ---- */

static int check_compat(const struct rules *r, const struct nilo__config_node *list)
{
    const struct nilo_config *c = r->config;
    const struct nilo__config_node *node = list != NULL ? list->first : NULL;
    for (int i = 0; i < c->n_compat && node != NULL; i++, node = node->next) {
        const struct nilo_config_compat *one = &c->compat[i];
        struct nilo__config_place at = nilo__config_at(r->top, "compat", i);
        for (int k = 0; k < i; k++) {
            if (strcmp(c->compat[k].set, one->set) == 0)
                return nilo__config_fail(&at, nilo__config_line(node, "set"), "set", r->err, "%s is in the list already", one->set);
        }
        if (one->workspace == NULL && strcmp(one->set, "youtube") == 0)
            return nilo__config_fail(&at, node->line, "workspace", r->err, "is required for youtube: its tables do not name their tenant");
        if (one->workspace == NULL && one->connection != NULL)
            return nilo__config_fail(&at, nilo__config_line(node, "connection"), "connection", r->err, "needs the workspace that it is of");
        if (one->workspace != NULL && check_workspace(r, &at, nilo__config_line(node, "workspace"), one->workspace) < 0)
            return -1;
    }
    return 0;
}

int nilo__config_rules(const struct nilo_config *c, const struct nilo__config_node *root,
                       const struct nilo__config_place *at, const struct nilo_env *env, struct nilo_err *err)
{
    const struct rules r = {.config = c, .top = at, .env = env, .err = err};
    if (c->store != NULL && check_address(&r, at, nilo__config_line(root, "store"), "store", c->store) < 0)
        return -1;
    if (check_workspaces(&r, nilo__config_get(root, "workspaces")) < 0)
        return -1;
    if (check_connections(&r, nilo__config_get(root, "connections")) < 0)
        return -1;
    if (check_metrics(&r, nilo__config_get(root, "metrics")) < 0)
        return -1;
    if (check_taps(&r, nilo__config_get(root, "taps")) < 0)
        return -1;
    if (check_compat(&r, nilo__config_get(root, "compat")) < 0)
        return -1;
    if (nilo__config_publish_rules(c, root, at, err) < 0)
        return -1;
    if (nilo__config_platform_rules(c, root, at, err) < 0)
        return -1;
    if (nilo__config_hook_rules(c, root, at, err) < 0)
        return -1;
    return nilo__config_auth_rules(c, root, at, err);
}
