/* Compression of answers: gzip and zstd as streams. Levels are low: an answer is sent once, and the network of a metrics API is near. */
#include "api/server_priv.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>
#include <zstd.h>

struct nilo__encoder {
    enum nilo__coding coding;
    z_stream gzip;
    ZSTD_CCtx *zstd;
};

/* "gzip;q=0.5" among others: thousandths, -1 = not named */
static int welcome(const char *accept, size_t n, const char *word)
{
    const char *end = accept + n;
    for (const char *at = accept; at < end;) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *stop = comma != NULL ? comma : end;
        while (at < stop && (*at == ' ' || *at == '\t'))
            at++;
        size_t len = strcspn(at, ",; \t");
        len = len < (size_t)(stop - at) ? len : (size_t)(stop - at);
        if (len == strlen(word) && strncasecmp(at, word, len) == 0) {
            const char *q = at + len;
            while (q + 2 < stop && !((q[0] == 'q' || q[0] == 'Q') && q[1] == '='))
                q++;
            int value = 1000;
            if (q + 2 < stop && q[2] == '0') {
                value = 0;
                for (int digit = 100, i = 4; digit > 0 && q + i < stop && q[i] >= '0' && q[i] <= '9'; digit /= 10, i++)
                    value += (q[i] - '0') * digit;
            }
            return value;
        }
        at = stop < end ? stop + 1 : end;
    }
    return -1;
}

enum nilo__coding nilo__coding_choose(const char *accept, size_t n)
{
    char text[1024]; /* so that strcspn() has an end; a longer list is nobody's */
    if (accept == NULL || n >= sizeof(text))
        return NILO__IDENTITY;
    memcpy(text, accept, n);
    text[n] = '\0';
    int any = welcome(text, n, "*"), zstd = welcome(text, n, "zstd"), gzip = welcome(text, n, "gzip");
    zstd = zstd < 0 ? any : zstd;
    gzip = gzip < 0 ? any : gzip;
    if (zstd <= 0 && gzip <= 0)
        return NILO__IDENTITY;
    return zstd >= gzip ? NILO__ZSTD : NILO__GZIP;
}

const char *nilo__coding_name(enum nilo__coding c)
{
    return c == NILO__ZSTD ? "zstd" : c == NILO__GZIP ? "gzip" : "identity";
}

bool nilo__compressible(const char *mime)
{
    static const char *const kinds[] = {"text/", "application/json", "application/x-ndjson", "application/vnd.pgrst", "application/javascript",
                                        "image/svg"};
    if (strncasecmp(mime, "text/event-stream", 17) == 0)
        return false;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strncasecmp(mime, kinds[i], strlen(kinds[i])) == 0)
            return true;
    }
    return false;
}

struct nilo__encoder *nilo__encoder_new(enum nilo__coding c)
{
    struct nilo__encoder *e = calloc(1, sizeof(*e));
    if (e == NULL)
        return NULL;
    e->coding = c;
    if (c == NILO__GZIP) {
        /* 15 + 16: the gzip wrapper */
        if (deflateInit2(&e->gzip, 4, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
            free(e);
            return NULL;
        }
        return e;
    }
    e->zstd = ZSTD_createCCtx();
    /* a window of 256 KiB: about a megabyte a stream, and browsers take no more than 8 MiB */
    if (e->zstd == NULL || ZSTD_isError(ZSTD_CCtx_setParameter(e->zstd, ZSTD_c_compressionLevel, 2)) ||
        ZSTD_isError(ZSTD_CCtx_setParameter(e->zstd, ZSTD_c_windowLog, 18))) {
        nilo__encoder_free(e);
        return NULL;
    }
    return e;
}

void nilo__encoder_free(struct nilo__encoder *e)
{
    if (e == NULL)
        return;
    if (e->coding == NILO__GZIP)
        deflateEnd(&e->gzip);
    ZSTD_freeCCtx(e->zstd);
    free(e);
}

static int run_gzip(struct nilo__encoder *e, const char *in, size_t n, bool end, struct nilo_buf *out)
{
    char piece[16384];
    int rc;
    e->gzip.next_in = (Bytef *)(uintptr_t)in;
    e->gzip.avail_in = (uInt)n;
    do {
        e->gzip.next_out = (Bytef *)piece;
        e->gzip.avail_out = sizeof(piece);
        rc = deflate(&e->gzip, end ? Z_FINISH : Z_NO_FLUSH);
        if (rc == Z_STREAM_ERROR || nilo_buf_add(out, piece, sizeof(piece) - e->gzip.avail_out) != 0)
            return -1;
    } while (e->gzip.avail_out == 0);
    return !end || rc == Z_STREAM_END ? 0 : -1;
}

static int run_zstd(struct nilo__encoder *e, const char *in, size_t n, bool end, struct nilo_buf *out)
{
    char piece[16384];
    ZSTD_inBuffer from = {in, n, 0};
    size_t left;
    do {
        ZSTD_outBuffer to = {piece, sizeof(piece), 0};
        left = ZSTD_compressStream2(e->zstd, &to, &from, end ? ZSTD_e_end : ZSTD_e_continue);
        if (ZSTD_isError(left) || nilo_buf_add(out, piece, to.pos) != 0)
            return -1;
    } while (end ? left != 0 : from.pos < from.size);
    return 0;
}

int nilo__encoder_run(struct nilo__encoder *e, const char *in, size_t n, bool end, struct nilo_buf *out)
{
    assert(n <= 1u << 30);
    return e->coding == NILO__GZIP ? run_gzip(e, in, n, end, out) : run_zstd(e, in, n, end, out);
}
