/* The handlers that read, for the table of routes. */
#ifndef NILO_API_REST_READ_H
#define NILO_API_REST_READ_H

#include "api/rest.h"

nilo_handler_fn nilo_rest_instant;    /* of both: what is in the cache */
nilo_handler_fn nilo_rest_read;       /* GET, HEAD of {relation} */
nilo_handler_fn nilo_rest_call;       /* GET, HEAD, POST of rpc/{function}: those that read */
nilo_handler_fn nilo_rest_call_wrong; /* other methods of rpc/{function} */

#endif
