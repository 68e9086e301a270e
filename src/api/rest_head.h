/* The request headers of the dialect: Accept, Prefer, the profile, Range. Pure readers of an exchange; what they cannot serve they refuse. */
#ifndef NILO_API_REST_HEAD_H
#define NILO_API_REST_HEAD_H

#include "api/rest.h"

/* ---- Accept --------------------------------------------------------------------------------------------------------------------------------- */

struct nilo_rest_accept {
    enum nilo_format format; /* JSON, OBJECT, CSV or NDJSON */
    bool strip;              /* nulls=stripped */
    const char *mime;        /* what the answer is called */
};
/** nilo_rest_accept_text - the best of the kinds in the value of an Accept header: by q, then in the order given. false: none of them can be served */
bool nilo_rest_accept_text(const char *value, size_t n, struct nilo_rest_accept *ret);
/** nilo_rest_accept - false: refused, the answer (406 PGRST107) is given. No header is all the same as any kind */
bool nilo_rest_accept(struct nilo_exchange *x, struct nilo_rest_accept *ret);

/* ---- Prefer --------------------------------------------------------------------------------------------------------------------------------- */

enum nilo_rest_return { NILO_RETURN_NOT_SAID, NILO_RETURN_MINIMAL, NILO_RETURN_HEADERS, NILO_RETURN_REPRESENTATION };
enum nilo_rest_resolution { NILO_RESOLUTION_NOT_SAID, NILO_RESOLUTION_MERGE, NILO_RESOLUTION_IGNORE };

struct nilo_rest_prefer {
    bool strict, lenient;   /* handling= */
    const char *count;      /* "exact", "planned", "estimated"; NULL = not asked. All are answered exactly */
    enum nilo_rest_return ret;
    enum nilo_rest_resolution resolution;
    bool missing_default;
    int64_t max_affected;   /* -1 = not said; counts only where strict */
};
/** nilo_rest_prefer - the first word of each kind counts; unknown ones are passed over, unless handling=strict.
 *  returns  false: refused, the answer (400 PGRST122) is given */
bool nilo_rest_prefer(struct nilo_exchange *x, struct nilo_rest_prefer *ret);
/** nilo_rest_applied - what of it a read obeys, for Preference-Applied: "count=exact, handling=strict". false: nothing */
#define NILO_REST_APPLIED 64
bool nilo_rest_applied(const struct nilo_rest_prefer *p, char out[NILO_REST_APPLIED]);

/* ---- the rest ------------------------------------------------------------------------------------------------------------------------------- */

/** nilo_rest_profile - Accept-Profile for GET and HEAD, Content-Profile for others: public or nothing. false: refused (406 PGRST106) */
bool nilo_rest_profile(struct nilo_exchange *x);

/** nilo_rest_coding - a body comes as it is. false: it is said to be compressed, refused (415) */
bool nilo_rest_coding(struct nilo_exchange *x);

/** nilo_rest_range - the header "Range: 0-9" of items into the request; others (bytes=...) are not meant for us. false: refused (416 PGRST103) */
bool nilo_rest_range(struct nilo_exchange *x, struct nilo_request *request);

#endif
