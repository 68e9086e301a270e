-- The metrics of which a workspace has had values: derived, and never taken back. Names that one workspace gave to metrics of its own are
-- shown to no other one (the other engine's file has the same table).
CREATE TABLE metric_used (
    workspace_id bigint NOT NULL REFERENCES workspace (id),
    metric_id integer NOT NULL REFERENCES metric (id),
    PRIMARY KEY (workspace_id, metric_id)
);
INSERT INTO metric_used (workspace_id, metric_id)
    SELECT DISTINCT e.workspace_id, k.metric_id FROM known k JOIN entity e ON e.bucket = k.bucket AND e.id = k.entity_id JOIN metric m ON m.id = k.metric_id
    WHERE m.builtin = 0;
