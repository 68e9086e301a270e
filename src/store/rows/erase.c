/* Erasing a person. What tells who it was is overwritten, rows and keys stay, so no number changes. What was erased is known again by
 * a keyed hash alone: BLAKE2b-256 under a key of the workspace, random and made at its first erasure. The key is in the store, so that a copy
 * of it goes on refusing what was erased; whoever has the whole store can try whether an id that they know was erased, and no more. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "store/rows/rows.h"

#define GONE  NILO__GONE
#define SWEEP "erase_sweep" /* meta: something was erased and the file not yet written anew */

struct nilo__erased {
    int64_t workspace;
    unsigned char hash[NILO_MAC_LEN];
};

/* ---- what was erased ------------------------------------------------------------------------------------------------------ */

static int by_hash(const void *a, const void *b)
{
    const struct nilo__erased *x = a, *y = b;
    if (x->workspace != y->workspace)
        return x->workspace < y->workspace ? -1 : 1;
    return memcmp(x->hash, y->hash, sizeof x->hash);
}

void nilo__erased_forget(struct nilo_store *s)
{
    free(s->erased);
    free(s->erase_keys);
    s->erased = NULL;
    s->erase_keys = NULL;
    s->n_erase_keys = 0;
    s->n_erased = 0;
    s->erased_loaded = false;
}

struct nilo__erase_key {
    int64_t workspace;
    unsigned char key[NILO_MAC_LEN];
};

static const unsigned char *key_of(const struct nilo_store *s, int64_t workspace)
{
    for (size_t i = 0; i < s->n_erase_keys; i++)
        if (s->erase_keys[i].workspace == workspace)
            return s->erase_keys[i].key;
    return NULL;
}

static int load_keys(struct nilo_store *s, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    int got;
    if (nilo__query(s, &stmt, err, "SELECT workspace_id, key FROM erase_key", 0, NULL) < 0)
        return -1;
    while ((got = nilo_db_row(stmt, err)) == 1) {
        struct nilo__erase_key *more = realloc(s->erase_keys, (s->n_erase_keys + 1) * sizeof *more);
        struct nilo_db_value key = nilo_db_column(stmt, 1);
        if (more == NULL || key.len != NILO_MAC_LEN) {
            s->erase_keys = more != NULL ? more : s->erase_keys;
            nilo_db_reset(stmt);
            return more == NULL ? nilo_err_nomem(err)
                                : nilo_err_set(err, NILO_ECORRUPT, "a key of erased ids (erase_key) is damaged; restore a backup");
        }
        s->erase_keys = more;
        more[s->n_erase_keys].workspace = nilo_db_column_int(stmt, 0);
        memcpy(more[s->n_erase_keys++].key, key.p, NILO_MAC_LEN);
    }
    return got;
}

static int load_erased(struct nilo_store *s, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    size_t cap = 0;
    int got;
    if (s->erased_loaded)
        return 0;
    nilo__erased_forget(s);
    if (load_keys(s, err) < 0)
        return -1;
    s->erased_loaded = true;
    if (s->n_erase_keys == 0)
        return 0;
    if (nilo__query(s, &stmt, err, "SELECT workspace_id, hash FROM erased", 0, NULL) < 0)
        return -1;
    while ((got = nilo_db_row(stmt, err)) == 1) {
        if (s->n_erased == cap) {
            cap = cap ? 2 * cap : 64;
            struct nilo__erased *more = realloc(s->erased, cap * sizeof *more);
            if (more == NULL) {
                nilo_db_reset(stmt);
                return nilo_err_nomem(err);
            }
            s->erased = more;
        }
        struct nilo_db_value hash = nilo_db_column(stmt, 1);
        s->erased[s->n_erased].workspace = nilo_db_column_int(stmt, 0);
        if (hash.len == NILO_MAC_LEN)
            memcpy(s->erased[s->n_erased++].hash, hash.p, NILO_MAC_LEN);
    }
    if (s->n_erased > 0)
        qsort(s->erased, s->n_erased, sizeof *s->erased, by_hash);
    return got;
}

