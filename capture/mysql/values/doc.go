// Package values reads the values of MySQL and MariaDB as a row image of the
// binlog holds them, and writes them in their event form
// (docs/types-mysql.md). It knows one column at a time and nothing of rows,
// connections or the catalog.
package values
