/* The book of keys: what the store says of API keys and of what was revoked, in memory, to be asked on loops. Never changed once made; the gate
 * exchanges it for a newer one. */
#ifndef NILO_API_BOOK_H
#define NILO_API_BOOK_H

#include "api/credential.h"
#include "store/store.h"

struct nilo_book;
/** nilo_book_new - read from the store, as one state of it. owner: caller, nilo_book_free() */
int nilo_book_new(struct nilo_store *s, struct nilo_book **ret, struct nilo_err *err);
void nilo_book_free(struct nilo_book *b); /* NULL is fine */
int64_t nilo_book_changes(const struct nilo_book *b); /* nilo_store_access_changes() of that state */
/** nilo_book_view - for nilo_credential_check(); b NULL: an empty one. What find() gives lies in the asker's arena */
struct nilo_credential_book nilo_book_view(const struct nilo_book *b);

#endif
