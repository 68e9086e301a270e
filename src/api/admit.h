/* Credentials on the server: the admit hook's work, from a request to a principal or to its refusal. */
#ifndef NILO_API_ADMIT_H
#define NILO_API_ADMIT_H

#include "api/credential.h"

/** nilo_admit - for the admit hook, on a loop. Over the Unix socket (0600: whoever can open it runs the server) a request without credentials is the service's.
 *  rules    needed during the call only, so that they can be exchanged between two of them
 *  returns  0: let in, nilo_req_identity() is a struct nilo_principal that lives as long as the request. NILO_LATER: refused, the answer is given */
int nilo_admit(struct nilo_exchange *x, const struct nilo_credential_rules *rules, nilo_us now);

/** nilo_req_principal - who it is; NULL on routes for EVERYONE. Not after nilo_answer_keep(): copy what is needed */
const struct nilo_principal *nilo_req_principal(const struct nilo_exchange *x);

#endif
