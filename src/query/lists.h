/* Lists that the store hands over as one text, as JSON: owners' keys, failures of a run. */
#ifndef NILO_QUERY_LISTS_H
#define NILO_QUERY_LISTS_H

#include "base/json.h"
#include "query/query_priv.h"

/** nilo__put_owners - "0x1f key 0x1f, ..." as an array of keys in bytewise order */
int nilo__put_owners(struct nilo_db_value v, struct nilo_json_out *o, struct nilo_err *err);
/** nilo__put_failures - "0x1e item 0x1f class 0x1f message, ..." as {"failed": [{external_id, class, message}]} */
void nilo__put_failures(struct nilo_db_value v, struct nilo_json_out *o);

#endif
