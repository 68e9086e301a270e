/* The PostgreSQL driver: to come. */
#include "db/db_priv.h"
int nilo__postgres_open(const char *url, const struct nilo_db_options *options, struct nilo_db **ret_db, struct nilo_err *err)
{ (void)url; (void)options; (void)ret_db; return nilo_err_set(err, NILO_ESOURCE, "PostgreSQL is not supported by this build yet"); }
