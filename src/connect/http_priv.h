/* What the files of the http client share. */
#ifndef NILO_CONNECT_HTTP_PRIV_H
#define NILO_CONNECT_HTTP_PRIV_H

#include "connect/http.h"

#define NILO__HTTP_RETRY_MAX INT64_C(86400000) /* ms: what Retry-After is clamped to */

/* What stands between :// and the first slash. */
struct nilo__http_host {
    char name[256]; /* without brackets */
    bool literal;   /* an address, in any of the spellings that resolvers take */
    bool loopback;
};

/** nilo__http_parse - is it a URL as http.h wants it?
 *  errors  NILO_EINVAL; the sentence names the host at most */
int nilo__http_parse(const char *url, struct nilo__http_host *ret, bool *ret_https, struct nilo_err *err);
/** nilo__http_may_connect - is a binary address (AF_INET, AF_INET6; network order) one to connect to?
 *  loopback  the request is for this machine: then only its own addresses are, else only public ones */
bool nilo__http_may_connect(int family, const void *address, bool loopback);
/** nilo__http_spared - is the host in a list as in $no_proxy? */
bool nilo__http_spared(const char *no_proxy, const char *host);

#endif