/* The workspace's key is there afterwards. */
static int make_key(struct nilo_store *s, int64_t workspace, struct nilo_err *err)
{
    unsigned char key[NILO_MAC_LEN];
    if (load_erased(s, err) < 0)
        return -1;
    if (key_of(s, workspace) != NULL)
        return 0;
    s->env.random.fill(s->env.random.ctx, key, sizeof key);
    if (nilo__run(s, err, "INSERT INTO erase_key (workspace_id, key) VALUES (?1, ?2)",
                  NILO__PARAMS(NILO_DBV_INT(workspace), nilo_dbv_bytes(key, sizeof key))) < 0)
        return -1;
    nilo__erased_forget(s);
    return load_erased(s, err);
}

/* Platform and not connection: a video that comes by another way is the same video. */
static int hash_of(const unsigned char *key, enum nilo_erase_kind what, int kind, const char *platform, const char *name,
                   unsigned char out[NILO_MAC_LEN], struct nilo_err *err)
{
    struct nilo_buf b;
    nilo_buf_init(&b, 65536);
    nilo_buf_addf(&b, "%d %d ", (int)what, what == NILO_ERASE_ITEM ? kind : 0);
    nilo_buf_add(&b, platform, strlen(platform) + 1);
    nilo_buf_adds(&b, name);
    if (!b.failed)
        nilo_mac(key, b.data, b.len, out);
    int rc = b.failed ? nilo_err_nomem(err) : 0;
    nilo_buf_done(&b);
    return rc;
}

int nilo_store_was_erased(struct nilo_store *s, int64_t workspace, enum nilo_erase_kind what, int kind, const char *platform,
                          const char *name, bool *ret, struct nilo_err *err)
{
    struct nilo__erased key = {.workspace = workspace};
    if (load_erased(s, err) < 0)
        return -1;
    *ret = false;
    const unsigned char *mac_key = s->n_erased > 0 ? key_of(s, workspace) : NULL;
    if (mac_key == NULL)
        return 0;
    if (hash_of(mac_key, what, kind, platform, name, key.hash, err) < 0)
        return -1;
    *ret = bsearch(&key, s->erased, s->n_erased, sizeof key, by_hash) != NULL;
    return 0;
}

int nilo__erased_refuse(struct nilo_store *s, int64_t workspace, enum nilo_erase_kind what, int kind, const char *platform, const char *name,
                        struct nilo_err *err)
{
    static const char *const whats[] = {"an item", "an owner", "a connection"};
    bool erased;
    if (nilo_store_was_erased(s, workspace, what, kind, platform, name, &erased, err) < 0)
        return -1;
    return erased ? nilo_err_set(err, NILO_EPERM, "%s of that name was erased here and is not recorded again", whats[what]) : 0;
}

/* ---- what an erasure takes ------------------------------------------------------------------------------------------------- */

struct item {
    struct nilo_entity_ref ref;
    int kind;
    char *external_id, *title, *platform;
    char new_id[48];
};
struct erasing {
    struct nilo_store *s;
    const struct nilo_erase *what;
    struct nilo_arena arena;
    struct item *items;
    size_t n, cap;
    int64_t owner, connection; /* 0 = none */
    const char *owner_name;    /* of the owner: how they are called; NULL = not known */
    const char **words;        /* what a message must not hold any more */
    size_t n_words;
    int64_t act;
    nilo_us now;
    unsigned char hash[NILO_MAC_LEN];
    struct nilo_erasure *ret;
};

static int add_item(struct erasing *e, struct nilo_db_stmt *stmt, struct nilo_err *err)
{
    if (e->n == e->cap) {
        size_t cap = e->cap ? 2 * e->cap : 64;
        struct item *more = realloc(e->items, cap * sizeof *more);
        if (more == NULL)
            return nilo_err_nomem(err);
        e->items = more;
        e->cap = cap;
    }
    struct item *x = &e->items[e->n++];
    *x = (struct item){.ref = {(int32_t)nilo_db_column_int(stmt, 0), nilo_db_column_int(stmt, 1)},
                       .kind = (int)nilo_db_column_int(stmt, 2),
                       .external_id = nilo_arena_strdup(&e->arena, nilo_db_column_text(stmt, 3)),
                       .title = nilo_arena_strdup(&e->arena, nilo_db_column_text(stmt, 4)),
                       .platform = nilo_arena_strdup(&e->arena, nilo_db_column_text(stmt, 5))};
    struct nilo_db_value key = nilo_db_column(stmt, 6);
    if (key.len != 16)
        return nilo_err_set(err, NILO_ECORRUPT, "an item has a damaged key; restore a backup");
    memcpy(x->new_id, "erased:", 7);
    nilo_hex(key.p, key.len, x->new_id + 7);
    return x->external_id != NULL && x->platform != NULL ? 0 : nilo_err_nomem(err);
}

