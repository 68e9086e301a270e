/* The chunked body of an HTTP/1.1 request, piece by piece: a strict decoder without I/O and without memory of its own. What is decoded stays
 * where it is in the input. Extensions are read over, trailers are checked and thrown away, both up to a limit. */
#ifndef NILO_API_HTTP_CHUNK_H
#define NILO_API_HTTP_CHUNK_H

#include "api/http_head.h"

#define NILO_HTTP_CHUNK_EXTRA_MAX 4096u /* bytes of all extensions and trailers of one body */

struct nilo_http_chunks {
    int64_t body_max;             /* bytes */
    int64_t total;                /* decoded so far */
    enum nilo_http_reason reason; /* when BAD */
    uint32_t left;                /* of the chunk at hand */
    uint32_t extra;
    int state, digits;
};

/** nilo_http_chunks_start - body_max: bytes that the whole body may have */
void nilo_http_chunks_start(struct nilo_http_chunks *c, int64_t body_max);

/** nilo_http_chunks_next - reads on
 *  in, n      what has come; the first *ret_used bytes of it are done with afterwards. *ret_data .. + *ret_n lies among them: body, may be empty
 *  ret        MORE: call again with what is left or came new (a call that used all of the input and gave nothing asks for more bytes).
 *             DONE: the body is over; what is not used belongs to the next request. BAD: c->reason; nothing is used or given */
enum nilo_http_step nilo_http_chunks_next(struct nilo_http_chunks *c, const char *in, size_t n, size_t *ret_used, const char **ret_data,
                                          size_t *ret_n);

#endif
