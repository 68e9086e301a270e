/* A platform's token endpoint inside the test process: a transport of the http client. It knows one refresh token at a time, counts what it is asked,
 * and misbehaves as told. */
#ifndef NILO_TESTS_LOGIN_FAKE_H
#define NILO_TESTS_LOGIN_FAKE_H

#include "connect/http.h"

#define FAKE_PLATFORM "youtube"

struct fake {
    struct nilo_http *http;
    const struct nilo_env *env;
    uint64_t jobs[8];
    char bodies[8][4096];
    size_t n;
    /* what it is */
    int generation;       /* of the refresh token that it takes: "refresh-N" */
    int access;           /* "access-N" was given out last */
    bool rotates;         /* each refresh brings the next refresh token, and ends the one before */
    int expires_s;        /* of access tokens; 0 = not said */
    int refresh_s;        /* of refresh tokens; 0 = not said */
    const char *answer;   /* NULL, or the body it answers instead ... */
    int status;           /* ... with this status */
    bool no_answer;       /* the connection breaks */
    void (*before)(void *ctx); /* called once, when it has decided and before its answer goes out */
    void *ctx;
    /* what it saw */
    int refreshes, codes, lists;
    char verifier[200], last[4096], challenge[100];
};

/** fake_start - a client over it. owner: the fake, fake_end() */
struct nilo_http *fake_start(struct fake *f, const struct nilo_env *env);
void fake_end(struct fake *f);

#endif
