/* Finding, reading and loading nilometer.yaml: document with lines (doc.c), keys and types (check.c), structs by
 * libcyaml (keys.c), defaults and lines into them (here), then the rules (rules.c). */
#include "config/config_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_PATH "nilometer.yaml"
#define FILE_MAX     (1024 * 1024)
#define TREE_MAX     ((size_t)512 * 1024 * 1024) /* far beyond what a file of that size can need */

/* ---- reading ---- */

static int read_fd(int fd, const char *path, struct nilo_buf *b, struct nilo_err *err)
{
    char piece[16384];
    for (;;) {
        ssize_t n = read(fd, piece, sizeof(piece));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return nilo_err_sys(err, NILO_EIO, "cannot read the configuration file %s", path);
        if (n == 0)
            return 0;
        if (b->len + (size_t)n > FILE_MAX)
            return nilo_err_set(err, NILO_ECONFIG,
                                "the configuration file %s is larger than 1 MiB; is it the right file?", path);
        if (nilo_buf_add(b, piece, (size_t)n) < 0)
            return nilo_err_nomem(err);
    }
}

/* Anything that can be read to its end will do, a pipe (--config <(...)) included. */
static int read_file(const char *path, struct nilo_buf *b, struct nilo_err *err)
{
    struct stat st;
    int rc = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0 && errno == ENOENT)
        return nilo_err_sys(err, NILO_ENOENT, "cannot open the configuration file %s", path);
    if (fd < 0)
        return nilo_err_sys(err, NILO_EIO, "cannot open the configuration file %s", path);
    if (fstat(fd, &st) < 0)
        nilo_err_sys(err, NILO_EIO, "cannot read the configuration file %s", path);
    else if (S_ISDIR(st.st_mode))
        nilo_err_set(err, NILO_ECONFIG, "%s is a directory; name the configuration file in it", path);
    else
        rc = read_fd(fd, path, b, err);
    close(fd);
    return rc;
}

/* ---- defaults and lines ---- */

static int put_text(void *thing, const struct nilo__config_key *key, struct nilo_err *err)
{
    char *text = strdup(key->fallback);
    if (text == NULL)
        return nilo_err_nomem(err);
    memcpy((char *)thing + key->offset, &text, sizeof(text));
    return 0;
}

static void put_whole(void *thing, const struct nilo__config_key *key)
{
    int64_t wide = NILO__CONFIG_UNSET;
    int narrow = NILO__CONFIG_UNSET_INT;
    if (key->fallback != NULL && nilo__config_whole(key->fallback, &wide))
        narrow = (int)wide;
    if (key->size == sizeof(narrow))
        memcpy((char *)thing + key->offset, &narrow, sizeof(narrow));
    else
        memcpy((char *)thing + key->offset, &wide, sizeof(wide));
}

static const struct nilo__config_node nothing = {.kind = NILO__CONFIG_MAPPING};

static int complete(const struct nilo__config_section *s, void *thing, const struct nilo__config_node *mapping,
                    struct nilo_err *err);

static int complete_list(const struct nilo__config_key *key, void *thing, const struct nilo__config_node *list,
                         struct nilo_err *err)
{
    char *entries;
    memcpy(&entries, (char *)thing + key->offset, sizeof(entries));
    for (const struct nilo__config_node *entry = list->first; entry != NULL; entry = entry->next) {
        if (complete(key->entries, entries, entry, err) < 0)
            return -1;
        entries += key->entries->size;
    }
    return 0;
}

/* libcyaml leaves zero where a key is absent, and zero can be a value: what the document does not hold gets its
 * default here. */
static int complete(const struct nilo__config_section *s, void *thing, const struct nilo__config_node *mapping,
                    struct nilo_err *err)
{
    if (s->line_offset != 0)
        memcpy((char *)thing + s->line_offset, &mapping->line, sizeof(mapping->line));
    for (int i = 0; i < s->n; i++) {
        const struct nilo__config_key *key = &s->keys[i];
        const struct nilo__config_node *node = nilo__config_get(mapping, key->name);
        if (key->type == NILO__CONFIG_LIST) {
            if (node != NULL && complete_list(key, thing, node, err) < 0)
                return -1;
        } else if (key->type == NILO__CONFIG_MAP) {
            if (complete(key->entries, (char *)thing + key->offset, node != NULL ? node : &nothing, err) < 0)
                return -1;
        } else if (node == NULL && key->type == NILO__CONFIG_WHOLE) {
            put_whole(thing, key);
        } else if (node == NULL && key->fallback != NULL && put_text(thing, key, err) < 0) {
            return -1;
        }
    }
    return 0;
}

