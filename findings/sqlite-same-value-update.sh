#!/bin/sh
#
# SQLite 3.40.1 (Debian 12): an UPDATE that gives a row the values it has writes nothing.
#
# Guess before running it: "UPDATE t SET a = a" in a transaction of its own makes its
# page dirty, so COMMIT appends it to the write-ahead log and syncs it; a program may
# use it to learn whether the database can be written to.
#
# Seen: changes() is 1, COMMIT succeeds, and the log has not grown by a byte; so there
# was no sync either, and a full or failing disk would not have been noticed.  The same
# with constants equal to what is there.  REPLACE with the same values does write, and
# so does an UPDATE with another value.  A trial write has to change something.
#
# Whether a row's cell differs is looked at in btree.c, btreeOverwriteContent().

set -eu

version=3.40.1-2+deb12u2
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
apt-get -qq download "sqlite3=$version" "libsqlite3-0=$version" 2>/dev/null
for package in *.deb; do
	dpkg -x "$package" root
done
LD_LIBRARY_PATH=$(dirname "$(find root -name libsqlite3.so.0)")
export LD_LIBRARY_PATH

root/usr/bin/sqlite3 t.db >seen <<'SQL'
.dbconfig no_ckpt_on_close on
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE t (a INTEGER, b TEXT);
INSERT INTO t VALUES (1, 'x');
.shell stat -c 'log before: %s' t.db-wal
BEGIN IMMEDIATE;
UPDATE t SET a = a;
COMMIT;
SELECT 'rows changed: ' || changes();
.shell stat -c 'log after a = a: %s' t.db-wal
UPDATE t SET a = 1, b = 'x';
.shell stat -c 'log after the same constants: %s' t.db-wal
REPLACE INTO t (rowid, a, b) VALUES (1, 1, 'x');
.shell stat -c 'log after REPLACE: %s' t.db-wal
UPDATE t SET a = 2;
.shell stat -c 'log after a = 2: %s' t.db-wal
SQL

cat seen
cat >expected <<'TEXT'
   no_ckpt_on_close on
wal
log before: 12392
rows changed: 1
log after a = a: 12392
log after the same constants: 12392
log after REPLACE: 16512
log after a = 2: 20632
TEXT
if ! cmp -s seen expected; then
	echo "it is no longer so; expected:" >&2
	cat expected >&2
	exit 1
fi
echo "as described: SQLite $version"
