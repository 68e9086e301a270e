/* nilometer tap: what is kept for taps of Singer's and sources of Airbyte's between two runs of theirs, and the mappings that the program has. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd_priv.h"
#include "cmd/import_priv.h"

#define DEFAULT_WORKSPACE "default"

struct asked {
    struct nilo_config *config;
    struct nilo_store *store;
    struct nilo_arena arena;
    const struct nilo_config_tap *tap; /* NULL = the configuration has none of that name */
    const char *name, *workspace;
};

/* ---- state ---------------------------------------------------------------------------------------------------------------------------------- */

static bool speaks_airbyte(const struct nilo_cmd_ctx *ctx, const struct asked *a)
{
    enum nilo_import_format format = NILO_IMPORT_SINGER;
    const char *platform, *const *metrics, *said = nilo_args_get(ctx->args, "format");
    const struct nilo_import_stream *streams;
    size_t n;
    if (said == NULL && a->tap != NULL)
        said = a->tap->format;
    if (said != NULL)
        return strcmp(said, "airbyte") == 0;
    return a->tap != NULL && a->tap->mapping != NULL && nilo_import_ready(a->tap->mapping, &format, &platform, &streams, &n, &metrics) && format == NILO_IMPORT_AIRBYTE;
}

/* Nothing kept is a state as well, which every tap understands: begin at the beginning. */
static int print_state(struct nilo_cmd_ctx *ctx, struct asked *a, struct nilo_err *err)
{
    struct nilo_tap_state state;
    bool known;
    if (nilo__import_tap_state(a->store, a->workspace, a->name, &a->arena, &state, &known, err) != 0)
        return -1;
    if (!known && a->tap == NULL)
        nilo_cmd_notice(ctx, "there is no tap %s in workspace %s yet; nothing is kept for it", a->name, a->workspace);
    fprintf(ctx->out, "%s\n", state.text != NULL ? state.text : speaks_airbyte(ctx, a) ? "[]" : "{}");
    return 0;
}

static int forget_state(struct nilo_cmd_ctx *ctx, struct asked *a, struct nilo_err *err)
{
    struct nilo_workspace w;
    struct nilo_connection c;
    if (nilo_store_workspace(a->store, a->workspace, false, NULL, &w, err) != 0 || nilo_store_connection(a->store, w.id, a->name, false, NULL, NULL, &c, err) != 0)
        return nilo__wrong_name(err);
    if (nilo_store_begin(a->store, err) != 0)
        return -1;
    if (nilo_store_tap_state_forget(a->store, c.id, err) != 0) {
        nilo_store_rollback(a->store);
        return -1;
    }
    if (nilo_store_commit(a->store, err) != 0)
        return -1;
    fprintf(ctx->out, "Nothing is kept for %s any more: the tap tells everything again, and what is in the record stays as it is.\n", a->name);
    return 0;
}

/* ---- mappings ------------------------------------------------------------------------------------------------------------------------------------ */

static void line(FILE *out, const char *key, const char *text)
{
    if (text != NULL)
        fprintf(out, "        %s: '%s'\n", key, text);
}

/* As it would stand in the configuration, to be copied and altered. */
static void print_mapping(FILE *out, const char *name, enum nilo_import_format format, const char *platform, const struct nilo_import_stream *streams, size_t n)
{
    fprintf(out, "taps:\n  - name: %s\n    format: %s\n    platform: %s\n    streams:\n", name, format == NILO_IMPORT_SINGER ? "singer" : "airbyte", platform);
    for (size_t i = 0; i < n; i++) {
        const struct nilo_import_stream *s = &streams[i];
        fprintf(out, "      - stream: '%s'\n", s->stream);
        if (s->kind != NILO_CONTENT)
            fprintf(out, "        kind: %s\n", nilo_entity_kind_name((int)s->kind));
        line(out, "map", s->map);
        line(out, "names", s->names);
        line(out, "where", s->where);
        line(out, "each", s->each);
        line(out, "keys", s->keys);
        if (s->sum)
            fputs("        sum: true\n", out);
        if (s->window_days != 0)
            fprintf(out, "        window_days: %d\n", (int)s->window_days);
    }
}

