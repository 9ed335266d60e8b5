-- The vault was moved to another database, and this one takes nothing more. For people: where to.
CREATE TABLE moved (
    only_row integer NOT NULL
        CONSTRAINT moved_has_one_row PRIMARY KEY
        CONSTRAINT moved_is_one_row CHECK (only_row = 1),
    target text NOT NULL
        CONSTRAINT moved_target_is_named CHECK (length(target) BETWEEN 1 AND 4096)
);
