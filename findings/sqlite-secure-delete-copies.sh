#!/bin/sh
#
# SQLite 3.40.1 (Debian 12): with secure_delete on, texts that were deleted can still
# stand in the database file.
#
# Guess before running it: "PRAGMA secure_delete = ON" overwrites what is deleted with
# zeros, so that once every row is deleted, committed and checkpointed, and the log is
# cut to nothing, no byte of the deleted texts is left.
#
# Seen: a few of 800 are left where rows were not put in in the order of their key (an
# index on the text, or a table WITHOUT ROWID), whichever order they go in: when
# neighbouring pages are balanced, cells are moved and a page is put together anew, and
# a copy that falls into the gap between the cell pointers and the first cell is
# overwritten by nobody.  VACUUM removes it.
#
# The pages are put together in btree.c, rebuildPage(), called by balance_nonroot().

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

dice=7
roll() {				# a number below $1, the same in every run
	dice=$(((dice * 1103515245 + 12345) & 0xffffffff))
	rolled=$(((dice >> 16) % $1))
}

# 1,200 rows whose text is their own mark, 1 to 50 times.
insert_all() {
	i=0
	while [ $i -lt 1200 ]; do
		roll 50
		length=$((10 * (rolled + 1)))
		roll 100
		printf "INSERT INTO t VALUES (%d, '%d', substr(replace(hex(zeroblob(250)), '0000000000', '<gone%04d>'), 1, %d));\n" \
			$i $((rolled * 10000 + i)) $i $length
		i=$((i + 1))
	done
}

delete_in_order() {
	i=0
	while [ $i -lt 800 ]; do
		echo "DELETE FROM t WHERE id = $i;"
		i=$((i + 1))
	done
}

# 7,919 and 1,200 have no common divisor: each number once, in no order.
delete_out_of_order() {
	i=0
	while [ $i -lt 800 ]; do
		echo "DELETE FROM t WHERE id = $(((i * 7919 + 13) % 1200));"
		i=$((i + 1))
	done
}

# How many deleted texts are in the file of a store with the table $1, deleted by $2.
left() {
	rm -f t.db*
	{
		echo "PRAGMA journal_mode = WAL; PRAGMA secure_delete = ON; $1"
		insert_all
		$2
		echo "PRAGMA wal_checkpoint(TRUNCATE); $3"
	} | root/usr/bin/sqlite3 t.db >/dev/null
	root/usr/bin/sqlite3 t.db "SELECT printf('<gone%04d>', id) FROM t" | sort >alive
	grep -ao '<gone[0-9]*>' t.db | sort -u | comm -23 - alive | wc -l
}

keyed='CREATE TABLE t (id INTEGER, lead TEXT, body TEXT, PRIMARY KEY (lead, id)) WITHOUT ROWID;'
indexed='CREATE TABLE t (id INTEGER PRIMARY KEY, lead TEXT, body TEXT); CREATE INDEX i ON t (lead, body);'
{
	echo "a key, oldest first: $(left "$keyed" delete_in_order '')"
	echo "a key, in no order: $(left "$keyed" delete_out_of_order '')"
	echo "an index, in no order: $(left "$indexed" delete_out_of_order '')"
	echo "the same, then VACUUM: $(left "$indexed" delete_out_of_order 'VACUUM; PRAGMA wal_checkpoint(TRUNCATE);')"
} >seen
cat seen
cat >expected <<'TEXT'
a key, oldest first: 3
a key, in no order: 9
an index, in no order: 9
the same, then VACUUM: 0
TEXT
if ! cmp -s seen expected; then
	echo "it is no longer so; expected:" >&2
	cat expected >&2
	exit 1
fi
echo "as described: SQLite $version"