#define ITEMS                                                                                                          \
    "SELECT e.bucket, e.id, e.kind, e.external_id, t.title, c.platform, e.key128 FROM entity e JOIN connection c ON c.id = e.connection_id " \
    "LEFT JOIN content t ON t.bucket = e.bucket AND t.entity_id = e.id WHERE e.kind <> 2 AND e.erased_at IS NULL AND "
#define CREDITED "EXISTS (SELECT 1 FROM credit k WHERE k.bucket = e.bucket AND k.entity_id = e.id AND "

static int find_items(struct erasing *e, struct nilo_err *err)
{
    /* an owner's items are those credited to nobody else who is still known */
    static const char *const sql[] = {
        ITEMS "e.workspace_id = ?1 AND e.external_id = ?2 ORDER BY e.bucket, e.id",
        ITEMS "e.workspace_id = ?1 AND " CREDITED "k.owner_id = ?2) AND NOT " CREDITED
              "k.owner_id <> ?2 AND k.ended_at IS NULL AND k.owner_id IN (SELECT id FROM owner WHERE erased_at IS NULL)) ORDER BY e.bucket, e.id",
        ITEMS "e.workspace_id = ?1 AND e.connection_id = ?2 ORDER BY e.bucket, e.id",
    };
    struct nilo_db_stmt *stmt;
    int got;
    int64_t id = e->what->kind == NILO_ERASE_OWNER ? e->owner : e->connection;
    const struct nilo_db_value params[] = {NILO_DBV_INT(e->what->workspace),
                                           e->what->kind == NILO_ERASE_ITEM ? NILO_DBV_TEXT(e->what->name) : NILO_DBV_INT(id)};
    if (nilo__query(e->s, &stmt, err, sql[e->what->kind], 2, params) < 0)
        return -1;
    while ((got = nilo_db_row(stmt, err)) == 1)
        if (add_item(e, stmt, err) < 0) {
            nilo_db_reset(stmt);
            return -1;
        }
    return got;
}

static int find_name(struct erasing *e, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    if (nilo__query(e->s, &stmt, err, "SELECT display_name FROM owner WHERE id = ?1 AND display_name <> ''", NILO__PARAMS(NILO_DBV_INT(e->owner))) < 0)
        return -1;
    int got = nilo_db_row(stmt, err);
    if (got == 1 && (e->owner_name = nilo_arena_strdup(&e->arena, nilo_db_column_text(stmt, 0))) == NULL)
        got = nilo_err_nomem(err);
    nilo_db_reset(stmt);
    return got < 0 ? -1 : 0;
}

static int find(struct erasing *e, struct nilo_err *err)
{
    const struct nilo_db_value params[] = {NILO_DBV_INT(e->what->workspace), NILO_DBV_TEXT(e->what->name)};
    if (e->what->kind == NILO_ERASE_OWNER &&
        nilo__query_int(e->s, 0, &e->owner, err, "SELECT id FROM owner WHERE workspace_id = ?1 AND key = ?2", 2, params) < 0)
        return -1;
    if (e->owner != 0 && find_name(e, err) < 0)
        return -1;
    if (e->what->kind == NILO_ERASE_CONNECTION &&
        nilo__query_int(e->s, 0, &e->connection, err, "SELECT id FROM connection WHERE workspace_id = ?1 AND name = ?2", 2, params) < 0)
        return -1;
    if ((e->what->kind == NILO_ERASE_ITEM || e->owner || e->connection) && find_items(e, err) < 0)
        return -1;
    if (e->owner == 0)
        return 0;
    return nilo__query_int(e->s, 0, &e->ret->shared, err,
                           "SELECT count(*) FROM entity e WHERE e.workspace_id = ?1 AND e.erased_at IS NULL AND " CREDITED
                           "k.owner_id = ?2) AND " CREDITED "k.owner_id <> ?2 AND k.ended_at IS NULL AND k.owner_id IN (SELECT id FROM owner WHERE "
                           "erased_at IS NULL))",
                           NILO__PARAMS(NILO_DBV_INT(e->what->workspace), NILO_DBV_INT(e->owner)));
}

