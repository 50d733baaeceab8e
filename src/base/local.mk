libleadrelay_a_SOURCES += \
	src/base/base64url.c src/base/base64url.h \
	src/base/buf.c src/base/buf.h \
	src/base/clock.c src/base/clock.h \
	src/base/counters.h \
	src/base/digest.c src/base/digest.h \
	src/base/exits.h \
	src/base/files.c src/base/files.h \
	src/base/identity.c src/base/identity.h \
	src/base/log.c src/base/log.h \
	src/base/log_out.c src/base/log_out.h \
	src/base/notify.c src/base/notify.h \
	src/base/signals.c src/base/signals.h \
	src/base/spawn.c src/base/spawn.h \
	src/base/stamp.c src/base/stamp.h \
	src/base/text.c src/base/text.h \
	src/base/trust.c src/base/trust.h \
	src/base/uuid5.c src/base/uuid5.h \
	src/base/utf8.c src/base/utf8.h \
	src/base/uuid7.c src/base/uuid7.h

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/base/test_base64url tests/unit/base/test_buf \
	tests/unit/base/test_text tests/unit/base/test_uuid7 \
	tests/unit/base/test_log tests/unit/base/test_digest \
	tests/unit/base/test_notify \
	tests/unit/base/test_spawn \
	tests/unit/base/test_uuid5 tests/unit/base/test_clock \
	tests/unit/base/test_trust
tests_unit_base_test_base64url_SOURCES = tests/unit/base/test_base64url.c tests/unit/unit.h
tests_unit_base_test_base64url_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_base_test_base64url_LDADD = $(UNIT_LDADD)
tests_unit_base_test_buf_SOURCES = tests/unit/base/test_buf.c tests/unit/unit.h
tests_unit_base_test_buf_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_base_test_buf_LDADD = $(UNIT_LDADD)
tests_unit_base_test_clock_SOURCES = tests/unit/base/test_clock.c tests/unit/unit.h
tests_unit_base_test_clock_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_base_test_clock_LDADD = $(UNIT_LDADD)
tests_unit_base_test_trust_SOURCES = tests/unit/base/test_trust.c tests/unit/unit.h
tests_unit_base_test_trust_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_base_test_trust_LDADD = $(UNIT_LDADD)
tests_unit_base_test_digest_SOURCES = tests/unit/base/test_digest.c tests/unit/unit.h
tests_unit_base_test_digest_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_base_test_digest_LDADD = $(UNIT_LDADD)
tests_unit_base_test_log_SOURCES = tests/unit/base/test_log.c tests/unit/unit.h
tests_unit_base_test_log_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_base_test_log_LDADD = $(UNIT_LDADD)
tests_unit_base_test_notify_SOURCES = tests/unit/base/test_notify.c tests/unit/unit.h
tests_unit_base_test_notify_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_base_test_notify_LDADD = $(UNIT_LDADD)
tests_unit_base_test_spawn_SOURCES = tests/unit/base/test_spawn.c tests/unit/unit.h
tests_unit_base_test_spawn_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_base_test_spawn_LDADD = $(UNIT_LDADD)
tests_unit_base_test_text_SOURCES = tests/unit/base/test_text.c tests/unit/unit.h
tests_unit_base_test_text_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_base_test_text_LDADD = $(UNIT_LDADD)
tests_unit_base_test_uuid5_SOURCES = tests/unit/base/test_uuid5.c tests/unit/unit.h
tests_unit_base_test_uuid5_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_base_test_uuid5_LDADD = $(UNIT_LDADD)
tests_unit_base_test_uuid7_SOURCES = tests/unit/base/test_uuid7.c tests/unit/unit.h
tests_unit_base_test_uuid7_CPPFLAGS = $(UNIT_CPPFLAGS)
tests_unit_base_test_uuid7_LDADD = $(UNIT_LDADD)
endif
