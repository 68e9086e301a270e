/* See store/raw.h. */
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "store/raw.h"
#include "store/rows/rows.h"

#define LEVEL 3 /* of zstd: JSON of a platform shrinks to a sixth; higher levels cost more than they bring */

struct packed {
    void *bytes;
    size_t n;
};
struct putting {
    const struct nilo_raw *raw;
    struct packed *packed;
    int64_t first;
};

static void put_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    const struct putting *w = ctx;
    const struct nilo_raw *r = &w->raw[i];
    p[0] = NILO_DBV_INT(w->first + (int64_t)i);
    p[1] = NILO_DBV_INT(r->connection);
    p[2] = NILO_DBV_INT(r->run);
    p[3] = NILO_DBV_TEXT(r->op);
    p[4] = NILO_DBV_INT(r->variant);
    p[5] = NILO_DBV_TEXT(r->ask);
    p[6] = NILO_DBV_INT(r->asked_at);
    p[7] = NILO_DBV_INT(r->answered_at);
    p[8] = NILO_DBV_INT(r->status);
    p[9] = NILO_DBV_INT((int64_t)r->n_body);
    p[10] = nilo_dbv_bytes(w->packed[i].bytes, w->packed[i].n);
}

static int pack(const struct nilo_raw *r, struct packed *ret, struct nilo_err *err)
{
    size_t most = ZSTD_compressBound(r->n_body);
    ret->bytes = malloc(most > 0 ? most : 1);
    if (ret->bytes == NULL)
        return nilo_err_nomem(err);
    ret->n = ZSTD_compress(ret->bytes, most, r->body, r->n_body, LEVEL);
    return ZSTD_isError(ret->n) ? nilo_err_set(err, NILO_ENOMEM, "an answer cannot be compressed: %s", ZSTD_getErrorName(ret->n)) : 0;
}

static int put_all(struct nilo_store *s, struct putting *w, size_t n, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    if (nilo_store_begin(s, err) < 0)
        return -1;
    if (nilo__query_int(s, 0, &w->first, err, "SELECT coalesce(max(id), 0) + 1 FROM raw_answer", 0, NULL) < 0 ||
        nilo_db_prepare(s->db,
                        "INSERT INTO raw_answer (id, connection_id, run_id, op, variant, ask, asked_at, answered_at, status, size, body) "
                        "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                        &stmt, err) < 0 ||
        nilo_db_many(stmt, n, 11, put_params, NULL, w, err) < 0) {
        nilo_store_rollback(s);
        return -1;
    }
    return nilo_store_commit(s, err);
}

int nilo_store_raw_put(struct nilo_store *s, const struct nilo_raw *raw, size_t n, struct nilo_err *err)
{
    struct nilo_raw *kept = malloc((n > 0 ? n : 1) * sizeof *kept);
    struct putting w = {.raw = kept, .packed = calloc(n > 0 ? n : 1, sizeof *w.packed)};
    size_t k = 0;
    int rc = kept != NULL && w.packed != NULL ? 0 : nilo_err_nomem(err);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (raw[i].n_body > NILO_RAW_MAX)
            continue;
        kept[k] = raw[i];
        rc = pack(&raw[i], &w.packed[k], err);
        k++;
    }
    if (rc == 0 && k > 0)
        rc = put_all(s, &w, k, err);
    for (size_t i = 0; w.packed != NULL && i < n; i++)
        free(w.packed[i].bytes);
    free(w.packed);
    free(kept);
    return rc;
}

static int unpack(struct nilo_db_value packed, int64_t size, struct nilo_arena *arena, struct nilo_raw *ret, struct nilo_err *err)
{
    bool fine = size >= 0 && (uint64_t)size <= NILO_RAW_MAX;
    char *body = fine ? nilo_arena_alloc(arena, (size_t)size + 1) : NULL;
    if (fine && body == NULL)
        return nilo_err_nomem(err);
    fine = fine && ZSTD_decompress(body, (size_t)size, packed.p, packed.len) == (size_t)size;
    if (!fine)
        return nilo_err_set(err, NILO_ECORRUPT, "the kept answer number %lld is damaged", (long long)ret->id);
    ret->body = body;
    ret->n_body = (size_t)size;
    return 0;
}