/* Nothing of that name is there: was it erased before? Of an item nobody knows the platform any more, so all are tried. */
static int find_before(struct erasing *e, struct nilo_err *err)
{
    struct nilo_connection *all = NULL;
    size_t n = 0;
    e->ret->before = NILO_US_NONE;
    if (load_erased(e->s, err) < 0 || nilo_store_connections(e->s, &all, &n, err) < 0)
        return -1;
    const unsigned char *key = key_of(e->s, e->what->workspace);
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0 && key != NULL && e->ret->before == NILO_US_NONE; i++)
        for (int kind = NILO_CONTENT; kind <= NILO_ACCOUNT && rc == 0 && e->ret->before == NILO_US_NONE; kind++) {
            const char *platform = e->what->kind == NILO_ERASE_ITEM ? all[i].platform : "";
            rc = hash_of(key, e->what->kind, kind, platform, e->what->name, e->hash, err);
            if (rc == 0)
                rc = nilo__query_int(e->s, NILO_US_NONE, &e->ret->before, err,
                                     "SELECT x.erased_at FROM erased h JOIN erasure x ON x.id = h.erasure_id WHERE h.workspace_id = ?1 AND h.hash = ?2",
                                     NILO__PARAMS(NILO_DBV_INT(e->what->workspace), nilo_dbv_bytes(e->hash, sizeof e->hash)));
        }
    free(all);
    if (rc == 0 && e->ret->before == NILO_US_NONE)
        return nilo_err_set(err, NILO_ENAME, "there is nothing called \"%s\" to erase in this workspace", e->what->name);
    return rc;
}

/* ---- overwriting ------------------------------------------------------------------------------------------------------------- */

static int keep_hash(struct erasing *e, enum nilo_erase_kind what, int kind, const char *platform, const char *name, struct nilo_err *err)
{
    if (hash_of(key_of(e->s, e->what->workspace), what, kind, platform, name, e->hash, err) < 0)
        return -1;
    nilo__touched(e->s);
    return nilo__run(e->s, err, "INSERT INTO erased (workspace_id, hash, erasure_id) VALUES (?1, ?2, ?3) ON CONFLICT (workspace_id, hash) DO NOTHING",
                     NILO__PARAMS(NILO_DBV_INT(e->what->workspace), nilo_dbv_bytes(e->hash, sizeof e->hash), NILO_DBV_INT(e->act)));
}

static void ref_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    const struct item *x = &((struct erasing *)ctx)->items[i];
    p[0] = NILO_DBV_INT(x->ref.bucket);
    p[1] = NILO_DBV_INT(x->ref.id);
}

/* The salt of the commitment in the log of roots goes with the id. */
static void entity_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    static const unsigned char no_salt[16];
    struct erasing *e = ctx;
    ref_params(ctx, i, p);
    p[2] = NILO_DBV_TEXT(e->items[i].new_id);
    p[3] = nilo_dbv_bytes(no_salt, sizeof no_salt);
    p[4] = NILO_DBV_INT(e->now);
}

