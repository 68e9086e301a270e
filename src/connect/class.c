/* The class of an error decides what a collector does about it (see the design, "Collecting"). */
#include "connect/connect.h"

const char *nilo_connect_class(enum nilo_code code)
{
    switch (code) {
    case NILO_EPERM:
        return "permission";
    case NILO_ESOURCE:
    case NILO_ETIMEOUT:
    case NILO_EBUSY:
    case NILO_ELOCKED:
    case NILO_ECANCELLED:
    case NILO_ENOMEM:
    case NILO_EFULL:
    case NILO_EIO:
        return "transient";
    default:
        return "invalid";
    }
}
