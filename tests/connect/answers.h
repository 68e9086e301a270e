/* What tests of connectors share: recorded answers read and handed to a connector, and results as text. */
#ifndef NILO_TESTS_CONNECT_ANSWERS_H
#define NILO_TESTS_CONNECT_ANSWERS_H

#include "connect/connector.h"

const struct nilo_connector *answers_connector(const char *platform);
/** answers_read - a recorded answer, fixtures/FOLDER/NAME.json in the shared files; skips the test where there are none.  owner  caller, free() */
char *answers_read(const char *folder, const char *name);
/** answers_of - an answer with that status, there at once */
struct nilo_http_answer answers_of(int status, const char *body, nilo_us now);
/** answers_take - what the connector makes of it; fails the test where take() itself fails */
struct nilo_result answers_take(const struct nilo_connector *c, const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena);
/** answers_cannot_ask - make() refuses it with a sentence that holds these words */
void answers_cannot_ask(const struct nilo_connector *c, const struct nilo_ask *ask, const char *says);
/** answers_split - "a,b,c" into its parts, in place; how many */
size_t answers_split(char *ids, const char **ret);

void answers_put_text(struct nilo_buf *b, const char *text, char end); /* "-" where there is none */
void answers_put_number(struct nilo_buf *b, bool said, int64_t n);

const struct nilo_item_value *answers_value_of(const struct nilo_item *item, const char *metric); /* NULL = none */
void answers_put_value(struct nilo_buf *b, const struct nilo_item *item, const char *metric, bool reasons); /* "-" or the reason where there is none */
void answers_put_request(struct nilo_buf *b, const struct nilo_call *c); /* with *** in the place of secrets; behind it the buckets and what it costs */

#endif
