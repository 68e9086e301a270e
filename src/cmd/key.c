/* nilometer key: the keys of the store, which are kept outside of it. No key is ever printed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/access.h"
#include "cmd/cmd_priv.h"

struct act {
    const char *name;
    int operands; /* with its name */
    enum nilo_store_mode mode;
    bool needs_keys, writes; /* writes: the file of the keys */
    int (*fn)(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo__ring *ring, const char *operand, struct nilo_err *err);
};

/* ---- list ---------------------------------------------------------------------------------------------------------------------- */

static int secrets_of(struct nilo_store *s, const struct nilo_key *k, int *ret, struct nilo_err *err)
{
    *ret = 0;
    return k->kind == NILO_KEY_MASTER ? nilo_secret_count(s, NULL, k->id, ret, err) : 0;
}

static int list_json(struct nilo_cmd_ctx *ctx, struct nilo_store *s, const struct nilo__ring *ring, struct nilo_err *err)
{
    struct nilo__answer a;
    nilo__answer_init(&a);
    nilo_json_object_begin(&a.json);
    nilo_json_key(&a.json, "path");
    nilo_json_str(&a.json, ring->path);
    nilo_json_key(&a.json, "keys");
    nilo_json_array_begin(&a.json);
    for (int i = 0; i < nilo_keys_n(ring->keys); i++) {
        const struct nilo_key *k = nilo_keys_at(ring->keys, i);
        int n;
        if (secrets_of(s, k, &n, err) != 0) {
            nilo_buf_done(&a.buf);
            return -1;
        }
        nilo_json_object_begin(&a.json);
        nilo_json_key(&a.json, "kind");
        nilo_json_str(&a.json, nilo_key_kind_name((int)k->kind));
        nilo_json_key(&a.json, "id");
        nilo_json_str(&a.json, k->id);
        nilo_json_key(&a.json, "made_at");
        nilo__json_us(&a.json, k->made_at);
        nilo_json_key(&a.json, "current");
        nilo_json_bool(&a.json, k->current);
        nilo_json_key(&a.json, "secrets");
        k->kind == NILO_KEY_MASTER ? nilo_json_int(&a.json, n) : nilo_json_null(&a.json);
        nilo_json_object_end(&a.json);
    }
    nilo_json_array_end(&a.json);
    if (nilo__access_json(ctx, s, &a.json, err) != 0) {
        nilo_buf_done(&a.buf);
        return -1;
    }
    nilo_json_object_end(&a.json);
    return nilo__answer_print(&a, ctx->out, err);
}

static int list(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo__ring *ring, const char *operand, struct nilo_err *err)
{
    static const char *const heads[] = {"kind", "id", "made", "state", "secrets"};
    struct nilo__table t;
    (void)operand;
    if (ctx->json)
        return list_json(ctx, s, ring, err);
    nilo__table_init(&t, 5, 1u << 4);
    for (int i = 0; i < 5; i++)
        nilo__table_add(&t, heads[i]);
    for (int i = 0; i < nilo_keys_n(ring->keys); i++) {
        const struct nilo_key *k = nilo_keys_at(ring->keys, i);
        char made[NILO_US_TEXT];
        int n;
        if (secrets_of(s, k, &n, err) != 0) {
            nilo__table_done(&t);
            return -1;
        }
        nilo_us_format(k->made_at, made);
        nilo__table_add(&t, nilo_key_kind_name((int)k->kind));
        nilo__table_add(&t, k->id);
        nilo__table_addf(&t, "%.10s", made);
        nilo__table_add(&t, k->current ? "current" : "old");
        if (k->kind == NILO_KEY_MASTER)
            nilo__table_addf(&t, "%d", n);
        else
            nilo__table_add(&t, "-");
    }
    fprintf(ctx->out, "keys %s\n\n", ring->path);
    return nilo__table_print(&t, ctx->out, err) == 0 ? nilo__access_table(ctx, s, err) : -1;
}

static int check_changeable(const struct nilo__ring *ring, struct nilo_err *err)
{
    if (ring->place != NILO_KEYS_CREDENTIAL)
        return 0;
    return nilo_err_set(err, NILO_EREADONLY, "the keys come from systemd (%s), which does not take changes; change the file that the unit names "
                        "(NILOMETER_KEYS and no CREDENTIALS_DIRECTORY), then restart the unit", ring->path);
}

