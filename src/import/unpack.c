/* gzip and zstd, packed and unpacked piece by piece: the only file of the program that knows zlib.h and zstd.h.
 * Both formats may be several members or frames one after the other, as `cat a.gz b.gz` makes them. */
#include "import/import_priv.h"

#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#define GZIP_ONLY (16 + MAX_WBITS) /* a gzip header is required */

struct nilo__unpack {
    enum nilo__packing packing;
    z_stream z;
    ZSTD_DStream *zstd;
    bool whole;   /* at the end of a member or frame */
    bool padding; /* gzip: only zeros may follow (tape blocks) */
};

int nilo__unpack_new(enum nilo__packing packing, struct nilo__unpack **ret, struct nilo_err *err)
{
    struct nilo__unpack *u = calloc(1, sizeof *u);
    if (u == NULL)
        return nilo_err_nomem(err);
    u->packing = packing;
    bool made = false;
    if (packing == NILO__GZIP)
        made = inflateInit2(&u->z, GZIP_ONLY) == Z_OK;
    else if ((u->zstd = ZSTD_createDStream()) != NULL)
        made = !ZSTD_isError(ZSTD_initDStream(u->zstd));
    if (!made) {
        ZSTD_freeDStream(u->zstd);
        free(u);
        return nilo_err_nomem(err);
    }
    *ret = u;
    return 0;
}

void nilo__unpack_free(struct nilo__unpack *u)
{
    if (u == NULL)
        return;
    if (u->packing == NILO__GZIP)
        inflateEnd(&u->z);
    ZSTD_freeDStream(u->zstd);
    free(u);
}

bool nilo__unpack_whole(const struct nilo__unpack *u)
{
    return u->whole;
}

static int skip_zeros(const unsigned char **in, size_t *in_len, struct nilo_err *err)
{
    for (; *in_len > 0; (*in)++, (*in_len)--) {
        if (**in != 0)
            return nilo_err_set(err, NILO_ECORRUPT, "something that is no gzip data follows the gzip data");
    }
    return 0;
}

static int gunzip(struct nilo__unpack *u, const unsigned char **in, size_t *in_len, void *out, size_t cap, size_t *ret_n,
                  struct nilo_err *err)
{
    *ret_n = 0;
    if (u->whole && *in_len > 0) {
        if (**in == 0)
            u->padding = true;
        if (u->padding)
            return skip_zeros(in, in_len, err);
        if (inflateReset(&u->z) != Z_OK)
            return nilo_err_nomem(err);
        u->whole = false;
    }
    /* zlib counts in unsigned int; pieces are far smaller. */
    uInt give = *in_len < UINT32_MAX ? (uInt)*in_len : UINT32_MAX;
    u->z.next_in = (z_const Bytef *)(uintptr_t)*in;
    u->z.avail_in = give;
    u->z.next_out = out;
    u->z.avail_out = cap < UINT32_MAX ? (uInt)cap : UINT32_MAX;
    uInt room = u->z.avail_out;
    int rc = inflate(&u->z, Z_NO_FLUSH);
    *in += give - u->z.avail_in;
    *in_len -= give - u->z.avail_in;
    *ret_n = room - u->z.avail_out;
    if (rc == Z_STREAM_END)
        u->whole = true;
    else if (rc == Z_MEM_ERROR)
        return nilo_err_nomem(err);
    else if (rc != Z_OK && rc != Z_BUF_ERROR)
        return nilo_err_set(err, NILO_ECORRUPT, "the gzip data are damaged (%s)", u->z.msg != NULL ? u->z.msg : "unreadable");
    return 0;
}

static int unzstd(struct nilo__unpack *u, const unsigned char **in, size_t *in_len, void *out, size_t cap, size_t *ret_n,
                  struct nilo_err *err)
{
    ZSTD_inBuffer from = {.src = *in, .size = *in_len};
    ZSTD_outBuffer to = {.dst = out, .size = cap};
    size_t rc = ZSTD_decompressStream(u->zstd, &to, &from);
    *ret_n = 0;
    if (ZSTD_isError(rc))
        return nilo_err_set(err, NILO_ECORRUPT, "the zstd data are damaged (%s)", ZSTD_getErrorName(rc));
    *in += from.pos;
    *in_len -= from.pos;
    *ret_n = to.pos;
    /* 0 = a frame is complete and flushed; a call without any input at that point would ask for the next frame. */
    if (from.pos > 0 || to.pos > 0)
        u->whole = rc == 0;
    return 0;
}

int nilo__unpack_step(struct nilo__unpack *u, const unsigned char **in, size_t *in_len, void *out, size_t cap, size_t *ret_n,
                      struct nilo_err *err)
{
    if (u->packing == NILO__GZIP)
        return gunzip(u, in, in_len, out, cap, ret_n, err);
    return unzstd(u, in, in_len, out, cap, ret_n, err);
}

/* ---- packing ------------------------------------------------------------------------------------------------------------------ */

#define ZSTD_LEVEL 6

struct nilo__pack {
    enum nilo__packing packing;
    z_stream z;
    ZSTD_CStream *zstd;
};

int nilo__pack_new(enum nilo__packing packing, struct nilo__pack **ret, struct nilo_err *err)
{
    struct nilo__pack *p = calloc(1, sizeof *p);
    if (p == NULL)
        return nilo_err_nomem(err);
    p->packing = packing;
    bool made = false;
    if (packing == NILO__GZIP)
        made = deflateInit2(&p->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_ONLY, 8, Z_DEFAULT_STRATEGY) == Z_OK;
    else if ((p->zstd = ZSTD_createCStream()) != NULL)
        made = !ZSTD_isError(ZSTD_initCStream(p->zstd, ZSTD_LEVEL)) && !ZSTD_isError(ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_checksumFlag, 1));
    if (!made) {
        ZSTD_freeCStream(p->zstd);
        free(p);
        return nilo_err_nomem(err);
    }
    *ret = p;
    return 0;
}

void nilo__pack_free(struct nilo__pack *p)
{
    if (p == NULL)
        return;
    if (p->packing == NILO__GZIP)
        deflateEnd(&p->z);
    ZSTD_freeCStream(p->zstd);
    free(p);
}

int nilo__pack_step(struct nilo__pack *p, const char **in, size_t *in_len, bool end, void *out, size_t cap, size_t *ret_n, struct nilo_err *err)
{
    if (p->packing == NILO__ZSTD) {
        ZSTD_inBuffer from = {.src = *in, .size = *in_len};
        ZSTD_outBuffer to = {.dst = out, .size = cap};
        size_t left = ZSTD_compressStream2(p->zstd, &to, &from, end ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left))
            return nilo_err_set(err, NILO_EINTERNAL, "zstd cannot pack (%s)", ZSTD_getErrorName(left));
        *in += from.pos;
        *in_len -= from.pos;
        *ret_n = to.pos;
        return end ? left > 0 : *in_len > 0;
    }
    uInt give = *in_len < UINT32_MAX ? (uInt)*in_len : UINT32_MAX;
    p->z.next_in = (z_const Bytef *)(uintptr_t)*in;
    p->z.avail_in = give;
    p->z.next_out = out;
    p->z.avail_out = (uInt)cap;
    int rc = deflate(&p->z, end ? Z_FINISH : Z_NO_FLUSH);
    *in += give - p->z.avail_in;
    *in_len -= give - p->z.avail_in;
    *ret_n = cap - p->z.avail_out;
    if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
        return nilo_err_set(err, NILO_EINTERNAL, "gzip cannot pack (%d)", rc);
    return end ? rc != Z_STREAM_END : *in_len > 0;
}