static int overwrite_items(struct erasing *e, struct nilo_err *err)
{
    static const char *const sql[] = {
        "UPDATE entity SET external_id = ?3, salt = ?4, erased_at = ?5 WHERE bucket = ?1 AND id = ?2",
        "DELETE FROM content_event WHERE bucket = ?1 AND entity_id = ?2",
        "DELETE FROM posted_run WHERE bucket = ?1 AND entity_id = ?2",
        "UPDATE annotation SET text = '" GONE "', author = NULL WHERE bucket = ?1 AND entity_id = ?2",
        "UPDATE credit SET extra = NULL WHERE bucket = ?1 AND entity_id = ?2 AND extra IS NOT NULL",
        "UPDATE content SET title = NULL, url = NULL, caption = NULL, thumbnail = NULL, tags = NULL WHERE bucket = ?1 AND entity_id = ?2",
        /* sample sizes, numerators and denominators are counts: averages and percentages are combined by them */
        "UPDATE observation SET meta = NULL WHERE bucket = ?1 AND entity_id = ?2 AND meta IS NOT NULL AND metric_id IN (SELECT id FROM metric WHERE "
        "type IN (0, 3))",
        "UPDATE day_value SET meta = NULL WHERE bucket = ?1 AND entity_id = ?2 AND meta IS NOT NULL AND metric_id IN (SELECT id FROM metric WHERE "
        "type IN (0, 3))",
    };
    struct nilo_db_stmt *stmt;
    for (size_t i = 0; i < e->n; i++)
        if (keep_hash(e, NILO_ERASE_ITEM, e->items[i].kind, e->items[i].platform, e->items[i].external_id, err) < 0)
            return -1;
    for (size_t i = 0; i < sizeof sql / sizeof sql[0]; i++)
        if (nilo_db_prepare(e->s->db, sql[i], &stmt, err) < 0 ||
            nilo_db_many(stmt, e->n, i == 0 ? 5 : 2, i == 0 ? entity_params : ref_params, NULL, e, err) < 0)
            return -1;
    return 0;
}

static int overwrite_owner(struct erasing *e, struct nilo_err *err)
{
    if (e->owner == 0)
        return 0;
    if (keep_hash(e, NILO_ERASE_OWNER, 0, "", e->what->name, err) < 0 ||
        nilo__run(e->s, err, "UPDATE credit SET extra = NULL WHERE workspace_id = ?1 AND owner_id = ?2 AND extra IS NOT NULL",
                  NILO__PARAMS(NILO_DBV_INT(e->what->workspace), NILO_DBV_INT(e->owner))) < 0)
        return -1;
    return nilo__run(e->s, err, "UPDATE owner SET key = 'erased:' || CAST(id AS text), display_name = NULL, extra = NULL, erased_at = ?2 WHERE id = ?1",
                     NILO__PARAMS(NILO_DBV_INT(e->owner), NILO_DBV_INT(e->now)));
}

static int overwrite_connection(struct erasing *e, struct nilo_err *err)
{
    static const char *const sql[] = {
        "DELETE FROM connection_secret WHERE connection_id = ?1",
        "DELETE FROM connection_key WHERE connection_id = ?1",
        "DELETE FROM connection_login WHERE connection_id = ?1",
        "DELETE FROM connection_tap WHERE connection_id = ?1",
        "UPDATE connection_pause SET reason = NULL WHERE connection_id = ?1",
        "UPDATE connection_status SET reason = NULL WHERE connection_id = ?1",
        "UPDATE run SET slot = NULL WHERE connection_id = ?1 AND slot IS NOT NULL",
    };
    const struct nilo_db_value id = NILO_DBV_INT(e->connection);
    if (e->connection == 0)
        return 0;
    if (keep_hash(e, NILO_ERASE_CONNECTION, 0, "", e->what->name, err) < 0)
        return -1;
    for (size_t i = 0; i < sizeof sql / sizeof sql[0]; i++)
        if (nilo__run(e->s, err, sql[i], 1, &id) < 0)
            return -1;
    return nilo__run(e->s, err,
                     "UPDATE connection SET name = 'erased:' || CAST(id AS text), status = 'disabled', origin = 'db', erased_at = ?2 WHERE id = ?1",
                     NILO__PARAMS(id, NILO_DBV_INT(e->now)));
}

