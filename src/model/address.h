/* Addresses of content on its platform: which platform, which item. Pure; nothing is fetched, so short links that only a platform can resolve are
 * refused. */
#ifndef NILO_MODEL_ADDRESS_H
#define NILO_MODEL_ADDRESS_H

#include "base/err.h"

#define NILO_ADDRESS_ID 256
struct nilo_address {
    const char *platform;     /* youtube, instagram, facebook, tiktok */
    char id[NILO_ADDRESS_ID]; /* of the item there; Instagram: the short code of the link; Facebook's story links: PAGE_POST */
};
/** nilo_address_parse - text: http(s)://..., or an address without that
 *  errors  NILO_EINVAL not an address of one item on a known platform; the sentence says what is missing */
int nilo_address_parse(const char *text, struct nilo_address *ret, struct nilo_err *err);
/* Does it look like an address rather than like a bare id? */
int nilo_address_looks_like(const char *text);

#endif
