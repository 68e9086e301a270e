/* nilometer import of what taps write (Singer, Airbyte): what their streams mean, by the configuration, a ready-made mapping or --map; a new configuration
 * that a source wants kept; and the state, which is kept once everything before it is in the record. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd_priv.h"
#include "cmd/import_priv.h"
#include "store/collecting.h"

/* ---- which tap -------------------------------------------------------------------------------------------------------------------------- */

int nilo__tap_find(const struct nilo_config *c, const char *name, const char *workspace, const struct nilo_config_tap **ret, struct nilo_err *err)
{
    *ret = NULL;
    for (int i = 0; i < c->n_taps; i++) {
        const struct nilo_config_tap *tap = &c->taps[i];
        if (strcmp(tap->name, name) != 0 || (workspace != NULL && strcmp(tap->workspace, workspace) != 0))
            continue;
        if (*ret != NULL)
            return nilo_err_set(err, NILO_EUSAGE, "there is a tap %s in several workspaces; say which with --workspace", name);
        *ret = tap;
    }
    return 0;
}

static int unknown_mapping(const char *name, struct nilo_err *err)
{
    struct nilo_buf b;
    nilo_buf_init(&b, 1000);
    for (size_t i = 0; nilo_import_ready_name(i) != NULL; i++)
        nilo_buf_addf(&b, "%s%s", i > 0 ? ", " : "", nilo_import_ready_name(i));
    int rc = nilo_err_set(err, NILO_EUSAGE, "there is no ready-made mapping %s; there are %s", name, nilo_buf_str(&b));
    nilo_buf_done(&b);
    return rc;
}

static bool is_true(const char *text)
{
    return strcmp(text, "true") == 0;
}

static enum nilo_entity_kind kind_of(const char *name)
{
    int kind = NILO_APP;
    while (kind > NILO_CONTENT && strcmp(nilo_entity_kind_name(kind), name) != 0)
        kind--;
    return (enum nilo_entity_kind)kind;
}

static int add_configured(struct nilo__import_tap *t, const struct nilo_config *c, const struct nilo_config_tap *tap, struct nilo_arena *arena, struct nilo_err *err)
{
    for (int i = 0; tap != NULL && i < tap->n_streams; i++) {
        const struct nilo_config_tap_stream *s = &tap->streams[i];
        const char *place = nilo_arena_printf(arena, "%s:%d: taps[%d].streams[%d]", c->path, s->line, (int)(tap - c->taps), i);
        if (place == NULL)
            return nilo_err_nomem(err);
        t->streams[t->n_streams++] = (struct nilo_import_stream){
            .stream = s->stream, .kind = kind_of(s->kind), .map = s->map, .names = s->names, .where = s->where, .absent = s->absent, .each = s->each, .keys = s->keys,
            .sum = is_true(s->sum), .window_days = s->window_days, .place = place,
        };
    }
    return 0;
}

/* All of --map as one: the parts have commas between them anyway. */
static int add_typed(struct nilo__import_tap *t, const struct nilo_args *args, struct nilo_arena *arena, struct nilo_err *err)
{
    const char *map = "", *stream = nilo_args_get(args, "stream");
    int n = nilo_args_count(args, "map");
    for (int i = 0; i < n && map != NULL; i++)
        map = nilo_arena_printf(arena, "%s%s%s", map, i > 0 ? "," : "", nilo_args_nth(args, "map", i));
    if (map == NULL)
        return nilo_err_nomem(err);
    if (n > 0)
        t->streams[t->n_streams++] = (struct nilo_import_stream){.stream = stream != NULL ? stream : "*", .map = map, .names = nilo_args_get(args, "names")};
    else if (stream != NULL || nilo_args_get(args, "names") != NULL)
        return nilo_err_set(err, NILO_EUSAGE, "--stream and --names go with --map");
    return 0;
}

static int take_format(struct nilo__import_tap *t, const char *format, struct nilo_err *err)
{
    if (format == NULL)
        return 0;
    bool singer = strcmp(format, "singer") == 0;
    if (!singer && strcmp(format, "airbyte") != 0)
        return nilo_err_set(err, NILO_EUSAGE, "what a tap writes is of the format singer or airbyte, not %s", format);
    t->format = singer ? NILO_IMPORT_SINGER : NILO_IMPORT_AIRBYTE;
    return 0;
}

static int nothing_mapped(const struct nilo_config *c, const char *name, struct nilo_err *err)
{
    if (name == NULL)
        return nilo_err_set(err, NILO_EUSAGE,
                            "what the fields of its records mean has to be said: --tap NAME of the configuration, --mapping of a ready-made one, or --map");
    return nilo_err_set(err, NILO_EUSAGE, "there is no tap %s among taps of %s; name it there, or say --mapping or --map", name,
                        c->path != NULL ? c->path : "a configuration");
}

