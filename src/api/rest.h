/* What every handler under /rest/v1 begins and may end with: whose rows the request is about, and a failure as an answer. Reads (rest.c), writes and
 * jobs use it alike. A principal's rights are names; the scope is what the store asks for. */
#ifndef NILO_API_REST_H
#define NILO_API_REST_H

#include "api/api.h"
#include "query/query.h"

struct nilo_rest_scope {
    struct nilo_scope scope;         /* its list lives as long as the request */
    struct nilo_workspace workspace; /* the one that it is about; id 0: every one (the service over the Unix socket, without a name) */
    bool any_range;                  /* exempt from the rule of 365 days */
    bool among;                      /* of several workspaces, by credentials that do not reach them all: what is common to all is not the caller's */
};

/** nilo_rest_scope - from the principal and the path to a scope of one workspace: the one in /w/{workspace}/..., else the only one that the principal
 *  names, else the store's only one. On routes with /w/ the workspace is the first segment. A table of a compatibility set (query/compat.h) without /w/ is
 *  about the workspace that the set is bound to; one that names its tenant itself, about all that the principal reaches (id 0). A workspace that is not the principal's is answered byte
 *  for byte as one that does not exist, and so is a name that only such a principal bears.
 *  returns  0; 1: refused, the answer is given and the handler returns 0; -1 with err: the store failed */
int nilo_rest_scope(struct nilo_exchange *x, struct nilo_store *s, struct nilo_rest_scope *ret, struct nilo_err *err);

/** nilo_rest_reach - all workspaces that the caller may know of, whichever the path names */
int nilo_rest_reach(struct nilo_exchange *x, struct nilo_store *s, struct nilo_scope *ret, struct nilo_err *err);

/** nilo_rest_role - the principal's role; over the Unix socket without credentials that of the service */
enum nilo_role nilo_rest_role(const struct nilo_exchange *x);

/* The segment of the path that is the relation or function: behind that of the workspace, if there is one. */
const char *nilo_rest_name(const struct nilo_exchange *x);
bool nilo_rest_in_workspace(const struct nilo_exchange *x); /* is it a path under /w/{workspace}? */

/** nilo_rest_fail - the error as an answer of the dialect: all four members, the status of its code (42501: 401 for anonymous callers), Retry-After where
 *  trying again helps, and a new store for the worker where this one failed. notes may be NULL. Returns 0, so that a handler can return it; -1 when
 *  a part of the answer is out already (the connection is cut then) */
int nilo_rest_fail(struct nilo_exchange *x, const struct nilo_notes *notes, const struct nilo_err *err);

#endif
