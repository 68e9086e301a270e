/* Rotations: of the master key (data keys are wrapped anew, no secret is touched) and of data keys (secrets are sealed anew), both in steps of some
 * connections, a transaction each. A step looks at what is there, so a rotation that was cut off anywhere goes on where it was; one connection that cannot be
 * done keeps no other one. */
#include <stdlib.h>
#include <string.h>

#include "keys/keys_priv.h"

#define STEP 50 /* connections a transaction: some 10 ms, so that others have their turns in between */

struct rotation {
    struct nilo_store *s;
    const struct nilo_keys *r;
    const struct nilo_key *master;
    int64_t number;     /* of data keys */
    bool data;          /* of these */
    int moved;          /* secrets, of steps that were committed */
    struct nilo_err first; /* what could not be done */
    int64_t failed;     /* where */
};

static bool wants(const struct rotation *o, const struct nilo_secret_row *row)
{
    if (o->data)
        return row->data_key.id == NULL || row->data_key.rotation < o->number;
    return strcmp(row->master_id, o->master->id) != 0 || row->data_key.id == NULL;
}

/* What is one connection's own trouble; anything else ends the rotation. */
static int own_trouble(struct rotation *o, int64_t connection, const struct nilo_err *why, struct nilo_err *err)
{
    if (why->code != NILO_ENOENT && why->code != NILO_ECORRUPT)
        return nilo_err_set(err, why->code, "%s", why->msg);
    if (o->failed == 0) {
        o->first = *why;
        o->failed = connection;
    }
    return 0;
}

/* ---- one connection --------------------------------------------------------------------------------------------------------------- */

/* Secrets of one connection that want it get that data key. */
static int move_all(struct rotation *o, const struct nilo_secret_row *rows, size_t n, const struct nilo__data_key *to, int *moved, struct nilo_err *err)
{
    for (size_t i = 0; i < n; i++) {
        struct nilo_err why = {0};
        if (strcmp(rows[i].key_id, to->id) == 0)
            continue;
        if (nilo__secret_move(o->s, o->r, &rows[i], to, &why) == 0)
            ++*moved;
        else if (own_trouble(o, to->connection, &why, err) != 0)
            return -1;
    }
    return nilo_store_data_keys_prune(o->s, to->connection, err);
}

static int rotate_data(struct rotation *o, const struct nilo_secret_row *rows, size_t n, int *moved, struct nilo_err *err)
{
    struct nilo__data_key key;
    if (nilo__data_key_new(o->s, o->r, rows[0].workspace, rows[0].connection, &key, err) != 0)
        return -1;
    int rc = move_all(o, rows, n, &key, moved, err);
    nilo__data_key_done(&key);
    return rc;
}

static int wrap_anew(struct rotation *o, const struct nilo_data_key_row *row, struct nilo_err *err)
{
    struct nilo__data_key key;
    struct nilo_err why = {0};
    if (nilo__data_key_open(o->s, o->r, row, &key, &why) != 0)
        return own_trouble(o, row->connection, &why, err);
    int rc = nilo__data_key_wrap(o->s, o->r, row, &key, err);
    nilo__data_key_done(&key);
    return rc;
}

static int wrap_all(struct rotation *o, int64_t connection, struct nilo_err *err)
{
    struct nilo_arena arena;
    struct nilo_data_key_row *keys;
    size_t n;
    nilo_arena_init(&arena, 0);
    int rc = nilo_store_data_keys(o->s, connection, &arena, &keys, &n, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (strcmp(keys[i].master_id, o->master->id) != 0)
            rc = wrap_anew(o, &keys[i], err);
    }
    nilo_arena_done(&arena);
    return rc;
}

static int rotate_master(struct rotation *o, const struct nilo_secret_row *rows, size_t n, int *moved, struct nilo_err *err)
{
    struct nilo__data_key key;
    bool bare = false;
    if (wrap_all(o, rows[0].connection, err) != 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        bare = bare || rows[i].data_key.id == NULL;
        *moved += rows[i].data_key.id != NULL && strcmp(rows[i].master_id, o->master->id) != 0;
    }
    if (!bare)
        return 0;
    if (nilo__data_key_current(o->s, o->r, rows[0].workspace, rows[0].connection, &key, err) != 0)
        return -1;
    int rc = move_all(o, rows, n, &key, moved, err);
    nilo__data_key_done(&key);
    return rc;
}

static int rotate_one(struct rotation *o, int64_t connection, int *moved, struct nilo_err *err)
{
    struct nilo_arena arena;
    struct nilo_secret_row *rows;
    size_t n;
    bool any = false;
    nilo_arena_init(&arena, 0);
    int rc = nilo_store_secrets(o->s, connection, &arena, &rows, &n, err);
    for (size_t i = 0; rc == 0 && i < n; i++)
        any = any || wants(o, &rows[i]);
    if (rc == 0 && any)
        rc = (o->data ? rotate_data : rotate_master)(o, rows, n, moved, err);
    nilo_arena_done(&arena);
    return rc;
}