static bool is_fraction(const char *type)
{
    return strcmp(type, "average") == 0 || strcmp(type, "percentage") == 0;
}

/* Defaults that depend on something else. */
static void resolve(struct nilo_config *c)
{
    for (int i = 0; i < c->n_metrics; i++) {
        struct nilo_config_metric *m = &c->metrics[i];
        if (m->scale == NILO__CONFIG_UNSET_INT)
            m->scale = is_fraction(m->type) ? 6 : 0;
    }
    for (int i = 0; i < c->n_connections; i++) {
        struct nilo_config_connection *one = &c->connections[i];
        if (one->settle_hours == NILO__CONFIG_UNSET)
            one->settle_hours = -1;
        for (int k = 0; k < one->n_metrics; k++) {
            struct nilo_config_sql_metric *m = &one->metrics[k];
            if (m->scale == NILO__CONFIG_UNSET_INT)
                m->scale = is_fraction(m->type) ? 6 : 0;
        }
    }
}

/* ---- loading ---- */

static int load_text(const char *path, const struct nilo_buf *b, const struct nilo_env *env, struct nilo_arena *arena,
                     struct nilo_config **ret, struct nilo_err *err)
{
    const struct nilo__config_place top = {.file = path};
    const struct nilo__config_node *root = NULL;
    struct nilo_config *c = NULL;

    if (nilo__config_parse(path, nilo_buf_str(b), b->len, arena, &root, err) < 0)
        return -1;
    if (root == NULL || root->kind == NILO__CONFIG_NOTHING)
        return 0;
    if (nilo__config_check(&nilo__config_top, root, &top, err) < 0 ||
        nilo__config_fill(path, nilo_buf_str(b), b->len, &c, err) < 0)
        return -1;
    if (c == NULL)
        return 0; /* {} */
    int rc = complete(&nilo__config_top, c, root, err);
    if (rc == 0) {
        resolve(c);
        c->cron_secret_line = nilo__config_line(root, "cron_secret");
        rc = nilo__config_rules(c, root, &top, env, err);
    }
    if (rc < 0) {
        nilo_config_free(c);
        return -1;
    }
    *ret = c;
    return 0;
}

/* A file that is there but only leads nowhere is not "no file". */
static bool is_there(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 || errno != ENOENT;
}

int nilo_config_load(const char *path, const struct nilo_env *env, struct nilo_config **ret, struct nilo_err *err)
{
    struct nilo_config *c = NULL;
    struct nilo_arena arena;
    struct nilo_buf text;
    int rc = 0;

    nilo_arena_init(&arena, TREE_MAX);
    nilo_buf_init(&text, FILE_MAX + 1);
    if (path == NULL)
        path = getenv("NILOMETER_CONFIG");
    if (path == NULL || path[0] == '\0')
        path = is_there(DEFAULT_PATH) ? DEFAULT_PATH : NULL;
    if (path != NULL)
        rc = read_file(path, &text, err);
    if (rc == 0 && path != NULL)
        rc = load_text(path, &text, env, &arena, &c, err);
    if (rc == 0 && c == NULL) {
        c = calloc(1, sizeof(*c));
        rc = c != NULL ? complete(&nilo__config_top, c, &nothing, err) : nilo_err_nomem(err);
    }
    if (rc == 0 && path != NULL) {
        c->path = strdup(path);
        rc = c->path != NULL ? 0 : nilo_err_nomem(err);
    }
    if (rc == 0)
        *ret = c;
    else
        nilo_config_free(c);
    nilo_buf_done(&text);
    nilo_arena_done(&arena);
    return rc;
}

void nilo_config_free(struct nilo_config *c)
{
    if (c == NULL)
        return;
    nilo__config_clear(&nilo__config_top, c);
    free(c->path);
    free(c);
}

const char *nilo_config_zone(const struct nilo_config *c, const char *workspace)
{
    for (int i = 0; i < c->n_workspaces; i++) {
        if (strcmp(c->workspaces[i].name, workspace) == 0)
            return c->workspaces[i].zone;
    }
    return "UTC";
}
