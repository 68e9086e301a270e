/* Browsers: which other sites may ask (all: credentials are headers that a page has to know, never cookies), and which headers of answers they see. */
#ifndef NILO_API_CORS_H
#define NILO_API_CORS_H

#include "api/server.h"

/* For the decorate hook. Nothing where the request names no Origin. */
void nilo_cors(struct nilo_exchange *x);

#endif