/* ---- rotate ---------------------------------------------------------------------------------------------------------------------- */

static int changed(struct nilo_cmd_ctx *ctx, const char *what, const struct nilo_key *k, int secrets, bool finished, struct nilo_err *err)
{
    if (ctx->json) {
        struct nilo__answer a;
        nilo__answer_init(&a);
        nilo_json_object_begin(&a.json);
        nilo_json_key(&a.json, "kind");
        nilo_json_str(&a.json, what);
        nilo_json_key(&a.json, "id");
        nilo_json_str(&a.json, k->id);
        nilo_json_key(&a.json, "secrets");
        nilo_json_int(&a.json, secrets);
        nilo_json_key(&a.json, "finished_earlier");
        nilo_json_bool(&a.json, finished);
        nilo_json_object_end(&a.json);
        return nilo__answer_print(&a, ctx->out, err);
    }
    if (finished)
        fprintf(ctx->out, "Finished the rotation to master key %s: sealed %d %s with it.\n", k->id, secrets, secrets == 1 ? "secret" : "secrets");
    else if (k->kind == NILO_KEY_MASTER)
        fprintf(ctx->out, "The master key is %s now; sealed %d %s with it. The one before is kept for restoring older backups: nilometer key forget.\n",
                k->id, secrets, secrets == 1 ? "secret" : "secrets");
    else
        fprintf(ctx->out, "The %s key is %s now; what the one before made is still taken: nilometer key forget ends that.\n", what, k->id);
    return 0;
}

/* First the new key on disk, then the data keys that it wraps, in steps: killed anywhere, the next call finds some under the key before and only goes on. */
static int rotate_master(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo__ring *ring, struct nilo_err *err)
{
    int expired, back, behind, n;
    bool finish;
    if (nilo_secret_check(s, ring->keys, &expired, &back, err) != 0 || nilo_secret_count(s, ring->keys, NULL, &behind, err) != 0)
        return -1;
    if (expired > 0)
        return nilo_err_set(err, NILO_ENOENT, "%d %s secrets that are sealed with a master key that is not here; bring it back (nilometer key import "
                            "FILE) or store these secrets again, then rotate", expired, expired == 1 ? "connection has" : "connections have");
    finish = behind > 0 && nilo_keys_current(ring->keys, NILO_KEY_MASTER) != NULL;
    if (!finish && (nilo_keys_add(ring->keys, NILO_KEY_MASTER, ctx->env, err) != 0 || nilo_keys_save(ring->keys, ring->path, true, err) != 0))
        return -1;
    if (nilo_secret_reseal(s, ring->keys, 0, &n, err) != 0)
        return -1;
    return changed(ctx, "master", nilo_keys_current(ring->keys, NILO_KEY_MASTER), n, finish, err);
}

static int data_changed(struct nilo_cmd_ctx *ctx, int secrets, bool finished, struct nilo_err *err)
{
    if (!ctx->json) {
        fprintf(ctx->out, "%s: sealed %d %s with %s.\n", finished ? "Finished the rotation of the data keys" : "Each connection has a new data key", secrets,
                secrets == 1 ? "secret" : "secrets", finished ? "them" : "it");
        return 0;
    }
    struct nilo__answer a;
    nilo__answer_init(&a);
    nilo_json_object_begin(&a.json);
    nilo_json_key(&a.json, "kind");
    nilo_json_str(&a.json, "data");
    nilo_json_key(&a.json, "secrets");
    nilo_json_int(&a.json, secrets);
    nilo_json_key(&a.json, "finished_earlier");
    nilo_json_bool(&a.json, finished);
    nilo_json_object_end(&a.json);
    return nilo__answer_print(&a, ctx->out, err);
}

