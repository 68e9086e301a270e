/* The API as it is served, over a filled store of either engine, asked over real HTTP with tokens of any role. */
#ifndef NILO_TESTS_API_REST_WORLD_H
#define NILO_TESTS_API_REST_WORLD_H

#include "world.h"

#include "../query/filled.h"
#include "api/api.h"

struct rest_world {
    struct world w;
    struct filled f;
    struct nilo_api api;
    struct client c;
    struct nilo_env env; /* of the server: its clock goes on from FILLED_NOW, by rest_pass() only */
    _Atomic int64_t passed;
    _Atomic int64_t wall; /* of the store's clock, for the threads of the server: rest_record() may run beside them */
    char socket[4200]; /* "unix:/..." : without credentials that is the service */
};

/** rest_world_open - at FILLED_NOW; -1 where there is no PostgreSQL */
int rest_world_open(struct rest_world *r, enum nilo_db_engine engine);
void rest_world_close(struct rest_world *r);
void rest_pass(struct rest_world *r, nilo_us span); /* time goes by, for the server */
/** rest_record - one more reading of v1 on acme's connection yt, at FILLED_NOW: by a connection that is not the server's */
void rest_record(struct rest_world *r, int64_t views);

/* One request, and what has to come. */
struct rest_row {
    const char *as;      /* "anon", "authenticated acme", "service_role", ...: role and workspaces of a token; NULL: no credentials */
    const char *method, *target;
    const char *headers; /* "Prefer: count=exact\nAccept: text/csv"; NULL = none */
    const char *body;
    int status;
    const char *wanted;  /* lines of the head, "!Name" must not be there; NULL = nothing more */
    const char *text;    /* the whole body; "~..." a part of it; NULL = not looked at; a HEAD has none anyway */
};
/** rest_ask - sends it; owner: answer_done() */
void rest_ask(struct rest_world *r, const struct rest_row *row, struct answer *a);
void rest_check(struct rest_world *r, const struct rest_row *row);
#define REST_CHECK_ALL(r, rows)                                                                                        \
    for (size_t i_ = 0; i_ < sizeof(rows) / sizeof((rows)[0]); i_++)                                                   \
    rest_check(r, &(rows)[i_])

#endif
