/* A server on loopback that behaves badly on request: the path of what is asked names the behaviour (zoo.c has the table). Plain, or with TLS. */
#ifndef NILO_TESTS_CONNECT_ZOO_H
#define NILO_TESTS_CONNECT_ZOO_H

#include <stddef.h>

struct zoo;

struct zoo_tls {
    const char *certificate, *key; /* files */
    int newest;                    /* 0, or the newest version of TLS that is spoken (TLS1_1_VERSION) */
};

/** zoo_open - tls NULL = plain. It listens on 127.0.0.1 when this returns; ends the process where that cannot be */
struct zoo *zoo_open(const struct zoo_tls *tls);
void zoo_close(struct zoo *z); /* ends all its connections */
int zoo_port(const struct zoo *z);
int zoo_connections(struct zoo *z);  /* so far */
int zoo_at_once(struct zoo *z);      /* the most that were open at a time */
/** zoo_heard - what came last, head and body. owner: caller, free() */
char *zoo_heard(struct zoo *z);

/** zoo_certificate - makes a self-signed certificate (PEM) and its key
 *  alt   subjectAltName, as in "IP:127.0.0.1,DNS:localhost"
 *  days  how long it is good from now on; below 0: since when it is not any more */
void zoo_certificate(const char *alt, int days, const char *certificate, const char *key);

#endif
