/* See cors.h. The lists are PostgREST's and what we send beyond it. */
#include "api/cors.h"

#include <string.h>

#define METHODS "GET, POST, PATCH, PUT, DELETE, OPTIONS, HEAD"
#define EXPOSED                                                                                                        \
    "Content-Encoding, Content-Location, Content-Range, Content-Type, Date, Location, Server, Transfer-Encoding, Range-Unit, ETag, Retry-After, "   \
    "Proxy-Status, Preference-Applied, WWW-Authenticate, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, RateLimit-Policy, "                 \
    "Nilometer-Data-Through, Nilometer-Coverage, Nilometer-Gaps, Nilometer-Hint, Nilometer-Limit, Nilometer-Rounded"
#define REQUESTED_MAX 2048

/* Names of headers and commas: nothing else of what a stranger says is said back. */
static bool is_list(const char *p, size_t n)
{
    static const char fine[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_, ";
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '\0' || strchr(fine, p[i]) == NULL)
            return false;
    }
    return n > 0 && n <= REQUESTED_MAX;
}

void nilo_cors(struct nilo_exchange *x)
{
    size_t n;
    if (nilo_req_header(x, "Origin", 0, &n) == NULL)
        return;
    nilo_answer_header(x, "Access-Control-Allow-Origin", "*");
    nilo_answer_header(x, "Access-Control-Expose-Headers", "%s", EXPOSED);
    if (nilo_req_method(x) != NILO_OPTIONS || nilo_req_header(x, "Access-Control-Request-Method", 0, &n) == NULL)
        return;
    const char *wanted = nilo_req_header(x, "Access-Control-Request-Headers", 0, &n);
    bool list = wanted != NULL && is_list(wanted, n);
    nilo_answer_header(x, "Access-Control-Allow-Methods", "%s", METHODS);
    /* a bare * would not cover Authorization */
    nilo_answer_header(x, "Access-Control-Allow-Headers", "Authorization%s%.*s", list ? ", " : "", list ? (int)n : 0, list ? wanted : "");
    nilo_answer_header(x, "Access-Control-Max-Age", "86400");
}
