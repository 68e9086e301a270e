/* What serve lets in: the keys of the store and what the configuration says of credentials, into the gate (api/gate.h). */
#include "api/gate.h"

#include "cmd/cmd_priv.h"

int nilo__gate_load(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo_gate *gate, struct nilo_err *err)
{
    struct nilo__ring ring;
    struct nilo_config *config = NULL;
    if (nilo__ring_open(s, &ring, err) != 0 || nilo_cmd_config(ctx, &config, err) != 0) {
        nilo__ring_done(&ring);
        return -1;
    }
    struct nilo_gate_rules rules = {.ring = ring.keys, .config = config};
    ring.keys = NULL;
    nilo__ring_done(&ring);
    return nilo_gate_load(gate, &rules, err) == 0 ? nilo_gate_refresh(gate, s, err) : -1;
}