/* First the number of the rotation, then the connections, in steps: killed anywhere, the next call finds some of an earlier number and only goes on. */
static int rotate_data(struct nilo_cmd_ctx *ctx, struct nilo_store *s, const struct nilo__ring *ring, struct nilo_err *err)
{
    int behind, n;
    if (nilo_data_keys_behind(s, &behind, err) != 0 || (behind == 0 && nilo_data_keys_begin(s, err) != 0) ||
        nilo_data_keys_rotate(s, ring->keys, 0, &n, err) != 0)
        return -1;
    return data_changed(ctx, n, behind > 0, err);
}

static int rotate(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo__ring *ring, const char *operand, struct nilo_err *err)
{
    int kind = nilo_key_kind_value(operand);
    if (strcmp(operand, "data") == 0)
        return rotate_data(ctx, s, ring, err);
    if (kind < 0)
        return nilo_err_set(err, NILO_EUSAGE, "\"%s\" is no kind of key; there are master, data, token and signing", operand);
    if (check_changeable(ring, err) != 0)
        return -1;
    if (kind == NILO_KEY_MASTER)
        return rotate_master(ctx, s, ring, err);
    if (nilo_keys_add(ring->keys, (enum nilo_key_kind)kind, ctx->env, err) != 0 || nilo_keys_save(ring->keys, ring->path, true, err) != 0)
        return -1;
    return changed(ctx, operand, nilo_keys_current(ring->keys, (enum nilo_key_kind)kind), 0, false, err);
}

/* ---- forget, export, import --------------------------------------------------------------------------------------------------------- */

static int forget_unused(struct nilo_store *s, struct nilo__ring *ring, const char *operand, struct nilo_err *err)
{
    int n;
    if (nilo_secret_count(s, NULL, operand, &n, err) != 0)
        return -1;
    if (n > 0)
        return nilo_err_set(err, NILO_EINVAL, "%d %s still sealed with the key %.40s; first: nilometer key rotate master", n, n == 1 ? "secret is" : "secrets are",
                            operand);
    return nilo_keys_forget(ring->keys, operand, err) == 0 ? nilo_keys_save(ring->keys, ring->path, true, err) : -1;
}

/* In a transaction, so that nobody seals anything between the look and the end of the key: who does reads the file within one, too. */
static int forget(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo__ring *ring, const char *operand, struct nilo_err *err)
{
    if (nilo_store_begin(s, err) != 0)
        return -1;
    int rc = forget_unused(s, ring, operand, err);
    nilo_store_rollback(s); /* nothing was written to the store */
    if (rc != 0)
        return -1;
    fprintf(ctx->out, "Forgot the key %s.\n", operand);
    return 0;
}

static int export_keys(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo__ring *ring, const char *operand, struct nilo_err *err)
{
    (void)s;
    if (nilo_keys_save(ring->keys, operand, false, err) != 0)
        return -1;
    fprintf(ctx->out, "Wrote %d keys to %s. Keep that file where nobody else reads it, and not beside backups of the store.\n",
            nilo_keys_n(ring->keys), operand);
    return 0;
}

static int import_keys(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo__ring *ring, const char *operand, struct nilo_err *err)
{
    struct nilo_keys *from = NULL;
    int n = 0;
    if (nilo_keys_load(operand, nilo_store_uuid(s), &from, err) != 0)
        return -1;
    bool there = ring->keys != NULL;
    int rc = there ? 0 : nilo_keys_new(nilo_store_uuid(s), &ring->keys, err);
    if (rc == 0)
        rc = nilo_keys_merge(ring->keys, from, &n, err);
    if (rc == 0 && (n > 0 || !there))
        rc = nilo_keys_save(ring->keys, ring->path, there, err);
    nilo_keys_free(from);
    if (rc != 0 || nilo__ring_check(ctx, s, ring, err) != 0)
        return -1;
    fprintf(ctx->out, "Took over %d %s from %s.\n", n, n == 1 ? "key" : "keys", operand);
    return 0;
}

/* ---- the command ---------------------------------------------------------------------------------------------------------------------- */

static const struct act acts[] = {
    {"list", 1, NILO_STORE_READ, true, false, list},
    {"rotate", 2, NILO_STORE_WRITE, true, false, rotate}, /* of data keys: they are in the store */
    {"forget", 2, NILO_STORE_WRITE, true, true, forget},
    {"export", 2, NILO_STORE_READ, true, false, export_keys},
    {"import", 2, NILO_STORE_WRITE, false, true, import_keys},
    {"add", 1, NILO_STORE_WRITE, true, false, nilo__access_add},
    {"revoke", 2, NILO_STORE_WRITE, false, false, nilo__access_revoke},
};
#define N_ACTS (sizeof acts / sizeof acts[0])

