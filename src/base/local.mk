libleadrelay_a_SOURCES += \
	src/base/base64url.c src/base/base64url.h \
	src/base/buf.c src/base/buf.h \
	src/base/clock.c src/base/clock.h \
	src/base/counters.h \
	src/base/digest.c src/base/digest.h \
	src/base/exits.h \
	src/base/files.c src/base/files.h \
	src/base/identity.c src/base/identity.h \
	src/base/json.c src/base/json.h \
	src/base/log.c src/base/log.h \
	src/base/log_out.c src/base/log_out.h \
	src/base/notify.c src/base/notify.h \
	src/base/secret.c src/base/secret.h \
	src/base/sign.c src/base/sign.h \
	src/base/signals.c src/base/signals.h \
	src/base/spawn.c src/base/spawn.h \
	src/base/stamp.c src/base/stamp.h \
	src/base/text.c src/base/text.h \
	src/base/trust.c src/base/trust.h \
	src/base/utf8.c src/base/utf8.h \
	src/base/uuid5.c src/base/uuid5.h \
	src/base/uuid7.c src/base/uuid7.h

if HAVE_CMOCKA
check_PROGRAMS += \
	tests/unit/base/test_base64url \
	tests/unit/base/test_buf \
	tests/unit/base/test_clock \
	tests/unit/base/test_digest \
	tests/unit/base/test_identity \
	tests/unit/base/test_json \
	tests/unit/base/test_log \
	tests/unit/base/test_notify \
	tests/unit/base/test_secret \
	tests/unit/base/test_sign \
	tests/unit/base/test_spawn \
	tests/unit/base/test_text \
	tests/unit/base/test_trust \
	tests/unit/base/test_uuid5 \
	tests/unit/base/test_uuid7
endif

EXTRA_DIST += tests/fuzz/fuzz_json.c tests/fuzz/replay.h
