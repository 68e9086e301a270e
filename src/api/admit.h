/* Credentials on the server: the admit hook's work, from a request to a principal or to its refusal. */
#ifndef NILO_API_ADMIT_H
#define NILO_API_ADMIT_H

#include "api/credential.h"

#define NILO_SERVICE_BODY_MAX (16 << 20) /* bytes that the service may send where a route says nothing else */

/** nilo_admit_who - who it is. Over the Unix socket (0600: whoever can open it runs the server) a request without credentials is the service's.
 *  rules    needed during the call only, so that they can be exchanged between two of them
 *  ret      the principal, as nilo_req_identity() of the request, as long-lived as that; NULL when refused: the refusal is the answer then, and the hook
 *           returns NILO_LATER */
enum nilo_credential_result nilo_admit_who(struct nilo_exchange *x, const struct nilo_credential_rules *rules, nilo_us now, struct nilo_principal **ret);
/** nilo_admit_may - may it call the route? 0, or NILO_LATER: refused, the answer is given */
int nilo_admit_may(struct nilo_exchange *x, const struct nilo_principal *p);
/** nilo_admit - both, for the admit hook, on a loop */
int nilo_admit(struct nilo_exchange *x, const struct nilo_credential_rules *rules, nilo_us now);

/** nilo_admit_refuse - the answer to credentials that are not OK: one and the same for all that are BAD */
void nilo_admit_refuse(struct nilo_exchange *x, enum nilo_credential_result r);

/* What a request shows; points into it. */
void nilo_req_credentials(const struct nilo_exchange *x, struct nilo_credential_shown *ret);

/** nilo_req_principal - who it is; NULL on routes for EVERYONE. Not after nilo_answer_keep(): copy what is needed */
const struct nilo_principal *nilo_req_principal(const struct nilo_exchange *x);

#endif