/* An answer names fifty items; which of them is told by its parser alone. They are kept for days only, so all of the workspace go. */
static int forget_raw(struct erasing *e, struct nilo_err *err)
{
    static const char *const sql[] = {
        "DELETE FROM raw_answer WHERE connection_id IN (SELECT id FROM connection WHERE workspace_id = ?1)",
        /* names of accounts, which the next collection finds again where it may */
        "DELETE FROM connection_tap WHERE connection_id IN (SELECT id FROM connection WHERE workspace_id = ?1)", /* it may name items */
        "DELETE FROM collect_report WHERE connection_id IN (SELECT id FROM connection WHERE workspace_id = ?1)",
        "UPDATE collect_item SET account = NULL WHERE account IS NOT NULL AND connection_id IN (SELECT id FROM connection WHERE workspace_id = ?1)",
    };
    for (size_t i = 0; i < sizeof sql / sizeof sql[0]; i++)
        if (nilo__run(e->s, err, sql[i], NILO__PARAMS(NILO_DBV_INT(e->what->workspace))) < 0)
            return -1;
    return 0;
}

/* ---- messages that name them -------------------------------------------------------------------------------------------------- */

static int gather_words(struct erasing *e, struct nilo_err *err)
{
    e->words = nilo_arena_array(&e->arena, 2 * e->n + 2, sizeof *e->words);
    if (e->words == NULL)
        return nilo_err_nomem(err);
    if (e->owner_name != NULL)
        e->words[e->n_words++] = e->owner_name;
    e->words[e->n_words++] = e->what->name;
    for (size_t i = 0; i < e->n; i++) {
        e->words[e->n_words++] = e->items[i].external_id;
        if (e->items[i].title != NULL)
            e->words[e->n_words++] = e->items[i].title;
    }
    return 0;
}

static bool named(const struct erasing *e, const char *text)
{
    for (size_t i = 0; text != NULL && i < e->n_words; i++)
        if (nilo__has_word(text, e->words[i]))
            return true;
    return false;
}

struct message {
    int64_t run, n;
};
struct messages {
    struct message *all;
    size_t n, cap;
};

static void message_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    const struct message *m = &((struct messages *)ctx)->all[i];
    p[0] = NILO_DBV_INT(m->run);
    p[1] = NILO_DBV_INT(m->n);
}

/* Rows (run, n, text, text): all of the connection that is erased, of others those that name somebody. */
static int overwrite_where(struct erasing *e, const char *find_sql, const char *write_sql, struct nilo_err *err)
{
    struct messages found = {0};
    struct nilo_db_stmt *stmt;
    int got, rc = 0;
    if (nilo__query(e->s, &stmt, err, find_sql, NILO__PARAMS(NILO_DBV_INT(e->what->workspace))) < 0)
        return -1;
    while ((got = nilo_db_row(stmt, err)) == 1) {
        bool all = e->connection != 0 && nilo_db_column_int(stmt, 4) == e->connection;
        if (!all && !named(e, nilo_db_column_text(stmt, 2)) && !named(e, nilo_db_column_text(stmt, 3)))
            continue;
        if (found.n == found.cap) {
            size_t cap = found.cap ? 2 * found.cap : 64;
            struct message *more = realloc(found.all, cap * sizeof *more);
            if (more == NULL) {
                nilo_db_reset(stmt);
                free(found.all);
                return nilo_err_nomem(err);
            }
            found.all = more;
            found.cap = cap;
        }
        found.all[found.n++] = (struct message){nilo_db_column_int(stmt, 0), nilo_db_column_int(stmt, 1)};
    }
    if (got < 0 || nilo_db_prepare(e->s->db, write_sql, &stmt, err) < 0 ||
        nilo_db_many(stmt, found.n, 2, message_params, NULL, &found, err) < 0)
        rc = -1;
    e->ret->messages += (int64_t)found.n;
    free(found.all);
    return rc;
}

static int overwrite_messages(struct erasing *e, struct nilo_err *err)
{
    if (gather_words(e, err) < 0 ||
        overwrite_where(e,
                        "SELECT f.run_id, f.n, f.external_id, f.message, r.connection_id FROM run_failure f JOIN run r ON r.id = f.run_id "
                        "WHERE r.workspace_id = ?1",
                        "UPDATE run_failure SET external_id = NULL, message = '" GONE "' WHERE run_id = ?1 AND n = ?2", err) < 0)
        return -1;
    return overwrite_where(e,
                           "SELECT r.id, 0, r.error, r.details, r.connection_id FROM run r WHERE r.workspace_id = ?1 AND (r.error IS NOT NULL OR "
                           "r.details IS NOT NULL)",
                           "UPDATE run SET error = CASE WHEN error IS NULL THEN NULL ELSE '" GONE "' END, details = CASE WHEN details IS NULL THEN NULL "
                           "ELSE '{\"erased\":true}' END WHERE id = ?1 AND id > ?2",
                           err);
}