/* ---- steps ------------------------------------------------------------------------------------------------------------------------ */

static int step(struct rotation *o, const int64_t *connections, size_t n, struct nilo_err *err)
{
    int moved = 0;
    if (nilo_store_begin(o->s, err) != 0)
        return -1;
    for (size_t i = 0; i < n; i++) {
        if (rotate_one(o, connections[i], &moved, err) != 0) {
            nilo_store_rollback(o->s);
            return -1;
        }
    }
    if (nilo_store_commit(o->s, err) != 0)
        return -1;
    o->moved += moved;
    return 0;
}

static int to_do(struct rotation *o, struct nilo_arena *arena, int64_t **ret, size_t *ret_n, struct nilo_err *err)
{
    struct nilo_secret_row *rows;
    size_t n, found = 0;
    if (nilo_store_secrets(o->s, 0, arena, &rows, &n, err) != 0)
        return -1;
    int64_t *all = nilo_arena_array(arena, n + 1, sizeof *all);
    if (all == NULL)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < n; i++) {
        if (wants(o, &rows[i]) && (found == 0 || all[found - 1] != rows[i].connection))
            all[found++] = rows[i].connection;
    }
    *ret = all;
    *ret_n = found;
    return 0;
}

/* The failure of one connection, after all others were done. */
static int told(struct rotation *o, struct nilo_err *err)
{
    struct nilo_connection c;
    if (o->failed == 0)
        return 0;
    if (nilo_store_connection_get(o->s, o->failed, &c, err) != 0)
        return -1;
    *err = o->first;
    return nilo_err_wrap(err, "connection %s of %s (the others are done)", c.name, c.workspace_name);
}

static int rotate(struct rotation *o, int most, int *ret_n, struct nilo_err *err)
{
    struct nilo_arena arena;
    int64_t *connections = NULL;
    size_t n = 0;
    nilo_arena_init(&arena, 0);
    int rc = to_do(o, &arena, &connections, &n, err);
    if (rc == 0 && most > 0 && n > (size_t)most)
        n = (size_t)most;
    for (size_t at = 0; rc == 0 && at < n; at += STEP)
        rc = step(o, connections + at, n - at < STEP ? n - at : STEP, err);
    nilo_arena_done(&arena);
    if (rc != 0)
        return -1;
    *ret_n = o->moved;
    return told(o, err);
}

int nilo_secret_reseal(struct nilo_store *s, const struct nilo_keys *r, int most, int *ret_n, struct nilo_err *err)
{
    struct rotation o = {.s = s, .r = r, .master = nilo__keys_master(r, err)};
    return o.master != NULL ? rotate(&o, most, ret_n, err) : -1;
}

int nilo_data_keys_rotate(struct nilo_store *s, const struct nilo_keys *r, int most, int *ret_n, struct nilo_err *err)
{
    struct rotation o = {.s = s, .r = r, .master = nilo__keys_master(r, err), .data = true};
    if (o.master == NULL || nilo__data_keys_rotation(s, &o.number, err) != 0)
        return -1;
    return rotate(&o, most, ret_n, err);
}

/* ---- what is left ------------------------------------------------------------------------------------------------------------------ */

int nilo_data_keys_behind(struct nilo_store *s, int *ret, struct nilo_err *err)
{
    struct rotation o = {.s = s, .data = true};
    struct nilo_arena arena;
    struct nilo_secret_row *rows;
    size_t n;
    int count = 0;
    if (nilo__data_keys_rotation(s, &o.number, err) != 0)
        return -1;
    nilo_arena_init(&arena, 0);
    int rc = nilo_store_secrets(s, 0, &arena, &rows, &n, err);
    for (size_t i = 0; rc == 0 && i < n && o.number > 0; i++) /* 0: none was begun */
        count += wants(&o, &rows[i]);
    nilo_arena_done(&arena);
    if (rc == 0)
        *ret = count;
    return rc;
}

int nilo_secret_count(struct nilo_store *s, const struct nilo_keys *r, const char *id, int *ret, struct nilo_err *err)
{
    const struct nilo_key *current = r != NULL ? nilo_keys_current(r, NILO_KEY_MASTER) : NULL;
    struct nilo_arena arena;
    struct nilo_secret_row *rows;
    size_t n;
    int count = 0;
    nilo_arena_init(&arena, 0);
    int rc = nilo_store_secrets(s, 0, &arena, &rows, &n, err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (id != NULL)
            count += strcmp(rows[i].master_id, id) == 0;
        else
            count += current == NULL || strcmp(rows[i].master_id, current->id) != 0;
    }
    nilo_arena_done(&arena);
    if (rc == 0)
        *ret = count;
    return rc;
}
