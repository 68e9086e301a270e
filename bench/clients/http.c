/* See http.h. */
#include "http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "w.h"

#define READ_SIZE 65536

static int fd = -1;
static struct sockaddr_in where;
static struct bytes in, body;
static size_t at; /* of `in`: what was taken of it */

void bytes_put(struct bytes *b, const void *p, size_t n)
{
    if (b->n + n + 1 > b->room) {
        b->room = 2 * (b->n + n) + 4096;
        b->p = realloc(b->p, b->room);
        if (b->p == NULL)
            client_fail("out of memory");
    }
    memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = '\0';
}

void bytes_printf(struct bytes *b, const char *format, ...)
{
    char text[4096];
    va_list ap;
    va_start(ap, format);
    int n = vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof text)
        client_fail("a text is too long");
    bytes_put(b, text, (size_t)n);
}

void bytes_url(struct bytes *b, const char *text)
{
    for (; *text != '\0'; text++) {
        bool plain = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') || (*text >= '0' && *text <= '9');
        if (plain)
            bytes_put(b, text, 1);
        else
            bytes_printf(b, "%%%02X", (unsigned char)*text);
    }
}

static void connect_it(void)
{
    int one = 1;
    http_close();
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&where, sizeof where) != 0)
        client_fail("its server does not answer");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    in.n = at = 0;
}

void http_open(const char *address)
{
    char host[64];
    const char *colon = strrchr(address, ':');
    snprintf(host, sizeof host, "%.*s", colon != NULL ? (int)(colon - address) : 0, address);
    where = (struct sockaddr_in){.sin_family = AF_INET};
    if (colon == NULL || inet_pton(AF_INET, host, &where.sin_addr) != 1)
        client_fail("%s is no address", address);
    where.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    connect_it();
}

void http_close(void)
{
    if (fd >= 0)
        close(fd);
    fd = -1;
}

static void send_all(const char *p, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);
        if (sent <= 0)
            client_fail("its server hung up");
        p += sent;
        n -= (size_t)sent;
    }
}

static bool more(void)
{
    static char piece[READ_SIZE];
    ssize_t got = recv(fd, piece, sizeof piece, 0);
    if (got > 0)
        bytes_put(&in, piece, (size_t)got);
    return got > 0;
}

/* The next line, its end cut off. */
static char *line(void)
{
    char *end;
    while (in.n == 0 || (end = memmem(in.p + at, in.n - at, "\r\n", 2)) == NULL) {
        if (!more())
            client_fail("its server hung up");
    }
    char *start = in.p + at;
    *end = '\0';
    at = (size_t)(end + 2 - in.p);
    return start;
}

static void take(size_t n)
{
    while (in.n - at < n) {
        if (!more())
            client_fail("its server hung up within an answer");
    }
    bytes_put(&body, in.p + at, n);
    at += n;
}

static void take_chunks(void)
{
    size_t n;
    while ((n = strtoull(line(), NULL, 16)) > 0) {
        take(n);
        line();
    }
    line();
}

const struct bytes *http_ask(const char *path, const struct bytes *request)
{
    struct bytes head = {0};
    bool chunked = false, closing = false;
    size_t length = 0;
    bytes_printf(&head, "%s ", request != NULL ? "POST" : "GET");
    bytes_put(&head, path, strlen(path));
    bytes_printf(&head, " HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n", request != NULL ? request->n : 0);
    in.n = at = body.n = 0;
    send_all(head.p, head.n);
    free(head.p);
    if (request != NULL)
        send_all(request->p, request->n);
    const char *first = line();
    int status = (int)strtol(strchr(first, ' ') != NULL ? strchr(first, ' ') : "0", NULL, 10);
    for (char *l = line(); *l != '\0'; l = line()) {
        if (strncasecmp(l, "content-length:", 15) == 0)
            length = strtoull(l + 15, NULL, 10);
        chunked = chunked || (strncasecmp(l, "transfer-encoding:", 18) == 0 && strstr(l, "chunked") != NULL);
        closing = closing || strcasecmp(l, "connection: close") == 0;
    }
    bytes_put(&body, "", 0);
    if (chunked)
        take_chunks();
    else
        take(length);
    if (status / 100 != 2)
        client_fail("status %d: %.300s", status, body.p);
    if (closing)
        connect_it();
    return &body;
}