/* Notes of people, with the same words. What hangs on an erased item goes with it (overwrite_items). */
static int note_row(struct erasing *e, struct nilo_db_stmt *stmt, const char ***ids, size_t *n, size_t *cap, struct nilo_err *err)
{
    bool all = e->connection != 0 && nilo_db_column_int(stmt, 3) == e->connection;
    if (!all && !named(e, nilo_db_column_text(stmt, 1)) && !named(e, nilo_db_column_text(stmt, 2)))
        return 0;
    if (*n == *cap) {
        size_t more = *cap ? 2 * *cap : 16;
        const char **p = realloc(*ids, more * sizeof *p);
        if (p == NULL)
            return nilo_err_nomem(err);
        *ids = p;
        *cap = more;
    }
    return ((*ids)[(*n)++] = nilo_arena_strdup(&e->arena, nilo_db_column_text(stmt, 0))) != NULL ? 0 : nilo_err_nomem(err);
}

static int overwrite_notes(struct erasing *e, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    const char **ids = NULL;
    size_t n = 0, cap = 0;
    int got, rc = 0;
    if (nilo__query(e->s, &stmt, err,
                    "SELECT a.id, a.text, a.author, x.connection_id FROM annotation a LEFT JOIN entity x ON x.bucket = a.bucket AND x.id = a.entity_id "
                    "WHERE a.workspace_id = ?1",
                    NILO__PARAMS(NILO_DBV_INT(e->what->workspace))) < 0)
        return -1;
    while (rc == 0 && (got = nilo_db_row(stmt, err)) != 0)
        rc = got < 0 ? -1 : note_row(e, stmt, &ids, &n, &cap, err);
    nilo_db_reset(stmt);
    for (size_t i = 0; i < n && rc == 0; i++)
        rc = nilo__run(e->s, err, "UPDATE annotation SET text = '" GONE "', author = NULL WHERE workspace_id = ?1 AND id = ?2",
                       NILO__PARAMS(NILO_DBV_INT(e->what->workspace), NILO_DBV_TEXT(ids[i])));
    e->ret->messages += (int64_t)n;
    free(ids);
    return rc;
}

/* What somebody was credited as, free text: the same word for all of the workspace. */
static int overwrite_roles(struct erasing *e, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    const char *roles[64];
    size_t n = 0;
    int got, rc = 0;
    if (nilo__query(e->s, &stmt, err, "SELECT DISTINCT role FROM credit WHERE workspace_id = ?1 AND role <> 'owner' AND role <> '" GONE "'",
                    NILO__PARAMS(NILO_DBV_INT(e->what->workspace))) < 0)
        return -1;
    while ((got = nilo_db_row(stmt, err)) == 1 && n < sizeof roles / sizeof roles[0])
        if (named(e, nilo_db_column_text(stmt, 0)) && (roles[n++] = nilo_arena_strdup(&e->arena, nilo_db_column_text(stmt, 0))) == NULL)
            rc = nilo_err_nomem(err);
    nilo_db_reset(stmt);
    for (size_t i = 0; i < n && rc == 0 && got >= 0; i++)
        rc = nilo__run(e->s, err, "UPDATE credit SET role = '" GONE "' WHERE workspace_id = ?1 AND role = ?2",
                       NILO__PARAMS(NILO_DBV_INT(e->what->workspace), NILO_DBV_TEXT(roles[i])));
    return got < 0 || rc < 0 ? -1 : n == sizeof roles / sizeof roles[0] ? overwrite_roles(e, err) : 0;
}

