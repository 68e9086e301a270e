/* A minimal HTTP/1.1 client over loopback for the clients whose engine speaks nothing else: one connection that stays open. */
#ifndef NILO_BENCH_HTTP_H
#define NILO_BENCH_HTTP_H

#include <stddef.h>

struct bytes {
    char *p;
    size_t n, room;
};
void bytes_put(struct bytes *b, const void *p, size_t n);
void bytes_printf(struct bytes *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void bytes_url(struct bytes *b, const char *text); /* percent-encoded */

void http_open(const char *address); /* 127.0.0.1:8123 */
/** http_ask - the body of the answer, with a NUL behind it, valid until the next call; anything but 2xx ends the process with its first line
 *  body  NULL: GET */
const struct bytes *http_ask(const char *path, const struct bytes *body);
void http_close(void);

#endif