int nilo__import_tap(const struct nilo_cmd_ctx *ctx, const struct nilo_config *c, struct nilo_arena *arena, struct nilo__import_tap *ret, struct nilo_err *err)
{
    const char *name = nilo_args_get(ctx->args, "tap"), *workspace = nilo_args_get(ctx->args, "workspace");
    const struct nilo_config_tap *tap = NULL;
    const struct nilo_import_stream *ready = NULL;
    size_t n_ready = 0;
    static const char *const none[] = {NULL};
    *ret = (struct nilo__import_tap){.format = NILO_IMPORT_SINGER, .metrics = none, .connection = name, .config_path = nilo_args_get(ctx->args, "config-out")};
    if (name != NULL && nilo__tap_find(c, name, workspace, &tap, err) != 0)
        return -1;
    const char *mapping = nilo_args_get(ctx->args, "mapping");
    if (mapping == NULL && tap != NULL)
        mapping = tap->mapping;
    if (mapping != NULL && !nilo_import_ready(mapping, &ret->format, &ret->platform, &ready, &n_ready, &ret->metrics))
        return unknown_mapping(mapping, err);
    enum nilo_import_format own = ret->format;
    if (take_format(ret, tap != NULL ? tap->format : NULL, err) != 0 || take_format(ret, nilo_args_get(ctx->args, "format"), err) != 0)
        return -1;
    if (mapping != NULL && own != ret->format)
        return nilo_err_set(err, NILO_EUSAGE, "%s is a mapping for the format %s", mapping, own == NILO_IMPORT_SINGER ? "singer" : "airbyte");
    ret->workspace = tap != NULL ? tap->workspace : NULL;
    if (tap != NULL && tap->platform != NULL)
        ret->platform = tap->platform;
    ret->streams = nilo_arena_array(arena, n_ready + (tap != NULL ? (size_t)tap->n_streams : 0) + 1, sizeof *ret->streams);
    if (ret->streams == NULL)
        return nilo_err_nomem(err);
    if (add_typed(ret, ctx->args, arena, err) != 0 || add_configured(ret, c, tap, arena, err) != 0)
        return -1;
    for (size_t i = 0; i < n_ready; i++)
        ret->streams[ret->n_streams++] = ready[i];
    return ret->n_streams > 0 ? 0 : nothing_mapped(c, name, err);
}

/* ---- a new configuration ---------------------------------------------------------------------------------------------------------------------- */

static int write_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, p, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return -1;
        p += done;
        n -= (size_t)done;
    }
    return 0;
}

/* It holds tokens: nobody else may read it, and at no instant is there half of it, since the old one may have ended. */
int nilo__import_tap_config(void *path, const char *json, size_t len, struct nilo_err *err)
{
    char *part = NULL;
    if (asprintf(&part, "%s.XXXXXX", (const char *)path) < 0)
        return nilo_err_nomem(err);
    int fd = mkostemp(part, O_CLOEXEC); /* 0600 */
    bool made = fd >= 0;
    bool done = made && write_all(fd, json, len) == 0 && write_all(fd, "\n", 1) == 0 && fsync(fd) == 0;
    int rc = done && rename(part, path) == 0 ? 0 : nilo_err_sys(err, NILO_EIO, "cannot keep the new configuration of the source in %s", (const char *)path);
    if (made)
        close(fd);
    if (made && rc != 0)
        unlink(part);
    free(part);
    return rc;
}

/* ---- the state ---------------------------------------------------------------------------------------------------------------------------------- */

int nilo__import_tap_state(struct nilo_store *s, const char *workspace, const char *connection, struct nilo_arena *arena, struct nilo_tap_state *ret, bool *ret_known,
                           struct nilo_err *err)
{
    struct nilo_workspace w;
    struct nilo_connection c;
    struct nilo_err none = {0};
    *ret = (struct nilo_tap_state){.kept_at = NILO_US_NONE};
    *ret_known = nilo_store_workspace(s, workspace, false, NULL, &w, &none) == 0 && nilo_store_connection(s, w.id, connection, false, NULL, NULL, &c, &none) == 0;
    if (*ret_known)
        return nilo_store_tap_state(s, c.id, arena, ret, err);
    if (none.code == NILO_ENOENT)
        return 0;
    if (err != NULL)
        *err = none;
    return -1;
}

int nilo__import_tap_keep(struct nilo_store *s, int64_t connection, const struct nilo_tap_state *state, struct nilo_err *err)
{
    if (nilo_store_begin(s, err) != 0)
        return -1;
    if (nilo_store_tap_state_put(s, connection, state, err) != 0) {
        nilo_store_rollback(s);
        return -1;
    }
    return nilo_store_commit(s, err);
}
