-- What the source of pipeline shop needs.
-- The server was not asked: --as, or TAILRACE_SETUP_URL, says who may ask it.

-- Settings of the server:
-- - log_bin must be ON.
--     turn automated backups on (a backup retention period of a day or more)
-- - binlog_format must be ROW.
--     set binlog_format = ROW in the instance's DB parameter group, and reboot it where the
--     group says so
-- - binlog_row_metadata should be FULL: the names of columns are in the log then, and changes
--   from before an ALTER TABLE stay readable.
--     set binlog_row_metadata = FULL in the instance's DB parameter group, and reboot it where
--     the group says so
-- - binlog_row_image should be FULL: with MINIMAL, columns that did not change are absent.
--     set binlog_row_image = FULL in the instance's DB parameter group, and reboot it where the
--     group says so
-- - binlog_row_value_options must not be PARTIAL_JSON.
--     set binlog_row_value_options = '' in the instance's DB parameter group, and reboot it
--     where the group says so
-- - gtid_mode and enforce_gtid_consistency should be ON, so that a place outlives a failover.
--     set gtid_mode = ON in the instance's DB parameter group, and reboot it where the group
--     says so

-- The user of source.url. Write its password in single quotes in place of <password>: as it
-- stands, the statement is refused. In place of % may stand from where Tailrace comes.
CREATE USER IF NOT EXISTS `tailrace`@`%` IDENTIFIED BY <password>;

-- What it may: read the log as a replica does, and see which tables there are. It writes
-- nothing.
GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO `tailrace`@`%`;
GRANT SELECT ON `shop`.`orders` TO `tailrace`@`%`;

-- To copy a table that has no key, or any while gtid_mode is not ON, it locks the table for a
-- moment.
GRANT LOCK TABLES ON `shop`.* TO `tailrace`@`%`;

-- - Binlogs go after minutes unless told otherwise: CALL mysql.rds_set_configuration('binlog
--   retention hours', 72); CALL mysql.rds_show_configuration shows what holds now.
-- - A table that is made later in a database that was granted is seen at once; one that was
--   granted by name, or another database, takes a GRANT SELECT of its own.