static int read_row(struct nilo_db_stmt *stmt, struct nilo_arena *arena, struct nilo_raw *ret, struct nilo_err *err)
{
    *ret = (struct nilo_raw){.id = nilo_db_column_int(stmt, 0), .connection = nilo_db_column_int(stmt, 1), .run = nilo_db_column_int(stmt, 2),
                             .variant = (unsigned)nilo_db_column_int(stmt, 4), .asked_at = nilo_db_column_int(stmt, 6),
                             .answered_at = nilo_db_column_int(stmt, 7), .status = (int)nilo_db_column_int(stmt, 8)};
    ret->op = nilo_arena_strdup(arena, nilo_db_column_text(stmt, 3));
    ret->ask = nilo_arena_strdup(arena, nilo_db_column_text(stmt, 5));
    if (ret->op == NULL || ret->ask == NULL)
        return nilo_err_nomem(err);
    return unpack(nilo_db_column(stmt, 10), nilo_db_column_int(stmt, 9), arena, ret, err);
}

int nilo_store_raw_next(struct nilo_store *s, int64_t connection, int64_t after, nilo_us from, nilo_us to, struct nilo_arena *arena, bool *ret_there,
                        struct nilo_raw *ret, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    if (nilo__query(s, &stmt, err,
                    "SELECT id, connection_id, run_id, op, variant, ask, asked_at, answered_at, status, size, body FROM raw_answer "
                    "WHERE connection_id = ?1 AND id > ?2 AND answered_at BETWEEN ?3 AND ?4 "
                    "AND NOT EXISTS (SELECT 1 FROM run AS r WHERE r.id = raw_answer.run_id AND r.status IN (5, 6)) ORDER BY id LIMIT 1",
                    NILO__PARAMS(NILO_DBV_INT(connection), NILO_DBV_INT(after), NILO_DBV_INT(from), NILO_DBV_INT(to))) < 0)
        return -1;
    int got = nilo_db_row(stmt, err);
    if (got == 1 && read_row(stmt, arena, ret, err) < 0)
        got = -1;
    nilo_db_reset(stmt);
    *ret_there = got == 1;
    return got < 0 ? -1 : 0;
}

int nilo_store_raw_forget(struct nilo_store *s, int64_t connection, nilo_us before, int64_t *ret_n, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    int64_t n = 0;
    if (nilo_db_prepare(s->db, "DELETE FROM raw_answer WHERE answered_at < ?1 AND (connection_id = ?2 OR CAST(?2 AS bigint) = 0)", &stmt, err) < 0 ||
        nilo_store_begin(s, err) < 0)
        return -1;
    if (nilo_db_run(stmt, (struct nilo_db_value[]){NILO_DBV_INT(before), NILO_DBV_INT(connection)}, 2, &n, err) < 0) {
        nilo_store_rollback(s);
        return -1;
    }
    if (nilo_store_commit(s, err) < 0)
        return -1;
    if (ret_n != NULL)
        *ret_n = n;
    return 0;
}

int nilo_store_raw_size(struct nilo_store *s, int64_t connection, int64_t *ret_n, int64_t *ret_packed, int64_t *ret_bytes, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    if (nilo__query(s, &stmt, err,
                    "SELECT count(*), coalesce(sum(length(body)), 0), coalesce(sum(size), 0) FROM raw_answer WHERE connection_id = ?1 OR CAST(?1 AS bigint) = 0",
                    NILO__PARAMS(NILO_DBV_INT(connection))) < 0)
        return -1;
    int got = nilo_db_row(stmt, err);
    if (got == 1) {
        *ret_n = nilo_db_column_int(stmt, 0);
        *ret_packed = nilo_db_column_int(stmt, 1);
        *ret_bytes = nilo_db_column_int(stmt, 2);
    }
    nilo_db_reset(stmt);
    return got == 1 ? 0 : -1;
}