static int list_mappings(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    enum nilo_import_format format;
    const char *platform, *const *metrics, *name;
    const struct nilo_import_stream *streams;
    size_t n;
    if (nilo_args_rest_n(ctx->args) == 2) {
        name = nilo_args_rest(ctx->args, 1);
        if (!nilo_import_ready(name, &format, &platform, &streams, &n, &metrics))
            return nilo_err_set(err, NILO_EUSAGE, "there is no ready-made mapping %s; nilometer tap mappings lists them", name);
        print_mapping(ctx->out, name, format, platform, streams, n);
        return 0;
    }
    for (size_t i = 0; (name = nilo_import_ready_name(i)) != NULL; i++)
        fprintf(ctx->out, "%s\n", name);
    return 0;
}

/* ---- the command --------------------------------------------------------------------------------------------------------------------------------- */

static const struct act {
    const char *name;
    int operands; /* with its name */
    enum nilo_store_mode mode;
    int (*fn)(struct nilo_cmd_ctx *ctx, struct asked *a, struct nilo_err *err); /* NULL: mappings, which need no store */
} acts[] = {
    {"state", 2, NILO_STORE_READ, print_state},
    {"forget", 2, NILO_STORE_WRITE, forget_state},
    {"mappings", 1, NILO_STORE_READ, NULL},
};
#define N_ACTS (sizeof acts / sizeof acts[0])

static int ask(struct nilo_cmd_ctx *ctx, const struct act *act, struct asked *a, struct nilo_err *err)
{
    const char *workspace = nilo_args_get(ctx->args, "workspace");
    a->name = nilo_args_rest(ctx->args, 1);
    if (nilo_cmd_config(ctx, &a->config, err) != 0 || nilo__tap_find(a->config, a->name, workspace, &a->tap, err) != 0 || nilo_cmd_store(ctx, act->mode, &a->store, err) != 0)
        return -1;
    a->workspace = workspace != NULL ? workspace : a->tap != NULL ? a->tap->workspace : DEFAULT_WORKSPACE;
    return act->fn(ctx, a, err);
}

static int run(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    if (nilo__operands(ctx, 1, 2, err) != 0)
        return -1;
    const struct act *act = nilo__act_find(acts, N_ACTS, sizeof acts[0], nilo_args_rest(ctx->args, 0), "a tap", err);
    if (act == NULL)
        return -1;
    if (act->fn == NULL)
        return list_mappings(ctx, err);
    if (nilo__operands(ctx, act->operands, act->operands, err) != 0)
        return -1;
    struct asked a = {0};
    nilo_arena_init(&a.arena, 0);
    int rc = ask(ctx, act, &a, err);
    nilo_store_close(a.store);
    nilo_config_free(a.config);
    nilo_arena_done(&a.arena);
    return rc;
}

const struct nilo_cmd nilo_cmd_tap = {
    .name = "tap",
    .operands = "state|forget NAME | mappings [NAME]",
    .summary = "what is kept for taps (Singer, Airbyte), and mappings",
    .description =
        "A tap tells at its end how far it came: its state. import keeps it for the connection once everything that came before it is in the record, and never sooner; "
        "state prints it, to be handed to the tap when it runs again ({}, or [] for Airbyte, where nothing is kept yet). So a tap that was killed, or an "
        "import, tells again what is not in the record, and what is there already changes nothing.\n"
        "\n"
        "    nilometer tap state yt >state.json\n"
        "    tap-youtube-analytics --config config.json --catalog catalog.json --state state.json | nilometer import --tap yt -\n"
        "\n"
        "A state is kept when all records were taken, or when --refused keeps those that were not. It is no part of the record: exports do not have it, a "
        "backup does. Erasing anything of a workspace forgets the states in it, since they may name items. forget does so for one tap, which then tells everything again.\n"
        "\n"
        "mappings lists the mappings that the program has, and prints one as it would stand in the configuration, to be altered. docs/taps.md says more.",
    .options = (const struct nilo_option[]){{"workspace", "W", "state, forget: the tap's workspace; default: the configuration's, or \"default\"", false},
                                            {"format", "FORMAT", "state: what the tap speaks, singer or airbyte, where the configuration does not say it", false},
                                            {0}},
    .run = run,
    .writes = NILO_CMD_WRITES,
};
