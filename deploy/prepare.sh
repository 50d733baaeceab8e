# shellcheck shell=sh disable=SC2034,SC2154
#
# prepare.sh: what deploy/quickstart and tests/run share: packages and builds.
# Sourced by a POSIX shell with ${top} set to the top folder.

BUILD_PACKAGES="autoconf automake gcc libc6-dev make pkgconf
	libconfuse-dev libcurl4-openssl-dev libfcgi-dev libjq-dev libjson-c-dev libjwt-dev
	libsqlite3-dev libssl-dev"

say() {
	printf '%s\n' "$*"
}

fail() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null 2>&1; then
		sudo "$@"
	else
		fail "this step needs root: run it as root, or install sudo ($*)"
	fi
}

is_installed() {
	[ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Packages may not start their services while this file says so (invoke-rc.d(8)).
POLICY=/usr/sbin/policy-rc.d

hold_services() {
	[ -e "$POLICY" ] && return 0
	as_root sh -c "printf '#!/bin/sh\nexit 101\n' >'$POLICY' && chmod 755 '$POLICY'"
	policy_is_ours=yes
}

release_services() {
	[ "${policy_is_ours:-no}" = yes ] || return 0
	as_root rm -f "$POLICY"
	policy_is_ours=no
}

# Install those of the named packages that are missing.  What is there stays as
# it is, and no service gets started.
install_packages() {
	command -v dpkg-query >/dev/null 2>&1 ||
		fail "this is neither Debian nor Ubuntu: see 'Building' in the README"
	missing=
	for package in "$@"; do
		is_installed "$package" || missing="$missing $package"
	done
	if [ -z "$missing" ]; then
		say "Packages: all there, nothing to install."
		return 0
	fi
	say "Packages to install with apt-get (no service is started):"
	# shellcheck disable=SC2086 # a list of words
	printf '%s\n' $missing | sort | paste -sd ' ' - | fold -s -w 72 | sed 's/^/    /'
	mkdir -p "$top/build-logs"
	log=$top/build-logs/packages.log
	hold_services
	rc=0
	# shellcheck disable=SC2086
	{
		as_root env DEBIAN_FRONTEND=noninteractive apt-get -q update &&
		as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y \
		    --no-install-recommends install $missing
	} >"$log" 2>&1 </dev/null || rc=$?
	release_services
	if [ "$rc" -ne 0 ]; then
		tail -n 15 "$log" >&2
		fail "apt-get failed; all it said is in $log"
	fi
}

# Run a command with its output in a log, shown only when it fails.
quietly() {
	log=$1
	shift
	mkdir -p "${log%/*}"
	if ! "$@" >"$log" 2>&1 </dev/null; then
		tail -n 25 "$log" >&2
		say "failed: $* (all it said is in $log)" >&2
		return 1
	fi
}

# Where to build from: the tree itself, or a copy of what it distributes when
# somebody has configured the tree in place, which automake cannot build from
# elsewhere.
source_tree() {
	if [ ! -e "$top/config.status" ]; then
		printf '%s\n' "$top"
		return 0
	fi
	quietly "$top/build-logs/source.log" \
		make -C "$top" distdir distdir=build-source || return 1
	printf '%s\n' "$top/build-source"
}

# build DIR [configure arguments]: configure there unless it is done, and make.
# The source is named from there, since configure refuses a path with a blank in it.
build() {
	dir=$1
	shift
	source=$(source_tree) || return 1
	if [ ! -x "$source/configure" ] || [ ! -e "$source/build-aux/install-sh" ]; then
		quietly "$top/build-logs/autoreconf.log" autoreconf -fi "$source" || return 1
	fi
	mkdir -p "$dir"
	if [ "$(cat "$dir/configured-as" 2>/dev/null)" != "$*" ] || [ ! -e "$dir/Makefile" ]; then
		(cd "$dir" && quietly "$dir/configure.log" \
		    "$(realpath --relative-to=. "$source")/configure" "$@") || return 1
		printf '%s\n' "$*" >"$dir/configured-as"
	fi
	quietly "$dir/make.log" make -C "$dir" -j"$(nproc)"
}
