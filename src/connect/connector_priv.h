/* What connectors share with each other. */
#ifndef NILO_CONNECT_CONNECTOR_PRIV_H
#define NILO_CONNECT_CONNECTOR_PRIV_H

#include "connect/connector.h"
#include "connect/http_priv.h"

extern const struct nilo_connector nilo__youtube; /* youtube.c */

extern const struct nilo_result nilo__result_none; /* OK, and nothing said */

/** nilo__add_encoded - for one name or value in a URL */
void nilo__add_encoded(struct nilo_buf *b, const char *text);

#endif
