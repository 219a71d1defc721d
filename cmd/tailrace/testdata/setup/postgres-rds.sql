-- What the source of pipeline shop needs.
-- The server was not asked: --as, or TAILRACE_SETUP_URL, says who may ask it.

-- Settings of the server:
-- - wal_level must be logical.
--     set rds.logical_replication = 1 in the instance's DB parameter group, then reboot the
--     instance
-- - max_replication_slots and max_wal_senders must have one free each.
--     they have, unless somebody took them all: each is 10 where it was not set
-- - max_slot_wal_keep_size bounds how much log the server keeps while Tailrace is away; without
--   it the disk may fill.
--     set max_slot_wal_keep_size = 65536 in the instance's DB parameter group, or what the disk
--     can spare

-- The role of source.url. Write its password in single quotes in place of <password>: as it
-- stands, the statement is refused.
CREATE ROLE "tailrace" LOGIN PASSWORD <password>;

-- It may replicate.
GRANT rds_replication TO "tailrace";

-- What it may: follow the log, and read the tables to copy them. It writes nothing and owns
-- nothing.
GRANT CONNECT ON DATABASE "shop" TO "tailrace";
GRANT USAGE ON SCHEMA "public" TO "tailrace";
GRANT SELECT ON "public"."orders" TO "tailrace";

-- The publication: which tables are in the log that it reads.
CREATE PUBLICATION "tailrace_shop" FOR TABLE "public"."orders" WITH (publish = 'insert, update, delete, truncate', publish_via_partition_root = true);

-- That of tables without a replica identity, of which only inserts may be published. It stands
-- ready although it is empty: made later, it could not decode what was written before.
CREATE PUBLICATION "tailrace_shop_inserts" WITH (publish = 'insert, truncate', publish_via_partition_root = true);

-- The slot. From now on the server keeps its log for it: start Tailrace soon, or give it back
-- with tailrace setup --remove.
SELECT pg_create_logical_replication_slot('tailrace_shop', 'pgoutput');

-- - With source.postgres.create: false, Tailrace makes nothing on the server by itself.
-- - A table that is made later, by its owner: ALTER PUBLICATION "tailrace_shop" ADD TABLE …;
