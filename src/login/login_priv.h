/* Inside login: the handle, one call and its result. */
#ifndef NILO_LOGIN_LOGIN_PRIV_H
#define NILO_LOGIN_LOGIN_PRIV_H

#include "login/login.h"

struct nilo_login {
    struct nilo_store *store;
    const struct nilo_config *config;
    struct nilo_http *http; /* NULL until it is needed */
    bool own_http;
    struct nilo_keys *ring; /* NULL: not read yet, or not there */
};

/** nilo__login_ring - the keys as they are on disk by now */
int nilo__login_ring(struct nilo_login *l, struct nilo_err *err);
/** nilo__login_open - a secret, by the ring in memory or else the one on disk. owner: caller, nilo_secret_free() */
int nilo__login_open(struct nilo_login *l, const struct nilo_connection *c, const char *kind, char **ret, struct nilo_err *err);
/** nilo__login_write - a new set in the place of the one there was, and connected from then on: why. In a transaction, behind nilo__login_ring() */
int nilo__login_write(struct nilo_login *l, const struct nilo_connection *c, const struct nilo_login_set *set, const char *why, struct nilo_err *err);
/** nilo__login_http - the client, made at first use */
int nilo__login_http(struct nilo_login *l, struct nilo_http **ret, struct nilo_err *err);
/** nilo__login_send - sends one request on a client that nobody else uses and waits. owner: caller, nilo_http_answer_free() */
int nilo__login_send(struct nilo_http *http, const struct nilo_call *call, struct nilo_http_answer **ret, struct nilo_err *err);
/** nilo__login_why - what a result that is not OK means for people: in the words of this program and the platform's one word for it. title: the platform's */
void nilo__login_why(const char *title, const struct nilo_result *result, char *out, size_t size);
/* A copy in secret memory; NULL: no memory. */
char *nilo__login_copy(const char *text);
/** nilo__login_wipe - what an operation left of tokens in its arena */
void nilo__login_wipe(const struct nilo_result *r);

#endif