static int act_on(struct nilo_cmd_ctx *ctx, const struct act *act, struct nilo_store *s, struct nilo__ring *ring, struct nilo_err *err)
{
    if (act->needs_keys && ring->keys == NULL)
        return nilo_err_set(err, NILO_ENOENT, "there are no keys of this store, %s is not there; nilometer init makes new ones, nilometer key import FILE brings "
                            "old ones back", ring->path);
    if (act->writes && check_changeable(ring, err) != 0)
        return -1;
    return act->fn(ctx, s, ring, act->operands == 2 ? nilo_args_rest(ctx->args, 1) : NULL, err);
}

static int run(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    struct nilo_store *s = NULL;
    struct nilo__ring ring;
    if (nilo__operands(ctx, 1, 2, err) != 0)
        return -1;
    const struct act *act = nilo__act_find(acts, N_ACTS, sizeof acts[0], nilo_args_rest(ctx->args, 0), "keys", err);
    if (act == NULL || nilo__operands(ctx, act->operands, act->operands, err) != 0 || nilo_cmd_store(ctx, act->mode, &s, err) != 0)
        return -1;
    int rc = nilo__ring_open(s, &ring, err);
    if (rc == 0)
        rc = act_on(ctx, act, s, &ring, err);
    nilo__ring_done(&ring);
    nilo_store_close(s);
    return rc;
}

const struct nilo_cmd nilo_cmd_key = {
    .name = "key",
    .operands = "list|add|revoke|rotate|forget|export|import [...]",
    .summary = "the keys of the store, and those that open its API",
    .description =
        "init makes three keys: master (seals the secrets of connections in the store), token (signs what the API hands out) and signing (signs the "
        "log of roots). They are in one file, STORE-ID.keys, that only its owner may read, in $XDG_CONFIG_HOME/nilometer/keys or "
        "~/.config/nilometer/keys, or in the folder that NILOMETER_KEYS names: never in the folder of the store, so that a copy of that gives no "
        "secret away. Where systemd hands over a credential nilometer.keys, that is taken. None of these is ever printed, logged, backed up or exported "
        "with the store. rotate takes a KIND (master, data, token, signing), revoke and forget an ID, export and import a FILE.\n\n"
        "rotate makes a new current key of a kind. The master key seals the data keys, one for each connection, which are in the store and seal its secrets: "
        "rotate master seals the data keys anew, rotate data makes new ones and seals all secrets anew. Both work in steps while others go on, and killed in "
        "between, the same command finishes it. Keys before it are kept, for older backups and for what they signed, until forget, which refuses a key that is in use. "
        "export writes a copy to a new file, import takes keys from such a copy.\n\n"
        "A store that is restored without its master key keeps all history; connections with secrets become expired, and are connected again when "
        "the key is back.\n\n"
        "Other keys are those that programs show to the API (nilometer serve). add makes one for a role and prints it, this once: the store keeps a hash "
        "of it under the token key, so that neither a copy of the store nor an export lets anybody in. revoke ends one, by its id; a server that is "
        "running follows within a second. Forgetting a token key ends the API keys that were made under it. Roles, and keys in the form of signed tokens: "
        "nilometer help token.\n\n"
        "  nilometer key list\n"
        "  nilometer key export /media/safe/nilometer.keys\n"
        "  nilometer key rotate master\n"
        "  nilometer key add --role authenticated --workspace studio --name dashboard",
    .options = (const struct nilo_option[]){{"role", "ROLE", "add: anon, authenticated, admin or service_role", false},
                                            {"workspace", "W", "add: what it may reach; may be given several times", true},
                                            {"name", "TEXT", "add: what it is for; list shows it", false},
                                            {"days", "N", "add: for so long; else until it is revoked", false},
                                            {0}},
    .run = run,
    .writes = NILO_CMD_WRITES,
};