/* A connection's name is a word of the app's, and a breakdown by platform is none of a person. */
static int overwrite_metadata(struct erasing *e, struct nilo_err *err)
{
    bool item = e->what->kind == NILO_ERASE_ITEM;
    size_t people = e->what->kind == NILO_ERASE_OWNER ? (e->owner_name != NULL ? 2 : 1) : 0, before = item ? 0 : people > 0 ? people : 1;
    const struct nilo__gone gone = {e->words, people, e->words + before, e->n_words - before};
    return nilo__erase_in_metadata(e->s, e->what->workspace, &gone, &e->ret->values, err);
}

/* ---- the act ------------------------------------------------------------------------------------------------------------------- */

static int record_act(struct erasing *e, struct nilo_err *err)
{
    static const char *const kinds[] = {"item", "owner", "connection"};
    return nilo__run(e->s, err,
                     "INSERT INTO erasure (id, workspace_id, kind, items, owners, messages, author, erased_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                     NILO__PARAMS(NILO_DBV_INT(e->act), NILO_DBV_INT(e->what->workspace), NILO_DBV_TEXT(kinds[e->what->kind]),
                                  NILO_DBV_INT((int64_t)e->n), NILO_DBV_INT(e->ret->owners), NILO_DBV_INT(e->ret->messages),
                                  NILO_DBV_TEXT(e->what->author), NILO_DBV_INT(e->now)));
}

static int erase_in(struct erasing *e, struct nilo_err *err)
{
    if (find(e, err) < 0)
        return -1;
    if (e->n == 0 && e->owner == 0 && e->connection == 0)
        return find_before(e, err);
    e->ret->items = (int64_t)e->n;
    if (make_key(e->s, e->what->workspace, err) < 0 || nilo__next_ids(e->s, "erasure", 1, &e->act, err) < 0)
        return -1;
    /* before the act, which says how many there were, and before the words that they are found by are gone */
    if (forget_raw(e, err) < 0 || overwrite_messages(e, err) < 0 || overwrite_notes(e, err) < 0 || overwrite_roles(e, err) < 0 ||
        overwrite_metadata(e, err) < 0)
        return -1;
    e->ret->owners = e->owner != 0;
    if (record_act(e, err) < 0 || overwrite_items(e, err) < 0 || overwrite_owner(e, err) < 0 || overwrite_connection(e, err) < 0)
        return -1;
    return nilo_db_engine(e->s->db) == NILO_DB_SQLITE ? nilo_store_meta_set(e->s, SWEEP, "1", err) : 0;
}

int nilo_store_erase(struct nilo_store *s, const struct nilo_erase *what, struct nilo_erasure *ret, struct nilo_err *err)
{
    struct erasing e = {.s = s, .what = what, .now = s->env.clock.wall(s->env.clock.ctx), .ret = ret};
    *ret = (struct nilo_erasure){.before = NILO_US_NONE};
    if (nilo_store_begin(s, err) < 0)
        return -1;
    nilo_arena_init(&e.arena, 0);
    int rc = erase_in(&e, err);
    free(e.items);
    nilo_arena_done(&e.arena);
    if (rc < 0 || what->dry_run || ret->before != NILO_US_NONE) {
        nilo_store_rollback(s);
        return rc;
    }
    rc = nilo_store_commit(s, err);
    nilo__erased_forget(s);
    return rc;
}

/* Moves the log into the file and cuts it. false: a reader is in the way. */
static int cut_log(struct nilo_store *s, bool *ret_done, struct nilo_err *err)
{
    int64_t busy;
    if (nilo__query_int(s, 1, &busy, err, "PRAGMA wal_checkpoint(TRUNCATE)", 0, NULL) < 0)
        return -1;
    *ret_done = busy == 0;
    return 0;
}

int nilo_store_sweep(struct nilo_store *s, bool *ret_done, struct nilo_err *err)
{
    char *pending;
    *ret_done = false;
    if (nilo_db_engine(s->db) != NILO_DB_SQLITE)
        return 0;
    if (nilo_store_meta_get(s, SWEEP, &pending, err) < 0)
        return -1;
    *ret_done = pending == NULL;
    free(pending);
    if (*ret_done)
        return 0;
    if (nilo_db_exec(s->db, "VACUUM", err) < 0 || cut_log(s, ret_done, err) < 0)
        return -1;
    return *ret_done ? nilo_store_meta_set(s, SWEEP, NULL, err) : 0;
}
